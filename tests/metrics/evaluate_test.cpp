#include "support/catch.hpp"

#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/evaluate.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::evaluate;
using diva::Generator;
using diva::LabelledFeatures;
using diva::Variant;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double one_value(const torch::Tensor& features, const torch::Tensor& labels, const std::string& name,
                 const diva::EvaluateOptions& options = {}) {
  Generator generator(0);
  return evaluate(features, labels, {name}, generator, options).front().second;
}

// The definitions with all distances sorted; queries and gallery are told apart by id.
std::map<std::string, double> slowly(const LabelledFeatures& queries, const LabelledFeatures& gallery, bool repo) {
  const auto distances = torch::cdist(queries.features, gallery.features, 2, /*compute_mode=*/2);
  std::map<std::string, double> sums, counts;
  const auto add = [&](const std::string& name, double value) { sums[name] += value, ++counts[name]; };
  const auto* class_of = gallery.labels.data_ptr<std::int64_t>();
  for (std::int64_t q = 0; q < queries.features.size(0); ++q) {
    const auto wanted = queries.labels[q].item<std::int64_t>(), id = queries.ids[q].item<std::int64_t>();
    std::vector<std::int64_t> order;
    for (std::int64_t j = 0; j < gallery.features.size(0); ++j) {
      if (gallery.ids[j].item<std::int64_t>() != id) order.push_back(j);
    }
    const auto row = distances[q].contiguous();
    std::ranges::stable_sort(order, {}, [&](std::int64_t j) { return row.data_ptr<double>()[j]; });
    const auto relevant = std::ranges::count_if(order, [&](std::int64_t j) { return class_of[j] == wanted; });
    const auto precision_sum = [&](std::int64_t limit) {
      double found = 0, sum = 0;
      for (std::int64_t r = 0; r < std::min<std::int64_t>(limit, std::ssize(order)); ++r) {
        if (class_of[order[r]] == wanted) sum += ++found / static_cast<double>(r + 1);
      }
      return sum;
    };
    const auto first = std::ranges::find_if(order, [&](std::int64_t j) { return class_of[j] == wanted; }) - order.begin();
    for (const std::int64_t k : {1, 4}) add("recall@" + std::to_string(k), first < k && relevant > 0);
    const auto r = static_cast<double>(relevant);
    if (repo) {
      add("mAP", precision_sum(1 << 20) / (r + 1));
      add("mAP_5", precision_sum(5) / (r + 1));
      add("mAP_c", precision_sum(relevant + 1) / (r + 1));
    } else if (relevant > 0) {
      add("mAP", precision_sum(1 << 20) / r);
      add("mAP_5", precision_sum(5) / std::min(r, 5.0));
      add("mAP_c", precision_sum(relevant) / r);
      add("map@r", precision_sum(relevant) / r);
      add("mrr", 1.0 / static_cast<double>(first + 1));
      add("precision@3",
          static_cast<double>(std::count_if(order.begin(), order.begin() + std::min<std::ptrdiff_t>(3, std::ssize(order)),
                                            [&](std::int64_t j) { return class_of[j] == wanted; })) /
              3);
    }
  }
  for (auto& [name, sum] : sums) sum /= counts[name];
  return sums;
}

void check_against_slow(const LabelledFeatures& queries, const LabelledFeatures& gallery) {
  for (const auto variant : {Variant::fixed, Variant::repo}) {
    const auto expected = slowly(queries, gallery, variant == Variant::repo);
    std::vector<std::string> names;
    for (const auto& [name, value] : expected) names.push_back(name);
    Generator generator(0);
    for (const auto& [name, value] : evaluate(queries, gallery, names, generator, {.variant = variant})) {
      CAPTURE(name, diva::to_string(variant));
      REQUIRE_THAT(value, WithinAbs(expected.at(name), 1e-12));
    }
  }
}

}  // namespace

TEST_CASE("evaluate of five points worked by hand") {
  // Points 0, 1, 3, 6, 10 of classes a, b, a, b, c. Orders: 0 → b a b c; 1 → a a b c; 3 → b(1) a(0) ... distances 2, 3, 3 (index 0
  // first), 7: b a b c; 6 → a(3) c(10) b(1) a(0): distances 3, 4, 5, 6; 10 → b a b a, lone. recall@1: none. recall@2: rows 0 and 2
  // of five. mrr: 1/2, 1/3, 1/2, 1/3 over four. map@r: R = 1 and rank 1 never hits: 0.
  const auto features = torch::tensor({0.F, 1.F, 3.F, 6.F, 10.F}).view({5, 1});
  const auto labels = ids({0, 1, 0, 1, 2});
  Generator generator(0);
  const auto values = evaluate(features, labels, {"e_recall@1", "recall@2", "mrr", "map@r", "mAP", "recall@3"}, generator);
  const std::vector<std::pair<std::string, double>> expected = {{"e_recall@1", 0}, {"recall@2", 0.4}, {"mrr", 5.0 / 12},
                                                                {"map@r", 0},      {"mAP", 5.0 / 12}, {"recall@3", 0.8}};
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(expected[i].first);
    CHECK(values[i].first == expected[i].first);
    CHECK_THAT(values[i].second, WithinAbs(expected[i].second, 1e-15));
  }
}

TEST_CASE("evaluate agrees with sorting everything, over many random sets with duplicates, singletons and ties") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 3 + generator.below(60), dim = 1 + generator.below(3), classes = 1 + generator.below(20);
    // Coarse values: many samples are equal.
    const LabelledFeatures all{.features = (generator.normal({count, dim}, torch::kFloat64) * 2).round(),
                               .labels = (generator.uniform({count}) * static_cast<double>(classes)).to(torch::kInt64) - 3,
                               .ids = torch::arange(count)};
    check_against_slow(all, all);
    const auto [names, values] = std::pair{std::vector<std::string>{"recall@1", "mAP"}, slowly(all, all, false)};
    for (const auto& name : names) {
      if (values.contains(name)) REQUIRE_THAT(one_value(all.features, all.labels, name), WithinAbs(values.at(name), 1e-12));
    }
    // A gallery that holds some of the queries.
    const auto split = 1 + generator.below(count - 1), common = generator.below(split + 1);
    const auto slice = [&](std::int64_t from, std::int64_t to) {
      return LabelledFeatures{all.features.slice(0, from, to), all.labels.slice(0, from, to), all.ids.slice(0, from, to)};
    };
    check_against_slow(slice(0, split), slice(split - common, count));
  }
}

TEST_CASE("mrr finds the first hit however far down it is") {
  // Class 1 at both ends of a line of 300: each sees all of class 0 first, at rank 299.
  auto labels = torch::zeros({300}, torch::kInt64);
  labels[0] = 1, labels[299] = 1;
  const auto features = torch::arange(300, torch::kFloat32).view({300, 1});
  CHECK_THAT(one_value(features, labels, "mrr"), WithinAbs((298.0 + 2.0 / 299) / 300, 1e-12));
}

TEST_CASE("evaluate clusters as many classes as it is given, once for all cluster metrics") {
  // Three far groups: k-means with three clusters finds them for this seed, and the classes are the groups.
  Generator data(1), generator(3), drawn(3);
  const auto labels = torch::arange(60) % 3;
  const auto features = torch::eye(3).index_select(0, labels) * 100 + data.normal({60, 3});
  const auto values = evaluate(features, labels, {"nmi", "ami", "f1"}, generator, {.clustering = {.restarts = 5}});
  for (const auto& [name, value] : values) CHECK(value == 1);
  drawn.next();
  CHECK(generator.position() == drawn.position());

  const auto before = generator.position();
  evaluate(features, labels, {"recall@1", "dists@intra", "rho_spectrum@1"}, generator);
  CHECK(generator.position() == before);

  Generator one(5), other(5);
  const auto clusters = diva::kmeans(features, 7, one).assignments;
  CHECK(evaluate(features, labels, {"nmi"}, other, {.num_clusters = 7}).front().second ==
        diva::nmi(diva::contingency(labels, clusters)));
}

TEST_CASE("evaluate tells a sample from its duplicates by id") {
  // Two equal samples of different classes: each finds the other first. Dropping the first rank blindly would find itself.
  const auto features = torch::tensor({1.F, 1.F, 5.F, 5.F}).view({4, 1});
  CHECK(one_value(features, ids({0, 1, 0, 1}), "recall@1") == 0);
  CHECK(one_value(features, ids({0, 0, 1, 1}), "recall@1") == 1);
}

TEST_CASE("evaluate at the edges: singletons, one class, one sample, ranks beyond the gallery") {
  const auto features = torch::eye(4);
  const auto alone = ids({0, 1, 2, 3}), together = ids({5, 5, 5, 5});
  CHECK(one_value(features, alone, "recall@1") == 0);
  for (const auto* name : {"map@r", "mAP", "mrr", "r_precision", "precision@1", "mAP_c", "dists@intra"}) {
    CAPTURE(name);
    CHECK(std::isnan(one_value(features, alone, name)));
    CHECK(one_value(features, together, name) == 1);
  }
  CHECK(one_value(features, alone, "mAP", {.variant = Variant::repo}) == 0);
  CHECK(one_value(features, alone, "nmi") == 1);  // k-means with a cluster for each
  CHECK(one_value(features, together, "f1") == 1);
  CHECK(one_value(features, together, "recall@1000") == 1);
  CHECK(one_value(features, together, "precision@6") == 0.5);  // three of six places
  CHECK(one_value(features.slice(0, 0, 1), ids({0}), "recall@1") == 0);
}

TEST_CASE("evaluate refuses unknown names, also the nearly right ones, before it computes") {
  const auto features = torch::randn({6, 2});
  const auto labels = ids({0, 0, 1, 1, 2, 2});
  CHECK_THROWS_WITH(one_value(features, labels, "recal@1"), Contains("recall@K") && Contains("did you mean"));
  for (const auto* name : {"recall@0", "recall@-1", "recall@", "recall@1x", "recall@1.5", "recall", "recall@K", "mAP_0", "MAP",
                           "rho_spectrum@0", "rho_spectrum@", "nmi@2", "", "recall@99999999999999999999"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(one_value(features, labels, name), diva::OptionError);
  }
  CHECK_THROWS_AS(one_value(features, labels, "rho_spectrum@3"), diva::OptionError);  // two dimensions
  CHECK_THROWS_AS(one_value(features, labels, "nmi", {.num_clusters = 7}), diva::OptionError);
  CHECK_THROWS_AS(one_value(features, labels, "nmi", {.num_clusters = -1}), diva::OptionError);
  CHECK_THROWS_AS(one_value(features, ids({0}), "nmi"), diva::ShapeError);
  CHECK_THROWS_AS(one_value(torch::empty({0, 2}), ids({}), "recall@1"), diva::DataError);
  CHECK_THROWS_AS(one_value(torch::full({6, 2}, NAN), labels, "recall@1"), diva::DataError);
  Generator generator(0);
  const LabelledFeatures set{features, labels, {}}, empty{torch::empty({0, 2}), ids({}), {}};
  CHECK_THROWS_WITH(evaluate(set, empty, {"recall@1"}, generator), Contains("gallery.features"));
  CHECK_THROWS_AS(evaluate({features, labels, ids({0, 1, 2, 3, 4, 5})}, set, {"recall@1"}, generator), diva::OptionError);
  CHECK(evaluate(features, labels, {}, generator).empty());
}

TEST_CASE("every form of metric gives a value, and says what it means") {
  Generator generator(2);
  const auto features = generator.normal({40, 8});
  const auto labels = torch::arange(40) % 5;
  for (const auto& [form, meaning] : diva::metric_forms()) {
    CAPTURE(form);
    auto name = form;
    if (name.back() == 'K' || name.back() == 'M') name.back() = '2';
    CHECK(std::isfinite(one_value(features, labels, name)));
    CHECK_FALSE(meaning.empty());
  }
}
