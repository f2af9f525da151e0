#include "support/catch.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/metrics/verification.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;
using diva::Generator;
using diva::LabelledFeatures;
using diva::Similarity;
using diva::verification_curve;
using diva::VerificationCurve;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }
torch::Tensor numbers(std::vector<double> values) { return torch::tensor(values, torch::kFloat64); }

struct Pairs {
  std::vector<double> same, different;

  [[nodiscard]] VerificationCurve curve() const {
    auto all = same;
    all.insert(all.end(), different.begin(), different.end());
    return verification_curve(numbers(all),
                              torch::arange(static_cast<std::int64_t>(all.size())) < static_cast<std::int64_t>(same.size()));
  }
};

// The definitions over all thresholds that can matter: each distance, and −∞.
struct Slow {
  Pairs pairs;

  static double share(const std::vector<double>& distances, double threshold) {
    return static_cast<double>(std::ranges::count_if(distances, [=](double d) { return d <= threshold; })) /
           static_cast<double>(distances.size());
  }
  [[nodiscard]] std::vector<double> thresholds() const {
    std::set<double> all = {-infinity};
    all.insert(pairs.same.begin(), pairs.same.end());
    all.insert(pairs.different.begin(), pairs.different.end());
    return {all.begin(), all.end()};
  }
  [[nodiscard]] double auc() const {
    double sum = 0;
    for (const double s : pairs.same) {
      for (const double d : pairs.different) sum += s < d ? 1 : (s == d ? 0.5 : 0);
    }
    return sum / static_cast<double>(pairs.same.size() * pairs.different.size());
  }
  [[nodiscard]] double fnmr(double rate) const {
    double best = 1;
    for (const double t : thresholds()) {
      if (share(pairs.different, t) <= rate) best = std::min(best, 1 - share(pairs.same, t));
    }
    return best;
  }
  [[nodiscard]] double eer() const {
    double far = 0, missed = 1;
    for (const double t : thresholds()) {
      const double next_far = share(pairs.different, t), next_missed = 1 - share(pairs.same, t);
      if (next_far >= next_missed) {
        // From (far, missed) to (next_far, next_missed), where the two are equal.
        const double before = missed - far, after = next_far - next_missed;
        return before + after == 0 ? far : far + before / (before + after) * (next_far - far);
      }
      far = next_far, missed = next_missed;
    }
    return missed;
  }
  [[nodiscard]] double accuracy() const {
    double best = 0;
    const auto s = static_cast<double>(pairs.same.size()), d = static_cast<double>(pairs.different.size());
    for (const double t : thresholds())
      best = std::max(best, (share(pairs.same, t) * s + (1 - share(pairs.different, t)) * d) / (s + d));
    return best;
  }
  [[nodiscard]] double f1() const {
    double best = 0;
    const auto s = static_cast<double>(pairs.same.size()), d = static_cast<double>(pairs.different.size());
    for (const double t : thresholds()) {
      const double hits = share(pairs.same, t) * s, matches = hits + share(pairs.different, t) * d;
      best = std::max(best, 2 * hits / (s + matches));
    }
    return best;
  }
};

void check_against(const VerificationCurve& curve, const Slow& slow) {
  REQUIRE_THAT(area_under_roc(curve), WithinAbs(slow.auc(), 1e-12));
  REQUIRE_THAT(equal_error_rate(curve), WithinAbs(slow.eer(), 1e-12));
  for (const double rate : {0.0, 0.01, 0.1, 0.5, 1.0}) {
    CAPTURE(rate);
    REQUIRE_THAT(fnmr_at_fmr(curve, rate), WithinAbs(slow.fnmr(rate), 1e-12));
    const auto point = calibrate_to_false_match_rate(curve, rate);
    REQUIRE(point.false_match_rate == Slow::share(slow.pairs.different, point.threshold));
    REQUIRE(point.recall == Slow::share(slow.pairs.same, point.threshold));
  }
  REQUIRE_THAT(calibrate_to_accuracy(curve).accuracy, WithinAbs(slow.accuracy(), 1e-12));
  REQUIRE_THAT(calibrate_to_f1(curve).f1, WithinAbs(slow.f1(), 1e-12));
  // The area under the vertices' trapezia is the same number.
  const auto line = roc(curve);
  REQUIRE(line.true_match_rate[-1].item<double>() == 1);
  REQUIRE(line.false_match_rate[-1].item<double>() == 1);
  REQUIRE_THAT(torch::trapezoid(line.true_match_rate, line.false_match_rate).item<double>(), WithinAbs(slow.auc(), 1e-12));
  REQUIRE((line.thresholds.diff() > 0).all().item<bool>());
}

// All pairs of a query and a gallery sample of different ids, each unordered pair of one set once.
Pairs all_pairs(const LabelledFeatures& queries, const LabelledFeatures& gallery, Similarity similarity, bool one_set) {
  Pairs pairs;
  const auto x = queries.features.to(torch::kFloat64).unsqueeze(1), y = gallery.features.to(torch::kFloat64).unsqueeze(0);
  const auto products = (x * y).sum(2);
  const auto measured = similarity == Similarity::euclidean ? (x - y).norm(2, 2)
                        : similarity == Similarity::dot     ? -products
                                                            : 1 - products / (x.norm(2, 2) * y.norm(2, 2));
  const auto distances = measured.contiguous();
  const auto same = (queries.labels.unsqueeze(1) == gallery.labels.unsqueeze(0)).contiguous();
  const auto excluded = (queries.ids.unsqueeze(1) == gallery.ids.unsqueeze(0)).contiguous();
  for (std::int64_t i = 0; i < same.size(0); ++i) {
    for (std::int64_t j = one_set ? i + 1 : 0; j < same.size(1); ++j) {
      if (excluded.data_ptr<bool>()[i * same.size(1) + j]) continue;
      const double distance = distances.data_ptr<double>()[i * same.size(1) + j];
      (same.data_ptr<bool>()[i * same.size(1) + j] ? pairs.same : pairs.different).push_back(distance);
    }
  }
  return pairs;
}

}  // namespace

TEST_CASE("verification figures of seven pairs worked by hand") {
  // Same 1, 2, 4; different 2, 3, 5, 6. Threshold: matches of each kind
  //   1: 1 0   2: 2 1   3: 2 2   4: 3 2   5: 3 3   6: 3 4
  const auto curve = Pairs{{1, 2, 4}, {2, 3, 5, 6}}.curve();
  CHECK(curve.same == 3);
  CHECK(curve.different == 4);
  CHECK(torch::equal(curve.thresholds, numbers({1, 2, 3, 4, 5, 6})));
  CHECK(torch::equal(curve.true_matches, ids({1, 2, 2, 3, 3, 3})));
  CHECK(torch::equal(curve.false_matches, ids({0, 1, 2, 2, 3, 4})));
  CHECK(torch::equal(curve.false_below, ids({0, 0, 1, 2, 2, 3})));
  // Pairs of pairs in order: 1 before 4, 2 before 3 and one tie, 4 before 2.
  CHECK_THAT(area_under_roc(curve), WithinAbs((4 + 3.5 + 2) / 12, 1e-15));
  // FMR and FNMR: 0 2/3, 1/4 1/3, 1/2 1/3: they meet where FMR passes 1/3 at FNMR 1/3.
  CHECK_THAT(equal_error_rate(curve), WithinAbs(1.0 / 3, 1e-15));
  CHECK_THAT(fnmr_at_fmr(curve, 0), WithinAbs(2.0 / 3, 1e-15));
  CHECK_THAT(fnmr_at_fmr(curve, 0.3), WithinAbs(1.0 / 3, 1e-15));
  CHECK(fnmr_at_fmr(curve, 0.5) == 0);
  const auto best = calibrate_to_accuracy(curve);  // 5 of 7 at 1, 2 and 4: the smallest
  CHECK(best.threshold == 1);
  CHECK_THAT(best.accuracy, WithinAbs(5.0 / 7, 1e-15));
  const auto f1 = calibrate_to_f1(curve);  // 2·3 / (3 + 5) at 4
  CHECK(f1.threshold == 4);
  CHECK(f1.f1 == 0.75);
  CHECK_THAT(f1.precision, WithinAbs(0.6, 1e-15));
  CHECK(f1.recall == 1);
  CHECK(calibrate_to_false_match_rate(curve, 0.6).threshold == 4);

  const auto between = operating_point(curve, 2.5);
  CHECK(between.false_match_rate == 0.25);
  CHECK_THAT(between.false_non_match_rate, WithinAbs(1.0 / 3, 1e-15));
  CHECK(operating_point(curve, infinity).false_match_rate == 1);
  CHECK(operating_point(curve, -infinity).accuracy == 4.0 / 7);
  CHECK(operating_point(curve, 0.5).f1 == 0);
  CHECK(std::isnan(operating_point(curve, 0.5).precision));
}

TEST_CASE("fnmr_at_fmr agrees with the example of OML's documentation") {
  const auto curve = Pairs{{0, 0, 1, 1, 2, 2, 5, 5, 9, 9}, {3, 3, 4, 4, 6, 6, 7, 7, 8, 8}}.curve();
  CHECK(fnmr_at_fmr(curve, 0.1) == 0.4);
  CHECK(fnmr_at_fmr(curve, 0.5) == 0.2);
}

TEST_CASE("verification figures agree with their definitions over thousands of random pairs with ties") {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto draw = [&](std::int64_t count, double shift) {
      std::vector<double> distances(count);
      for (auto& distance : distances) distance = std::round((generator.normal() + shift) * 3) / 3;
      return distances;
    };
    const Slow slow{{draw(1 + generator.below(12), -1), draw(1 + generator.below(20), 1)}};
    check_against(slow.pairs.curve(), slow);
  }
}

TEST_CASE("separable and inverted pairs are at the ends of every figure") {
  const auto perfect = Pairs{{1, 2}, {3, 4}}.curve(), inverted = Pairs{{3, 4}, {1, 2}}.curve();
  CHECK(area_under_roc(perfect) == 1);
  CHECK(equal_error_rate(perfect) == 0);
  CHECK(fnmr_at_fmr(perfect, 0) == 0);
  CHECK(calibrate_to_accuracy(perfect).accuracy == 1);
  CHECK(area_under_roc(inverted) == 0);
  CHECK(equal_error_rate(inverted) == 1);
  CHECK(calibrate_to_accuracy(inverted).threshold == -infinity);
  CHECK(calibrate_to_false_match_rate(inverted, 0.1).threshold == -infinity);
  const auto tied = Pairs{{1, 1}, {1, 1, 1}}.curve();
  CHECK(area_under_roc(tied) == 0.5);
  CHECK(equal_error_rate(tied) == 0.5);
}

TEST_CASE("a curve over all pairs gives what a list of all pairs gives") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    // Sizes about the blocks of 6 by 8 and the panels of 256; coarse values make duplicates and ties.
    const auto count = seed % 30 == 0 ? 270 : 2 + generator.below(40), dim = 1 + generator.below(9),
               classes = 1 + generator.below(9);
    const bool coarse = seed % 2 == 0;
    auto features = generator.normal({count, dim}, torch::kFloat64);
    if (coarse) features = (features * 2).round();
    const auto labels = (generator.uniform({count}) * static_cast<double>(classes)).to(torch::kInt64) - 2;
    const LabelledFeatures set{seed % 3 == 0 ? features.to(torch::kFloat32) : features, labels, torch::arange(count)};
    for (const auto similarity : {Similarity::euclidean, Similarity::cosine, Similarity::dot}) {
      CAPTURE(diva::to_string(similarity));
      // By angle, rounding separates ties of rows that are not equal.
      if (similarity == Similarity::cosine && coarse) continue;
      const diva::VerificationOptions options{.similarity = similarity};
      const Slow slow{all_pairs(set, set, similarity, true)};
      const auto curve = verification_curve(set.features, labels, options);
      REQUIRE(curve.same == std::ssize(slow.pairs.same));
      REQUIRE(curve.different == std::ssize(slow.pairs.different));
      if (curve.same == 0 || curve.different == 0) continue;
      // Thresholds differ from the list's by rounding, so the figures are compared, not the points.
      REQUIRE_THAT(area_under_roc(curve), WithinAbs(slow.auc(), 1e-12));
      if (count > 100) continue;  // what follows takes the square of the pairs
      REQUIRE_THAT(equal_error_rate(curve), WithinAbs(slow.eer(), 1e-12));
      REQUIRE_THAT(fnmr_at_fmr(curve, 0.1), WithinAbs(slow.fnmr(0.1), 1e-12));
      REQUIRE_THAT(calibrate_to_accuracy(curve).accuracy, WithinAbs(slow.accuracy(), 1e-12));
      REQUIRE_THAT(calibrate_to_f1(curve).f1, WithinAbs(slow.f1(), 1e-12));
      // Each pair in both orders: the same rates.
      const auto twice = verification_curve(set, set, options);
      REQUIRE(twice.different == 2 * curve.different);
      REQUIRE_THAT(area_under_roc(twice), WithinAbs(slow.auc(), 1e-12));
      REQUIRE(torch::equal(twice.false_below, 2 * curve.false_below));
    }
    // Queries against a gallery that holds some of them.
    const auto split = 1 + generator.below(count - 1), common = generator.below(split + 1);
    const auto slice = [&](std::int64_t from, std::int64_t to) {
      return LabelledFeatures{set.features.slice(0, from, to), labels.slice(0, from, to), set.ids.slice(0, from, to)};
    };
    const auto queries = slice(0, split), gallery = slice(split - common, count);
    const Slow slow{all_pairs(queries, gallery, Similarity::euclidean, false)};
    const auto curve = verification_curve(queries, gallery);
    REQUIRE(curve.same == std::ssize(slow.pairs.same));
    REQUIRE(curve.different == std::ssize(slow.pairs.different));
    if (curve.same > 0 && curve.different > 0) REQUIRE_THAT(area_under_roc(curve), WithinAbs(slow.auc(), 1e-12));
  }
}

TEST_CASE("equal rows are at the distance 0, whatever their block") {
  // 20 copies of one point, ten of each class: all pairs tie.
  Generator generator(1);
  for (const auto similarity : {Similarity::euclidean, Similarity::cosine}) {
    const auto features = (generator.normal({1, 37}) * 100).expand({20, 37});
    const auto curve = verification_curve(features, torch::arange(20) % 2, {.similarity = similarity});
    CHECK(torch::equal(curve.thresholds, numbers({0})));
    CHECK(curve.false_matches.item<std::int64_t>() == 100);
    CHECK(area_under_roc(curve) == 0.5);
  }
}

TEST_CASE("a curve over all pairs does not depend on the number of threads, and knows the thresholds it is asked for") {
  Generator generator(3);
  const auto features = generator.normal({700, 19});
  const auto labels = torch::arange(700) % 90;
  const auto threads = at::get_num_threads();
  const diva::VerificationOptions options{.thresholds = {5.5, 3.25, infinity, 5.5}};
  at::set_num_threads(1);
  const auto one = verification_curve(features, labels, options);
  at::set_num_threads(3);
  const auto three = verification_curve(features, labels, options);
  at::set_num_threads(threads);
  CHECK(torch::equal(one.thresholds, three.thresholds));
  CHECK(torch::equal(one.false_matches, three.false_matches));
  CHECK(torch::equal(one.false_below, three.false_below));

  const auto distances = torch::cdist(features.to(torch::kFloat64), features.to(torch::kFloat64), 2, /*compute_mode=*/2);
  const auto different = (labels.unsqueeze(1) != labels.unsqueeze(0));
  for (const double threshold : {5.5, 3.25}) {
    const auto matched = distances.masked_select(different) <= threshold;
    CHECK_THAT(operating_point(one, threshold).false_match_rate,
               WithinAbs(matched.to(torch::kFloat64).mean().item<double>(), 1e-15));
  }
  CHECK_THROWS_WITH(operating_point(one, 5.6), Contains("VerificationOptions::thresholds") && Contains("different pairs"));
}

TEST_CASE("sample_pairs draws all pairs of each kind with equal chances") {
  // Classes of 3, 1, 2: 8 ordered same pairs and 22 different ones.
  const auto labels = ids({5, 0, 5, 7, 7, 5});
  Generator generator(0);
  constexpr std::int64_t draws = 60000;
  const auto pairs = diva::sample_pairs(labels, draws, draws, generator);
  CHECK(torch::equal(pairs.same, torch::arange(2 * draws) < draws));
  CHECK(torch::equal(labels.index_select(0, pairs.first) == labels.index_select(0, pairs.second), pairs.same));
  CHECK((pairs.first != pairs.second).all().item<bool>());
  const auto counts = torch::bincount(pairs.first * 6 + pairs.second, {}, 36).view({6, 6}).to(torch::kFloat64);
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  for (std::int64_t i = 0; i < 6; ++i) {
    for (std::int64_t j = 0; j < 6; ++j) {
      if (i == j) continue;
      const double expected = draws / (same[i][j].item<bool>() ? 8.0 : 22.0);
      CHECK_THAT(counts[i][j].item<double>(), WithinAbs(expected, 5 * std::sqrt(expected)));
    }
  }
  Generator again(0);
  CHECK(torch::equal(diva::sample_pairs(labels, draws, draws, again).second, pairs.second));
  CHECK(diva::sample_pairs(ids({}), 0, 0, again).same.size(0) == 0);
  CHECK_THROWS_AS(diva::sample_pairs(ids({0, 1, 2}), 1, 0, again), diva::DataError);
  CHECK_THROWS_AS(diva::sample_pairs(ids({3, 3}), 0, 1, again), diva::DataError);
  CHECK_THROWS_AS(diva::sample_pairs(labels, -1, 1, again), diva::OptionError);
}

TEST_CASE("figures of sampled pairs approach those of all pairs") {
  Generator generator(8);
  const auto labels = torch::arange(300) % 20;
  const auto features =
      generator.normal({20, 4}, torch::kFloat64).index_select(0, labels) + 0.6 * generator.normal({300, 4}, torch::kFloat64);
  const auto pairs = diva::sample_pairs(labels, 20000, 20000, generator);
  const auto distances = (features.index_select(0, pairs.first) - features.index_select(0, pairs.second)).norm(2, 1);
  // Standard errors are below 0.004.
  CHECK_THAT(area_under_roc(verification_curve(distances, pairs.same)),
             WithinAbs(area_under_roc(verification_curve(features, labels, {})), 0.02));
}

TEST_CASE("classification by match worked by hand") {
  // Query 0: classes 4, 4, 9 at 1, 2, 3. Query 1: 9, 4, 4 at 1, 1.5, 5. Query 2: 9, 4 at 1, 2, then nothing. Query 3: all beyond 2.
  const diva::Neighbours found{ids({0, 1, 2, 2, 0, 1, 2, 0, -1, 0, 1, 2}).view({4, 3}),
                               numbers({1, 2, 3, 1, 1.5, 5, 1, 2, infinity, 3, 4, 5}).view({4, 3})};
  const auto gallery = ids({4, 4, 9});
  const auto one = diva::classify_by_match(found, gallery, 2);
  CHECK(torch::equal(one.labels, ids({4, 9, 9, 0})));
  CHECK(torch::equal(one.matched, torch::tensor({true, true, true, false})));
  const auto three = diva::classify_by_match(found, gallery, 5, {.votes = 3});
  CHECK(torch::equal(three.labels, ids({4, 4, 9, 4})));  // query 2: one vote each, the nearer wins
  const auto near = diva::classify_by_match(found, gallery, 2, {.votes = 3});
  CHECK(torch::equal(near.labels, ids({4, 9, 9, 0})));  // query 1: the third is too far, one vote each

  const auto score = diva::match_score(near, ids({4, 4, 9, 4}));
  CHECK_THAT(score.precision, WithinAbs(2.0 / 3, 1e-15));
  CHECK(score.coverage == 0.75);
  const auto none = diva::match_score(diva::classify_by_match(found, gallery, 0.5), ids({4, 4, 9, 4}));
  CHECK(std::isnan(none.precision));
  CHECK(none.coverage == 0);

  CHECK(torch::equal(diva::is_match(numbers({0.5, 1, 1.5, NAN}), 1), torch::tensor({true, true, false, false})));
  CHECK_FALSE(diva::is_match(torch::tensor({0.1F}), 0.1).item<bool>());  // 0.1F is above 0.1
  CHECK_THROWS_AS(diva::is_match(numbers({1}), NAN), diva::OptionError);
  CHECK_THROWS_AS(diva::classify_by_match(found, gallery, 1, {.votes = 4}), diva::OptionError);
  CHECK_THROWS_AS(diva::classify_by_match(found, gallery, 1, {.votes = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::classify_by_match(found, ids({4, 4}), 1), diva::DataError);
  CHECK_THROWS_AS(diva::classify_by_match({ids({0}), numbers({1})}, gallery, 1), diva::ShapeError);
  CHECK_THROWS_AS(diva::match_score(near, ids({4})), diva::ShapeError);
}

TEST_CASE("curves without pairs have no rates, and bad input is refused") {
  const auto empty = verification_curve(numbers({}), torch::zeros({0}, torch::kBool));
  const auto alone = verification_curve(torch::ones({1, 2}), ids({3}), {});
  const auto only_same = verification_curve(torch::ones({3, 2}), ids({3, 3, 3}), {}),
             only_different = verification_curve(torch::eye(3), ids({1, 2, 3}), {});
  for (const auto& curve : {empty, alone, only_same, only_different}) {
    CHECK(std::isnan(area_under_roc(curve)));
    CHECK(std::isnan(equal_error_rate(curve)));
    CHECK(std::isnan(fnmr_at_fmr(curve, 0.1)));
  }
  CHECK(only_same.same == 3);
  CHECK(only_different.different == 3);
  CHECK(roc(empty).thresholds.size(0) == 2);
  CHECK_THROWS_AS(calibrate_to_accuracy(empty), diva::DataError);
  CHECK_THROWS_AS(calibrate_to_f1(only_different), diva::DataError);
  CHECK_THROWS_AS(calibrate_to_false_match_rate(only_same, 0.1), diva::DataError);
  const auto curve = Pairs{{1}, {2}}.curve();
  for (const double rate : {-0.1, 1.1, double(NAN)}) CHECK_THROWS_AS(fnmr_at_fmr(curve, rate), diva::OptionError);
  CHECK_THROWS_AS(operating_point(curve, NAN), diva::OptionError);
  CHECK_THROWS_AS(diva::roc({}), diva::ShapeError);

  CHECK_THROWS_AS(verification_curve(numbers({1, NAN}), torch::tensor({true, false})), diva::DataError);
  CHECK_THROWS_AS(verification_curve(numbers({1, 2}), torch::tensor({true})), diva::ShapeError);
  CHECK_THROWS_AS(verification_curve(ids({1}), torch::tensor({true})), diva::ShapeError);
  const auto features = torch::eye(3);
  const auto labels = ids({0, 0, 1});
  CHECK_THROWS_WITH(verification_curve(features * NAN, labels, {}), Contains("features must be finite"));
  CHECK_THROWS_AS(verification_curve(features, ids({0}), {}), diva::ShapeError);
  CHECK_THROWS_AS(verification_curve(torch::zeros({3, 2}), labels, {.similarity = Similarity::cosine}), diva::DataError);
  CHECK_THROWS_AS(verification_curve(torch::full({3, 2}, 1e200, torch::kFloat64), labels, {}), diva::DataError);
  CHECK_THROWS_AS(verification_curve(features, labels, {.thresholds = {NAN}}), diva::OptionError);
  CHECK_THROWS_WITH(verification_curve(torch::zeros({6000, 1}), torch::zeros({6000}, torch::kInt64), {}), Contains("sample_pairs"));
  const LabelledFeatures set{features, labels, {}}, named{features, labels, labels}, wide{torch::ones({3, 4}), labels, {}};
  CHECK_THROWS_WITH(verification_curve(set, wide), Contains("gallery.features"));
  CHECK_THROWS_AS(verification_curve(set, named), diva::OptionError);
  CHECK_THROWS_AS(verification_curve({features, labels, ids({0})}, named), diva::ShapeError);
}
