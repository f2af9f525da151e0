#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/verification.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::evaluate;
using diva::evaluate_queries;
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
    const auto hits = [&](std::int64_t limit) {
      return static_cast<double>(std::count_if(order.begin(), order.begin() + std::min<std::ptrdiff_t>(limit, std::ssize(order)),
                                               [&](std::int64_t j) { return class_of[j] == wanted; }));
    };
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
      add("precision@3", hits(3) / 3);
      add("r_precision", hits(relevant) / r);
      add("cmc@4", hits(4) > 0);
      add("oml_precision@7", hits(7) / std::min(r, 7.0));
      add("oml_map@7", hits(7) > 0 ? precision_sum(7) / hits(7) : 0);
      double gain = 0, best = 0;
      for (std::int64_t rank = 0; rank < 70; ++rank) {
        const double discount = 1 / std::log2(static_cast<double>(rank) + 2);
        if (rank < std::ssize(order) && class_of[order[rank]] == wanted) gain += discount;
        if (rank < relevant) best += discount;
      }
      add("ndcg@70", gain / best);
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
  // Class 1 at both ends of a line of 300: each sees all of class 0 first, at rank 299. Sample 1 has both neighbours at the
  // distance 1, and the first by index is that of class 1: rank 2.
  auto labels = torch::zeros({300}, torch::kInt64);
  labels[0] = 1, labels[299] = 1;
  const auto features = torch::arange(300, torch::kFloat32).view({300, 1});
  CHECK_THAT(one_value(features, labels, "mrr"), WithinAbs((297.5 + 2.0 / 299) / 300, 1e-12));
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

TEST_CASE("names with c_ search and cluster by cosine, and equal the others on L2-normalised features") {
  const std::vector<std::string> names = {"recall@2", "mAP", "mAP_c", "mAP_lim", "mAP_5", "mrr", "nmi", "ami", "f1", "auc"};
  std::vector<std::string> by_cosine = names;
  for (auto& name : by_cosine) name = "c_" + name;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto features = generator.normal({40, 3}, torch::kFloat64) + 1;
    const auto unit = (features / features.norm(2, 1, true)).to(torch::kFloat32).to(torch::kFloat64);  // k-means sees float32
    const auto labels = (generator.uniform({40}) * 6).to(torch::kInt64);
    auto one = generator.fork(1), other = one, third = one, fourth = one;
    const auto plain = evaluate(unit, labels, names, one), cosine = evaluate(unit, labels, by_cosine, other);
    const auto scaled = evaluate(unit * (1 + 9 * generator.uniform({40, 1}, torch::kFloat64)), labels, by_cosine, third);
    // Both in one call: the second pass and the second k-means change nothing.
    auto all = names;
    all.insert(all.end(), by_cosine.begin(), by_cosine.end());
    const auto together = evaluate(unit, labels, all, fourth);
    CHECK(one.position() == other.position());
    CHECK(one.position() == fourth.position());
    for (std::size_t m = 0; m < names.size(); ++m) {
      CAPTURE(names[m]);
      REQUIRE_THAT(cosine[m].second, WithinAbs(plain[m].second, 1e-12));
      REQUIRE_THAT(scaled[m].second, WithinAbs(plain[m].second, 1e-12));
      REQUIRE(together[m].second == plain[m].second);
      REQUIRE(together[names.size() + m].second == cosine[m].second);
    }
    CHECK(evaluate(features, labels, {"c_recall@1"}, one).front().second ==
          evaluate(features, labels, {"recall@1"}, one, {.search = {.similarity = diva::Similarity::cosine}}).front().second);
  }
}

TEST_CASE("c_recall ranks by angle where recall ranks by length") {
  // Nearest by distance: 0 → 2 (0.51), 1 → 0 (9), 2 → 0, 3 → 0 (9.06): one of class 0 right. By angle: 0 → 1, 1 → 0, 2 → 0, 3 → 0.
  const auto features = torch::tensor({1.F, 0.F, 10.F, 0.F, 0.9F, 0.5F, 0.F, -9.F}).view({4, 2});
  const auto labels = ids({0, 0, 1, 1});
  Generator generator(0);
  const auto values = evaluate(features, labels, {"recall@1", "c_recall@1"}, generator);
  CHECK(values[0].second == 0.25);
  CHECK(values[1].second == 0.5);
  CHECK_THROWS_AS(evaluate(torch::zeros({4, 2}), labels, {"c_recall@1"}, generator), diva::DataError);
  CHECK_THROWS_AS(evaluate(torch::zeros({4, 2}), labels, {"c_nmi"}, generator), diva::DataError);
}

TEST_CASE("a level of labels gives what a call with these labels gives, from one search") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto count = 30 + generator.below(30);
    const auto features = generator.normal({count, 3}, torch::kFloat64);
    const auto fine = (generator.uniform({count}) * 12).to(torch::kInt64), coarse = fine.div(4, "floor");
    const LabelledFeatures set{features, fine, torch::arange(count), {{"super", coarse}, {"parity", fine % 2}}};
    const std::vector<std::string> names = {"recall@1", "map@r",       "mAP",       "mrr",   "nmi",       "f1",
                                            "auc",      "dists@intra", "alignment", "mAP_c", "c_recall@2"};
    for (const auto variant : {Variant::fixed, Variant::repo}) {
      for (const auto average : {diva::Average::queries, diva::Average::classes}) {
        const diva::EvaluateOptions options{.variant = variant, .average = average};
        std::vector<std::string> all = names;
        for (const auto& name : names) all.push_back(name + "/super");
        for (const auto& name : names) all.push_back(name + "/parity");
        auto one = generator.fork(0), two = one, three = one, four = one;
        const auto together = evaluate(set, set, all, one, options);
        auto apart = evaluate(features, fine, names, two, options);
        for (const auto& [name, value] : evaluate(features, coarse, names, three, options))
          apart.emplace_back(name + "/super", value);
        for (const auto& [name, value] : evaluate(features, fine % 2, names, four, options))
          apart.emplace_back(name + "/parity", value);
        REQUIRE(together.size() == apart.size());
        for (std::size_t m = 0; m < all.size(); ++m) {
          CAPTURE(all[m]);
          REQUIRE(together[m].first == all[m]);
          REQUIRE(together[m].second == apart[m].second);
        }
      }
    }
  }
}

TEST_CASE("evaluate refuses levels that are unknown, unnamed, doubled, of another size or on one side only") {
  Generator generator(0);
  const auto features = generator.normal({4, 2});
  const auto labels = ids({0, 0, 1, 1});
  const auto call = [&](std::vector<diva::LabelLevel> queries, std::vector<diva::LabelLevel> gallery, const std::string& name) {
    const LabelledFeatures one{features, labels, {}, std::move(queries)}, other{features, labels, {}, std::move(gallery)};
    return evaluate(one, other, {name}, generator);
  };
  const diva::LabelLevel super{"super", labels};
  CHECK(call({super}, {super}, "recall@1/super").front().second == 1);  // without ids each finds itself
  CHECK_THROWS_WITH(call({super}, {super}, "recall@1/supper"), Contains("did you mean 'super'"));
  CHECK_THROWS_AS(call({super}, {super}, "recall@1/"), diva::OptionError);
  CHECK_THROWS_AS(call({}, {}, "recall@1/super"), diva::OptionError);
  CHECK_THROWS_AS(call({super}, {}, "recall@1"), diva::OptionError);
  CHECK_THROWS_AS(call({super, super}, {super, super}, "recall@1"), diva::OptionError);
  CHECK_THROWS_AS(call({{"", labels}}, {{"", labels}}, "recall@1"), diva::OptionError);
  CHECK_THROWS_AS(call({{"a/b", labels}}, {{"a/b", labels}}, "recall@1"), diva::OptionError);
  CHECK_THROWS_WITH(call({{"super", ids({0})}}, {super}, "recall@1"), Contains("levels['super']"));
}

TEST_CASE("evaluate averages over classes where asked, and evaluate_queries gives what is averaged") {
  // Points 0, 1, 3, 6, 10 of classes a, b, a, b, c (see above). recall@2: 1, 0, 1, 0, 0: classes 1, 0, 0.
  // precision@2: 1/2, 0, 1/2, 0, and none for c: classes 1/2, 0.
  const auto features = torch::tensor({0.F, 1.F, 3.F, 6.F, 10.F}).view({5, 1});
  const auto labels = ids({0, 1, 0, 1, 2});
  const diva::EvaluateOptions by_class{.average = diva::Average::classes};
  CHECK_THAT(one_value(features, labels, "recall@2", by_class), WithinAbs(1.0 / 3, 1e-15));
  CHECK(one_value(features, labels, "precision@2", by_class) == 0.25);
  CHECK(one_value(features, labels, "precision@2") == 0.25);

  const auto values = evaluate_queries(features, labels, {"recall@2", "precision@2"});
  CHECK(values[0].first == "recall@2");
  CHECK(torch::equal(values[0].second, torch::tensor({1., 0., 1., 0., 0.}, torch::kFloat64)));
  CHECK(values[1].second[4].isnan().item<bool>());
  CHECK_THROWS_WITH(evaluate_queries(features, labels, {"recall@1", "nmi"}), Contains("metrics of neighbours") && Contains("nmi"));
  CHECK_THROWS_AS(evaluate_queries(features, labels, {"auc"}), diva::OptionError);
}

TEST_CASE("evaluate of a set like In-Shop: queries that the gallery does not hold, with several shots of their class or none") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto classes = 5 + generator.below(20), queries = 3 * classes, gallery = 2 * classes + generator.below(classes);
    const auto draw = [&](std::int64_t count, std::int64_t first_id, std::int64_t lowest_label) {
      return LabelledFeatures{generator.normal({count, 2}, torch::kFloat64), torch::arange(count) % classes + lowest_label,
                              torch::arange(first_id, first_id + count)};
    };
    auto asking = draw(queries, 0, 0);
    const auto shop = draw(gallery, queries, 1);  // class 0 is not in it
    check_against_slow(asking, shop);
    // Without ids nothing is excluded, which is the same here.
    Generator one(0), other(0);
    const std::vector<std::string> names = {"recall@1", "recall@20", "map@r", "mAP", "nmi", "auc", "eer", "fnmr@0.1"};
    const auto with_ids = evaluate(asking, shop, names, one),
               without = evaluate({asking.features, asking.labels, {}}, {shop.features, shop.labels, {}}, names, other);
    for (std::size_t m = 0; m < names.size(); ++m) CHECK(with_ids[m].second == without[m].second);
  }
}

TEST_CASE("names of pytorch-metric-learning are its definitions, whatever the variant") {
  Generator generator(4);
  const auto features = generator.normal({30, 2}, torch::kFloat64);
  const auto labels = torch::arange(30) % 7;
  const std::vector<std::pair<std::string, std::string>> pairs = {{"precision_at_1", "precision@1"},
                                                                  {"mean_reciprocal_rank", "mrr"},
                                                                  {"mean_average_precision", "mAP"},
                                                                  {"mean_average_precision_at_r", "map@r"},
                                                                  {"NMI", "nmi"},
                                                                  {"AMI", "ami"}};
  for (const auto& [theirs, ours] : pairs) {
    CAPTURE(theirs);
    CHECK(one_value(features, labels, theirs, {.variant = Variant::repo}) == one_value(features, labels, ours));
  }
}

TEST_CASE("pair metrics by name are those of the verification curve") {
  Generator generator(6);
  const auto features = generator.normal({30, 2}, torch::kFloat64);
  const auto labels = torch::arange(30) % 4;
  const auto curve = diva::verification_curve(features, labels, {});
  CHECK(one_value(features, labels, "auc") == area_under_roc(curve));
  CHECK(one_value(features, labels, "eer") == equal_error_rate(curve));
  CHECK(one_value(features, labels, "fnmr@0.25") == fnmr_at_fmr(curve, 0.25));
  CHECK(one_value(features, labels, "pcf@0.25") == diva::principal_component_fraction(features, 0.25));
  CHECK(one_value(features, labels, "uniformity") == diva::uniformity(features));
  // Two shots of one sample, ids 0 and 0: their pair is left out.
  const auto names = torch::arange(30).clamp_min(1) - 1;
  const LabelledFeatures set{features, torch::cat({ids({9, 9}), labels.slice(0, 2)}), names};
  std::vector<double> distances;
  std::vector<std::int64_t> same;
  for (std::int64_t i = 0; i < 30; ++i) {
    for (std::int64_t j = i + 1; j < 30; ++j) {
      if (i == 0 && j == 1) continue;
      distances.push_back((features[i] - features[j]).norm().item<double>());
      same.push_back(set.labels[i].item<std::int64_t>() == set.labels[j].item<std::int64_t>());
    }
  }
  const auto listed = diva::verification_curve(torch::tensor(distances, torch::kFloat64), ids(same).to(torch::kBool));
  CHECK_THAT(evaluate(set, set, {"auc"}, generator).front().second, WithinAbs(area_under_roc(listed), 1e-12));
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
  CHECK(one_value(features, together, "precision@3000000000") == 1e-9);
  CHECK(one_value(features, together, "mAP_1000") == 1);
  CHECK(one_value(features, together, "ndcg@3000000000") == 1);
  for (const auto* name : {"auc", "eer", "fnmr@0.1"}) {
    CAPTURE(name);
    CHECK(std::isnan(one_value(features, alone, name)));
    CHECK(std::isnan(one_value(features, together, name)));
  }
  CHECK(std::isnan(one_value(features.slice(0, 0, 1), ids({0}), "uniformity")));
  CHECK(one_value(features.slice(0, 0, 1), ids({0}), "recall@1") == 0);
}

TEST_CASE("evaluate refuses unknown names, also the nearly right ones, before it computes") {
  const auto features = torch::randn({6, 2});
  const auto labels = ids({0, 0, 1, 1, 2, 2});
  CHECK_THROWS_WITH(one_value(features, labels, "recal@1"), Contains("recall@K") && Contains("did you mean"));
  for (const auto* name : {"recall@0",
                           "recall@-1",
                           "recall@",
                           "recall@1x",
                           "recall@1.5",
                           "recall",
                           "recall@K",
                           "mAP_0",
                           "MAP",
                           "rho_spectrum@0",
                           "rho_spectrum@",
                           "nmi@2",
                           "pcf@0",
                           "pcf@1.5",
                           "pcf@",
                           "fnmr@x",
                           "c_",
                           "c_dists@intra",
                           "c_NMI",
                           "c_precision_at_1",
                           "ndcg@",
                           "cmc@0",
                           "",
                           "recall@99999999999999999999"}) {
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
    const bool open =
        name.find_first_of("@_") != std::string::npos && (name[name.size() - 2] == '@' || name[name.size() - 2] == '_');
    if (open && (name.back() == 'K' || name.back() == 'M')) name.back() = '2';
    if (open && name.back() == 'P') name.replace(name.size() - 1, 1, "0.25");
    CHECK(std::isfinite(one_value(features, labels, name)));
    CHECK_FALSE(meaning.empty());
  }
}
