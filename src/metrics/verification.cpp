#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/verification.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace diva::inline v0_1 {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

// The rows of a curve as plain arrays; row −1 is the threshold −∞, at which nothing matches.
class Rows {
 public:
  Rows(std::string_view function, const VerificationCurve& curve) : curve_(curve) {
    if (!curve.thresholds.defined() || curve.thresholds.dim() != 1 || curve.thresholds.scalar_type() != torch::kFloat64) {
      detail::fail<ShapeError>(function, "curve.thresholds", "[T] float64", detail::describe(curve.thresholds));
    }
    for (const auto* counts : {&curve.true_matches, &curve.false_matches, &curve.false_below}) {
      if (!counts->defined() || counts->sizes() != curve.thresholds.sizes() || counts->scalar_type() != torch::kInt64) {
        detail::fail<ShapeError>(function, "counts of curve", fmt::format("[{}] int64", curve.thresholds.size(0)),
                                 detail::describe(*counts));
      }
    }
  }

  [[nodiscard]] std::int64_t size() const { return curve_.thresholds.size(0); }
  [[nodiscard]] double threshold(std::int64_t row) const { return row < 0 ? -infinity : curve_.thresholds.data_ptr<double>()[row]; }
  [[nodiscard]] double true_matches(std::int64_t row) const { return count(curve_.true_matches, row); }
  [[nodiscard]] double false_matches(std::int64_t row) const { return count(curve_.false_matches, row); }
  [[nodiscard]] double false_below(std::int64_t row) const { return count(curve_.false_below, row); }
  [[nodiscard]] double same() const { return static_cast<double>(curve_.same); }
  [[nodiscard]] double different() const { return static_cast<double>(curve_.different); }

  [[nodiscard]] OperatingPoint point(double threshold, double hits, double false_hits) const {
    return {.threshold = threshold,
            .false_match_rate = false_hits / different(),
            .false_non_match_rate = (same() - hits) / same(),
            .precision = hits / (hits + false_hits),
            .recall = hits / same(),
            .f1 = hits > 0 ? 2 * hits / (same() + hits + false_hits) : 0,
            .accuracy = (hits + different() - false_hits) / (same() + different())};
  }
  [[nodiscard]] OperatingPoint point(std::int64_t row) const {
    return point(threshold(row), true_matches(row), false_matches(row));
  }

  // The row, −1 included, of the largest value; of equal ones the first.
  template <class Value>
  [[nodiscard]] std::int64_t best(Value&& value) const {
    std::int64_t best = -1;
    for (std::int64_t row = 0; row < size(); ++row) {
      if (value(row) > value(best)) best = row;
    }
    return best;
  }

 private:
  static double count(const torch::Tensor& counts, std::int64_t row) {
    return row < 0 ? 0 : static_cast<double>(counts.data_ptr<std::int64_t>()[row]);
  }

  const VerificationCurve& curve_;
};

void check_rate(std::string_view function, double rate) {
  if (!(rate >= 0 && rate <= 1)) detail::fail<OptionError>(function, "rate", "in [0, 1]", std::to_string(rate));
}

torch::Tensor classes_of(std::string_view function, const torch::Tensor& labels, std::int64_t count = -1) {
  if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != torch::kInt64 || (count >= 0 && labels.size(0) != count)) {
    detail::fail<ShapeError>(function, "labels", count >= 0 ? fmt::format("[{}] int64", count) : "[N] int64",
                             detail::describe(labels));
  }
  return labels.cpu().contiguous();
}

}  // namespace

VerificationCurve verification_curve(const torch::Tensor& distances, const torch::Tensor& same) {
  constexpr auto function = "verification_curve";
  if (!distances.defined() || distances.dim() != 1 || !distances.is_floating_point()) {
    detail::fail<ShapeError>(function, "distances", "[pairs] floating point", detail::describe(distances));
  }
  if (!same.defined() || same.scalar_type() != torch::kBool || same.sizes() != distances.sizes()) {
    detail::fail<ShapeError>(function, "same", fmt::format("[{}] bool", distances.size(0)), detail::describe(same));
  }
  const auto values = distances.detach().to(torch::kCPU, torch::kFloat64);
  const auto unknown = values.isnan().sum().item<std::int64_t>();
  if (unknown > 0) detail::fail<DataError>(function, "distances", "numbers", fmt::format("{} values of NaN", unknown));
  const auto [thresholds, rows, sizes] = at::_unique2(values, /*sorted=*/true, /*return_inverse=*/true);
  const auto ones = same.cpu().to(torch::kInt64), zeros = torch::zeros({thresholds.size(0)}, torch::kInt64);
  const auto different = zeros.index_add(0, rows, 1 - ones);
  const auto false_matches = different.cumsum(0);
  VerificationCurve curve{.thresholds = thresholds,
                          .true_matches = zeros.index_add(0, rows, ones).cumsum(0),
                          .false_matches = false_matches,
                          .false_below = false_matches - different};
  curve.same = ones.sum().item<std::int64_t>();
  curve.different = ones.size(0) - curve.same;
  return curve;
}

SampledPairs sample_pairs(const torch::Tensor& labels, std::int64_t same, std::int64_t different, Generator& generator) {
  constexpr auto function = "sample_pairs";
  for (const auto& [name, count] : {std::pair{"same", same}, std::pair{"different", different}}) {
    if (count < 0) detail::fail<OptionError>(function, name, "at least 0", std::to_string(count));
  }
  // Samples in the order of their classes, and all ordered pairs numbered in the order of their first sample.
  const auto [sorted, order] = classes_of(function, labels).sort(/*stable=*/true, 0, /*descending=*/false);
  const auto count = sorted.size(0);
  const auto *classes = sorted.data_ptr<std::int64_t>(), *sample = order.data_ptr<std::int64_t>();
  std::vector<std::int64_t> first(count), size(count), same_before(count + 1, 0), different_before(count + 1, 0);
  for (std::int64_t begin = 0; begin < count;) {
    const auto end = std::upper_bound(classes + begin, classes + count, classes[begin]) - classes;
    for (std::int64_t i = begin; i < end; ++i) {
      first[i] = begin, size[i] = end - begin;
      same_before[i + 1] = same_before[i] + size[i] - 1;
      different_before[i + 1] = different_before[i] + count - size[i];
    }
    begin = end;
  }
  if (same > 0 && same_before[count] == 0) detail::fail<DataError>(function, "labels", "a class of two samples", "none");
  if (different > 0 && different_before[count] == 0)
    detail::fail<DataError>(function, "labels", "two classes", detail::describe(labels));

  SampledPairs pairs{torch::empty({same + different}, torch::kInt64), torch::empty({same + different}, torch::kInt64),
                     torch::arange(same + different) < same};
  for (std::int64_t p = 0; p < same + different; ++p) {
    const auto& before = p < same ? same_before : different_before;
    const auto number = generator.below(before[count]);
    const auto i = std::upper_bound(before.begin(), before.end(), number) - before.begin() - 1;
    const auto partner = number - before[i];
    // The partner among the class without i itself, or among all without the class.
    const auto j =
        p < same ? first[i] + partner + (first[i] + partner >= i ? 1 : 0) : partner + (partner >= first[i] ? size[i] : 0);
    pairs.first.data_ptr<std::int64_t>()[p] = sample[i];
    pairs.second.data_ptr<std::int64_t>()[p] = sample[j];
  }
  return pairs;
}

Roc roc(const VerificationCurve& curve) {
  const Rows rows("roc", curve);
  std::vector<double> thresholds, false_rates, true_rates;
  const auto add = [&](double threshold, double false_hits, double hits) {
    thresholds.push_back(threshold);
    false_rates.push_back(false_hits / rows.different());
    true_rates.push_back(hits / rows.same());
  };
  add(-infinity, 0, 0);
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    // Different pairs between two thresholds come before those at the second.
    if (rows.false_below(row) > rows.false_matches(row - 1)) {
      add(std::nextafter(rows.threshold(row), -infinity), rows.false_below(row), rows.true_matches(row - 1));
    }
    add(rows.threshold(row), rows.false_matches(row), rows.true_matches(row));
  }
  add(infinity, rows.different(), rows.same());
  return {torch::tensor(thresholds, torch::kFloat64), torch::tensor(false_rates, torch::kFloat64),
          torch::tensor(true_rates, torch::kFloat64)};
}

double area_under_roc(const VerificationCurve& curve) {
  const Rows rows("area_under_roc", curve);
  double ordered = 0;
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    const double farther = rows.different() - (rows.false_matches(row) + rows.false_below(row)) / 2;
    ordered += (rows.true_matches(row) - rows.true_matches(row - 1)) * farther;
  }
  return ordered / (rows.same() * rows.different());
}

double equal_error_rate(const VerificationCurve& curve) {
  const Rows rows("equal_error_rate", curve);
  if (curve.same == 0 || curve.different == 0) return nothing;
  double missed = 1;
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    const double below = rows.false_below(row) / rows.different();
    if (below >= missed) return missed;
    const auto point = rows.point(row);
    if (point.false_match_rate >= point.false_non_match_rate) {
      const double before = missed - below, after = point.false_match_rate - point.false_non_match_rate;
      return below + before / (before + after) * (point.false_match_rate - below);
    }
    missed = point.false_non_match_rate;
  }
  return missed;
}

OperatingPoint operating_point(const VerificationCurve& curve, double threshold) {
  constexpr auto function = "operating_point";
  const Rows rows(function, curve);
  if (std::isnan(threshold)) detail::fail<OptionError>(function, "threshold", "a number", "NaN");
  if (threshold == infinity) return rows.point(threshold, rows.same(), rows.different());
  const auto* first = curve.thresholds.data_ptr<double>();
  const auto row = std::upper_bound(first, first + rows.size(), threshold) - first - 1;
  const double up_to_next = row + 1 < rows.size() ? rows.false_below(row + 1) : rows.different();
  if (rows.threshold(row) != threshold && up_to_next != rows.false_matches(row)) {
    detail::fail<OptionError>(function, "threshold", "one of curve.thresholds, to which VerificationOptions::thresholds adds",
                              fmt::format("{}, and {} different pairs around it", threshold, up_to_next - rows.false_matches(row)));
  }
  return rows.point(threshold, rows.true_matches(row), rows.false_matches(row));
}

OperatingPoint calibrate_to_false_match_rate(const VerificationCurve& curve, double rate) {
  constexpr auto function = "calibrate_to_false_match_rate";
  const Rows rows(function, curve);
  check_rate(function, rate);
  if (curve.different == 0) detail::fail<DataError>(function, "curve", "of at least one different pair", "none");
  std::int64_t row = rows.size() - 1;
  while (row >= 0 && rows.false_matches(row) / rows.different() > rate) --row;
  return rows.point(row);
}

OperatingPoint calibrate_to_f1(const VerificationCurve& curve) {
  constexpr auto function = "calibrate_to_f1";
  const Rows rows(function, curve);
  if (curve.same == 0) detail::fail<DataError>(function, "curve", "of at least one same pair", "none");
  return rows.point(rows.best([&](std::int64_t row) { return rows.point(row).f1; }));
}

OperatingPoint calibrate_to_accuracy(const VerificationCurve& curve) {
  constexpr auto function = "calibrate_to_accuracy";
  const Rows rows(function, curve);
  if (curve.same + curve.different == 0) detail::fail<DataError>(function, "curve", "of at least one pair", "none");
  return rows.point(rows.best([&](std::int64_t row) { return rows.true_matches(row) - rows.false_matches(row); }));
}

double fnmr_at_fmr(const VerificationCurve& curve, double rate) {
  check_rate("fnmr_at_fmr", rate);
  if (curve.same == 0 || curve.different == 0) return nothing;
  return calibrate_to_false_match_rate(curve, rate).false_non_match_rate;
}

torch::Tensor is_match(const torch::Tensor& distances, double threshold) {
  constexpr auto function = "is_match";
  if (!distances.defined() || !distances.is_floating_point()) {
    detail::fail<ShapeError>(function, "distances", "floating point", detail::describe(distances));
  }
  if (std::isnan(threshold)) detail::fail<OptionError>(function, "threshold", "a number", "NaN");
  return distances.to(torch::kFloat64) <= threshold;  // in double, or the comparison would round the threshold
}

MatchedLabels classify_by_match(const Neighbours& neighbours, const torch::Tensor& gallery_labels, double threshold,
                                const MatchOptions& options) {
  constexpr auto function = "classify_by_match";
  validate_fields(function, options);
  const auto& [indices, distances] = neighbours;
  if (!indices.defined() || indices.dim() != 2 || indices.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(function, "neighbours.indices", "[Q, k] int64", detail::describe(indices));
  }
  if (!distances.defined() || distances.sizes() != indices.sizes()) {
    detail::fail<ShapeError>(function, "neighbours.distances", "of the shape of neighbours.indices", detail::describe(distances));
  }
  if (options.votes > indices.size(1)) {
    detail::fail<OptionError>(function, "votes", fmt::format("at most the {} neighbours of a list", indices.size(1)),
                              std::to_string(options.votes));
  }
  const auto classes = classes_of(function, gallery_labels);
  const auto listed = indices.slice(1, 0, options.votes).cpu().contiguous();
  const auto near = is_match(distances.slice(1, 0, options.votes), threshold).cpu().logical_and_(listed >= 0).contiguous();
  if (listed.numel() > 0 && listed.max().item<std::int64_t>() >= classes.size(0)) {
    detail::fail<DataError>(function, "neighbours.indices", fmt::format("rows of gallery_labels, below {}", classes.size(0)),
                            std::to_string(listed.max().item<std::int64_t>()));
  }

  MatchedLabels found{torch::zeros({listed.size(0)}, torch::kInt64), near.any(1)};
  for (std::int64_t q = 0; q < listed.size(0); ++q) {
    const auto* row = listed.data_ptr<std::int64_t>() + q * options.votes;
    const bool* counts = near.data_ptr<bool>() + q * options.votes;
    std::map<std::int64_t, std::int64_t> votes;
    for (std::int64_t rank = 0; rank < options.votes; ++rank) {
      if (counts[rank]) ++votes[classes.data_ptr<std::int64_t>()[row[rank]]];
    }
    std::int64_t most = 0;
    for (std::int64_t rank = 0; rank < options.votes; ++rank) {  // nearest first, so the first with the most wins
      if (!counts[rank]) continue;
      const auto label = classes.data_ptr<std::int64_t>()[row[rank]];
      if (votes[label] > most) most = votes[label], found.labels.data_ptr<std::int64_t>()[q] = label;
    }
  }
  return found;
}

MatchScore match_score(const MatchedLabels& found, const torch::Tensor& labels) {
  constexpr auto function = "match_score";
  const auto given = classes_of(function, found.labels), wanted = classes_of(function, labels, given.size(0));
  if (!found.matched.defined() || found.matched.scalar_type() != torch::kBool || found.matched.sizes() != given.sizes()) {
    detail::fail<ShapeError>(function, "found.matched", fmt::format("[{}] bool", given.size(0)), detail::describe(found.matched));
  }
  const auto matched = found.matched.cpu();
  const auto right = (given == wanted).logical_and(matched).sum().item<double>(), answered = matched.sum().item<double>();
  return {.precision = right / answered, .coverage = answered / static_cast<double>(given.size(0))};
}

}  // namespace diva::inline v0_1
