#include "candidates.hpp"
#include "fused_mining.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/batch_easy_hard.hpp>

#include <limits>
#include <string>

namespace diva::inline v0_1 {
namespace {

void check_range(const char* argument, const std::vector<double>& range) {
  if (range.empty() || (range.size() == 2 && range[0] <= range[1])) return;
  std::string text;
  for (const double bound : range) text += (text.empty() ? "" : ", ") + std::to_string(bound);
  detail::fail<OptionError>("batch_easy_hard_pairs", argument, "empty, or [low, high] with low ≤ high", "[" + text + "]");
}

void check(const BatchEasyHardOptions& options) {
  validate_fields("batch_easy_hard_pairs", options);
  check_range("positive_range", options.positive_range);
  check_range("negative_range", options.negative_range);
  const auto meets = [&](Hardness one, Hardness other) {
    return (options.positive == one && options.negative == other) || (options.positive == other && options.negative == one);
  };
  if (meets(Hardness::semihard, Hardness::semihard) || meets(Hardness::semihard, Hardness::all)) {
    detail::fail<OptionError>("batch_easy_hard_pairs", "positive and negative", "hard or easy where the other is semihard",
                              std::string(to_string(options.positive)) + " and " + std::string(to_string(options.negative)));
  }
}

// The chosen reference of each row, its distance, and whether there is one.
struct Choice {
  torch::Tensor values;   // [B, 1]
  torch::Tensor indices;  // [B]
  torch::Tensor found;    // [B] bool
};

Choice choose(const torch::Tensor& distances, torch::Tensor allowed, const std::vector<double>& range, bool farthest,
              const torch::Tensor& limit = {}) {
  if (limit.defined()) allowed = allowed & (farthest ? distances < limit : distances > limit);
  if (!range.empty()) allowed = allowed & (distances >= range[0]) & (distances <= range[1]);
  const double nothing = farthest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  const auto [values, indices] =
      farthest ? distances.masked_fill(~allowed, nothing).max(1) : distances.masked_fill(~allowed, nothing).min(1);
  return {values.unsqueeze(1), indices, allowed.any(1)};
}

}  // namespace

Pairs batch_easy_hard_pairs(const Comparison& comparison, const BatchEasyHardOptions& options) {
  check(options);
  const auto [anchors, weighted_positive, weighted_negative] =
      detail::candidates("batch_easy_hard_pairs", comparison, detail::AnchorNeeds::nothing);
  const auto positive = weighted_positive != 0, negative = weighted_negative != 0;
  if (positive.numel() == 0) return detail::pairs_where(anchors, positive, negative);
  const auto distances = detail::mining_distances(comparison, anchors, options.distance);
  const auto choose_positive = [&](const torch::Tensor& limit = {}) {
    return choose(distances, positive, options.positive_range, options.positive != Hardness::easy, limit);
  };
  const auto choose_negative = [&](const torch::Tensor& limit = {}) {
    return choose(distances, negative, options.negative_range, options.negative == Hardness::easy, limit);
  };
  const bool every_positive = options.positive == Hardness::all, every_negative = options.negative == Hardness::all;
  Choice p, n;
  if (options.positive == Hardness::semihard) {
    n = choose_negative();
    p = choose_positive(n.values);
  } else {
    if (!every_positive) p = choose_positive();
    if (!every_negative) n = options.negative == Hardness::semihard ? choose_negative(p.values) : choose_negative();
  }
  if (!every_positive && !every_negative) p.found = n.found = p.found & n.found;

  Pairs pairs;
  if (every_positive || every_negative) pairs = detail::pairs_where(anchors, positive, negative);
  const auto one_each = [&](const Choice& choice, torch::Tensor& rows, torch::Tensor& others) {
    rows = choice.found.nonzero().view(-1);
    others = choice.indices.index_select(0, rows);
  };
  if (!every_positive) one_each(p, pairs.anchors, pairs.positives);
  if (!every_negative) one_each(n, pairs.negative_anchors, pairs.negatives);
  return pairs;
}

Triplets batch_hard_triplets(const Comparison& comparison, const DistanceOptions& distance) {
  detail::check_comparison("batch_easy_hard_pairs", comparison);
  if (const auto triplets = detail::fused_hardest(comparison, distance)) return *triplets;
  const auto pairs =
      batch_easy_hard_pairs(comparison, {.positive = Hardness::hard, .negative = Hardness::hard, .distance = distance});
  return {pairs.anchors, pairs.positives, pairs.negatives};
}

}  // namespace diva::inline v0_1
