#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

#include <cmath>
#include <vector>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::Generator;
using diva::Retrieval;
using diva::Variant;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

Retrieval one_list(std::vector<bool> hits, std::int64_t relevant) {
  auto row = torch::zeros({1, static_cast<std::int64_t>(hits.size())}, torch::kBool);
  for (std::size_t i = 0; i < hits.size(); ++i) row[0][static_cast<std::int64_t>(i)] = static_cast<bool>(hits[i]);
  return {row, ids({relevant})};
}

double value(const torch::Tensor& values) { return values.item<double>(); }

double sum_precision(const bool* hits, std::int64_t limit) {
  double sum = 0;
  for (std::int64_t r = 0; r < limit; ++r) {
    if (!hits[r]) continue;
    double found = 0;
    for (std::int64_t i = 0; i <= r; ++i) found += hits[i];
    sum += found / static_cast<double>(r + 1);
  }
  return sum;
}

}  // namespace

TEST_CASE("neighbour metrics of one list worked by hand") {
  // Ranks 1..6: hit, miss, hit, hit, miss, miss; R = 4, so one relevant sample lies beyond the list. Precisions at the hits: 1,
  // 2/3, 3/4.
  const auto list = one_list({true, false, true, true, false, false}, 4);
  CHECK(value(recall_at(list, 1)) == 1);
  CHECK(value(precision_at(list, 2)) == 0.5);
  CHECK(value(precision_at(list, 6)) == 0.5);
  CHECK(value(r_precision(list)) == 0.75);
  CHECK(value(reciprocal_rank(list)) == 1);
  CHECK_THAT(value(average_precision(list)), WithinAbs((1 + 2.0 / 3 + 0.75) / 4, 1e-15));
  CHECK_THAT(value(average_precision(list, diva::all_ranks, Variant::repo)), WithinAbs((1 + 2.0 / 3 + 0.75) / 5, 1e-15));
  CHECK_THAT(value(average_precision(list, 3)), WithinAbs((1 + 2.0 / 3) / 3, 1e-15));  // of three places
  CHECK_THAT(value(average_precision(list, 3, Variant::repo)), WithinAbs((1 + 2.0 / 3) / 5, 1e-15));
  CHECK_THAT(value(average_precision_at_r(list)), WithinAbs((1 + 2.0 / 3 + 0.75) / 4, 1e-15));
  CHECK_THAT(value(average_precision_at_r(list, Variant::repo)), WithinAbs((1 + 2.0 / 3 + 0.75) / 5, 1e-15));

  const auto late = one_list({false, false, true}, 1);
  CHECK(value(recall_at(late, 2)) == 0);
  CHECK(value(recall_at(late, 3)) == 1);
  CHECK_THAT(value(reciprocal_rank(late)), WithinAbs(1.0 / 3, 1e-15));
  CHECK(value(r_precision(late)) == 0);
  CHECK(value(reciprocal_rank(one_list({false, false}, 3))) == 0);
}

TEST_CASE("the further neighbour metrics of the same list worked by hand") {
  const auto list = one_list({true, false, true, true, false, false}, 4);
  CHECK(value(cmc_at(list, 1)) == 1);
  CHECK(value(oml_precision_at(list, 3)) == 2.0 / 3);  // of three places
  CHECK(value(oml_precision_at(list, 6)) == 0.75);     // of four relevant samples
  CHECK_THAT(value(oml_average_precision(list, 6)), WithinAbs((1 + 2.0 / 3 + 0.75) / 3, 1e-15));
  CHECK(value(oml_average_precision(list, 1)) == 1);
  // Gains 1 / log2(2) = 1, 1 / log2(4) = 1/2, 1 / log2(5); the best three 1, 1 / log2(3), 1/2, and a fourth 1 / log2(5).
  CHECK_THAT(value(ndcg_at(list, 3)), WithinAbs(1.5 / (1.5 + 1 / std::log2(3)), 1e-15));
  CHECK_THAT(value(ndcg_at(list, 6)), WithinAbs((1.5 + 1 / std::log2(5)) / (1.5 + 1 / std::log2(3) + 1 / std::log2(5)), 1e-15));

  const auto late = one_list({false, false, true}, 1);
  CHECK(value(cmc_at(late, 2)) == 0);
  CHECK(value(oml_average_precision(late, 2)) == 0);
  CHECK(value(ndcg_at(late, 3)) == 0.5);
  CHECK(value(ndcg_at(late, 2)) == 0);
}

TEST_CASE("perfect retrieval scores 1, and the seed's definition (n - 1) / n") {
  const auto pair = one_list({true, false, false}, 1);  // a class of two
  CHECK(value(average_precision(pair)) == 1);
  CHECK(value(average_precision_at_r(pair)) == 1);
  CHECK(value(average_precision(pair, 1)) == 1);
  CHECK(value(average_precision(pair, diva::all_ranks, Variant::repo)) == 0.5);
  CHECK(value(average_precision_at_r(pair, Variant::repo)) == 0.5);
  CHECK(value(average_precision(one_list({true, true, true}, 9), 3)) == 1);  // a class larger than the limit
}

TEST_CASE("a lone query is a miss for recall, left out of precisions, and counted as 0 by the seed") {
  const auto lone = one_list({false, false}, 0);
  CHECK(value(recall_at(lone, 2)) == 0);
  for (const auto& values :
       {precision_at(lone, 1), r_precision(lone), reciprocal_rank(lone), average_precision(lone), average_precision_at_r(lone),
        cmc_at(lone, 2), oml_precision_at(lone, 2), oml_average_precision(lone, 2), ndcg_at(lone, 2)}) {
    CHECK(std::isnan(value(values)));
  }
  CHECK(value(average_precision(lone, 5, Variant::repo)) == 0);
  CHECK(value(average_precision_at_r(lone, Variant::repo)) == 0);
  CHECK(diva::mean_over_queries(torch::tensor({0.25, double(NAN), 0.75})) == 0.5);
  CHECK(std::isnan(diva::mean_over_queries(torch::tensor({double(NAN)}))));
}

TEST_CASE("neighbour metrics agree with their definitions over thousands of random lists") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto queries = 1 + generator.below(5), length = 1 + generator.below(12), classes = 1 + generator.below(4);
    const auto hits = generator.uniform({queries, length}) < generator.uniform();
    auto relevant = hits.sum(1);  // some of the rest lies beyond the list
    relevant = relevant + (generator.uniform({queries}) * (length - relevant + 1)).to(torch::kInt64).clamp_max(classes);
    relevant = relevant.clamp_max(length - (length > 1 ? 1 : 0)).contiguous();
    const Retrieval retrieval{hits, relevant};
    const auto rank = 1 + generator.below(length);
    const auto recall = recall_at(retrieval, rank), precision = precision_at(retrieval, rank),
               ap = average_precision(retrieval, rank), repo = average_precision(retrieval, rank, Variant::repo),
               at_r = average_precision_at_r(retrieval), rp = r_precision(retrieval), rr = reciprocal_rank(retrieval),
               cmc = cmc_at(retrieval, rank), oml = oml_average_precision(retrieval, rank),
               oml_precision = oml_precision_at(retrieval, rank), ndcg = ndcg_at(retrieval, rank);
    for (std::int64_t q = 0; q < queries; ++q) {
      const bool* list = hits.data_ptr<bool>() + q * length;
      const auto r = relevant[q].item<std::int64_t>();
      std::int64_t found = 0, found_r = 0, first = length;
      for (std::int64_t i = length - 1; i >= 0; --i) {
        found += list[i] && i < rank;
        found_r += list[i] && i < r;
        if (list[i]) first = i;
      }
      REQUIRE(recall[q].item<double>() == (found > 0 ? 1 : 0));
      REQUIRE_THAT(repo[q].item<double>(), WithinAbs(sum_precision(list, rank) / static_cast<double>(r + 1), 1e-12));
      if (r == 0) {
        REQUIRE(ap[q].isnan().item<bool>());
        continue;
      }
      double gain = 0, best = 0;
      for (std::int64_t i = 0; i < rank; ++i) {
        gain += list[i] ? 1 / std::log2(static_cast<double>(i) + 2) : 0;
        best += i < r ? 1 / std::log2(static_cast<double>(i) + 2) : 0;
      }
      REQUIRE_THAT(ndcg[q].item<double>(), WithinAbs(gain / best, 1e-12));
      REQUIRE(cmc[q].item<double>() == recall[q].item<double>());
      REQUIRE_THAT(oml_precision[q].item<double>(),
                   WithinAbs(static_cast<double>(found) / static_cast<double>(std::min(r, rank)), 1e-15));
      REQUIRE_THAT(oml[q].item<double>(), WithinAbs(found > 0 ? sum_precision(list, rank) / static_cast<double>(found) : 0, 1e-12));
      REQUIRE_THAT(precision[q].item<double>(), WithinAbs(static_cast<double>(found) / static_cast<double>(rank), 1e-15));
      REQUIRE_THAT(rp[q].item<double>(), WithinAbs(static_cast<double>(found_r) / static_cast<double>(r), 1e-15));
      REQUIRE_THAT(rr[q].item<double>(), WithinAbs(first < length ? 1.0 / static_cast<double>(first + 1) : 0, 1e-15));
      REQUIRE_THAT(ap[q].item<double>(), WithinAbs(sum_precision(list, rank) / static_cast<double>(std::min(r, rank)), 1e-12));
      REQUIRE_THAT(at_r[q].item<double>(), WithinAbs(sum_precision(list, r) / static_cast<double>(r), 1e-12));
    }
  }
}

TEST_CASE("neighbour_hits compares labels and lets ended lists miss") {
  const auto indices = ids({2, 0, -1, 1, 2, 0}).view({2, 3});
  const auto hits = diva::neighbour_hits(indices, ids({5, 7}), ids({5, 7, 5}));
  CHECK(torch::equal(hits, torch::tensor({true, true, false, true, false, false}).view({2, 3})));
  CHECK_FALSE(diva::neighbour_hits(torch::full({2, 3}, -1, torch::kInt64), ids({0, 0}), ids({})).any().item<bool>());
}

TEST_CASE("count_relevant counts the gallery's class without the query's own id") {
  const auto queries = ids({1, 1, 2, 9}), gallery = ids({1, 1, 1, 2});
  CHECK(torch::equal(diva::count_relevant(queries, gallery), ids({3, 3, 1, 0})));
  // Query 0 is gallery rows 0 and 1 (two shots of one sample), query 1 is in no gallery, query 2 has the id of a sample of class 1.
  CHECK(torch::equal(diva::count_relevant(queries, gallery, ids({10, 50, 12, 13}), ids({10, 10, 12, 13})), ids({1, 3, 1, 0})));
  const auto judged = diva::judge_neighbours(ids({0, 1}).view({1, 2}), ids({1}), ids({2, 1}));
  CHECK(torch::equal(judged.relevant, ids({1})));
  CHECK(torch::equal(judged.hits, torch::tensor({false, true}).view({1, 2})));
}

TEST_CASE("class_means of six queries worked by hand") {
  // Class -1: 1, NaN; class 4: 0, 0.5, 1; class 7: NaN alone.
  const auto values = torch::tensor({1.0, 0.0, double(NAN), 0.5, double(NAN), 1.0}, torch::kFloat64);
  const auto labels = ids({-1, 4, -1, 4, 7, 4});
  const auto found = diva::class_means(values, labels);
  CHECK(torch::equal(found.labels, ids({-1, 4, 7})));
  CHECK(torch::equal(found.judged, ids({1, 3, 0})));
  CHECK(found.values[0].item<double>() == 1);
  CHECK(found.values[1].item<double>() == 0.5);
  CHECK(std::isnan(found.values[2].item<double>()));
  CHECK(diva::mean_over_classes(values, labels) == 0.75);
  CHECK(diva::mean_over_queries(values) == 0.625);
  CHECK(diva::class_means(torch::empty({0}), ids({})).labels.size(0) == 0);
  CHECK(std::isnan(diva::mean_over_classes(torch::empty({0}), ids({}))));
  CHECK_THROWS_AS(diva::class_means(values, ids({1})), diva::ShapeError);
  CHECK_THROWS_AS(diva::class_means(labels, labels), diva::ShapeError);
}

TEST_CASE("neighbour metrics refuse ranks beyond their lists and wrong shapes") {
  const auto list = one_list({true, false}, 3);
  CHECK_THROWS_WITH(recall_at(list, 3), Contains("recall_at: retrieval.hits must be at least 3 ranks long, got 2"));
  CHECK_THROWS_AS(recall_at(list, 0), diva::OptionError);
  for (const auto metric : {diva::cmc_at, diva::oml_precision_at, diva::oml_average_precision, diva::ndcg_at, diva::precision_at}) {
    CHECK_THROWS_AS(metric(list, 0), diva::OptionError);
    CHECK_THROWS_AS(metric(list, 3), diva::OptionError);
    CHECK_THROWS_AS(metric({}, 1), diva::ShapeError);
  }
  CHECK_THROWS_AS(r_precision(list), diva::OptionError);
  CHECK_THROWS_AS(average_precision_at_r(list), diva::OptionError);
  CHECK_THROWS_AS(diva::recall_at({list.hits, ids({1, 2})}, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::recall_at({torch::zeros({1, 2}), ids({1})}, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::neighbour_hits(ids({4}).view({1, 1}), ids({0}), ids({0})), diva::DataError);
  CHECK_THROWS_AS(diva::neighbour_hits(ids({0}), ids({0}), ids({0})), diva::ShapeError);
  CHECK_THROWS_AS(diva::count_relevant(ids({0}), ids({0}), ids({0})), diva::OptionError);
  CHECK_THROWS_AS(diva::count_relevant(torch::zeros({1}), ids({0})), diva::ShapeError);
}
