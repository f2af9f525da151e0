#include <diva/core/checks.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_lists.hpp"
#include "fused_pairs.hpp"
#include "triplet_rows.hpp"

namespace diva::inline v0_1 {
namespace {

// Smoothing is for the root of Euclidean distances: measure their squares and take the root here.
bool smoothed(const MarginLossOptions& options) {
  return options.smoothing > 0 && options.distance.kind == Distance::euclidean && options.distance.power == 1;
}

DistanceOptions measured(const MarginLossOptions& options) {
  auto distance = options.distance;
  if (smoothed(options)) distance.kind = Distance::squared_euclidean;
  return distance;
}

torch::Tensor distances_of(const MarginLossOptions& options, const torch::Tensor& values) {
  return smoothed(options) ? (values + options.smoothing).sqrt() : values;
}

// margin_rows of one anchor; the row input is its boundary.
struct MarginKernel {
  static constexpr int groups = 1;
  double margin, smoothing, penalty;
  bool by_root, by_triplets;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    using Vector = typename L::Vector;
    using Mask = typename L::Mask;
    const auto positives = static_cast<double>(row.positive_count), negatives = static_cast<double>(row.negative_count);
    const T near = static_cast<T>(row.input - margin), far = static_cast<T>(row.input + margin);
    const T pull = static_cast<T>(negatives), push = static_cast<T>(positives), added = static_cast<T>(smoothing);
    Vector pulled = {}, pushed = {}, pulls = {}, pushes = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const Vector v = L::load(row.values + j), relation = L::load(row.relation + j);
      const Vector d = by_root ? L::root(v + added) : v;
      // Not "> 0", so that NaN is among them and passes on.
      const Mask inside = (relation > T(0)) & ~(d <= near), outside = (relation < T(0)) & ~(d >= far);
      pulled += L::where(inside, d - near);
      pushed += L::where(outside, far - d);
      pulls += L::where(inside, L::all(1));
      pushes += L::where(outside, L::all(1));
      const Vector slope = L::where(inside, L::all(pull)) - L::where(outside, L::all(push));
      L::store(row.slopes + j, by_root ? slope / (d + d) : slope);
    }
    const double inside = L::sum(pulls), outside = L::sum(pushes), triplets = positives * negatives;
    row.sum[0] = L::sum(pulled) * negatives + L::sum(pushed) * positives + penalty * row.input * triplets;
    row.number[0] = triplets;
    row.active[0] =
        by_triplets ? triplets - (positives - inside) * (negatives - outside) : inside * negatives + outside * positives;
    row.input_slope = outside * positives - inside * negatives + penalty * triplets;
  }
};

}  // namespace

MarginLoss::MarginLoss(const MarginLossOptions& options, std::int64_t num_classes, Generator generator)
    : options_(options), num_classes_(num_classes), generator_(generator) {
  validate_fields("MarginLoss", options);
  const std::int64_t needed = boundary_per_class() ? 1 : 0;
  if (num_classes < needed) {
    detail::fail<OptionError>("MarginLoss", "num_classes", needed == 1 ? "at least 1 for a boundary a class" : "at least 0",
                              std::to_string(num_classes));
  }
  if (options.learn_boundary)
    boundary_ = torch::full({boundary_per_class() ? num_classes : 1}, options.boundary, torch::kFloat32).requires_grad_();
  if (options.triplets_per_anchor > 0) draws_ = torch::zeros({1}, torch::kInt64);
}

std::vector<NamedTensor> MarginLoss::named_parameters() const {
  if (!boundary_.defined()) return {};
  return {{"beta", boundary_}};
}

std::vector<NamedTensor> MarginLoss::named_buffers() const {
  if (!draws_.defined()) return {};
  return {{"draws", draws_}};
}

torch::Tensor MarginLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool listed = std::holds_alternative<Triplets>(tuples) || std::holds_alternative<Pairs>(tuples);
  torch::Tensor loss;
  if (listed) {
    loss = of_triplets(comparison, detail::as_triplets("margin loss", comparison, tuples));
  } else if (draws_.defined()) {
    loss =
        of_triplets(comparison, detail::sample_triplets(comparison, options_.triplets_per_anchor,
                                                        generator_.fork(static_cast<std::uint64_t>(draws_.item<std::int64_t>()))));
    draws_ += 1;
  } else {
    loss = of_all(comparison, tuples);
  }
  const bool of_triplets_only = options_.counting == Variant::pml && boundary_per_class();
  if (options_.boundary_penalty > 0 && boundary_.defined() && !of_triplets_only)
    loss = loss + options_.boundary_penalty * boundary_.sum().to(loss.scalar_type());
  return loss;
}

torch::Tensor MarginLoss::of_all(const Comparison& comparison, const Tuples& tuples) const {
  // The parameter has the place of the boundary either way, so that the function below reads it in one way.
  const auto& x = comparison.embeddings;
  const auto boundary = boundary_.defined() ? boundary_ : torch::full({1}, options_.boundary, x.options().requires_grad(false));
  const PairwiseOptions pairs = {.distance = measured(options_), .reducer = {.kind = Reduction::non_zero_mean}};
  const MarginKernel kernel = {.margin = options_.margin,
                               .smoothing = options_.smoothing,
                               .penalty = options_.counting == Variant::pml && boundary_per_class() ? options_.boundary_penalty : 0,
                               .by_root = smoothed(options_),
                               .by_triplets = options_.counting == Variant::repo};
  if (detail::fusible(comparison, tuples, pairs)) {
    const auto of_rows = boundary_per_class() ? boundary.index_select(0, comparison.labels) : boundary.expand({x.size(0)});
    if (auto loss = detail::fused_pairs(comparison, tuples, pairs, kernel, of_rows); loss.defined()) return loss;
  }

  const auto function = [options = options_, per_class = boundary_per_class()](const PairBlock& block,
                                                                               const std::vector<torch::Tensor>& parameters) {
    auto boundary = parameters[0].to(block.values.scalar_type());
    if (per_class) boundary = boundary.index_select(0, block.labels).unsqueeze(1);
    auto rows = detail::margin_rows(distances_of(options, block.values), block, boundary, options.margin,
                                    options.counting == Variant::repo);
    if (options.counting == Variant::pml && per_class && options.boundary_penalty > 0)
      rows.losses = rows.losses + options.boundary_penalty * boundary.squeeze(1) * rows.number;
    return std::vector<Elements>{rows};
  };
  return pairwise_loss(comparison, tuples, pairs, {boundary}, function);
}

torch::Tensor MarginLoss::of_triplets(const Comparison& comparison, const Triplets& triplets) const {
  const auto& [anchors, positives, negatives] = triplets;
  const auto& embeddings = comparison.embeddings;
  const auto distance_to = [&](const torch::Tensor& others) {
    return distances_of(options_, detail::listed_distances(comparison, triplets.anchors, others, measured(options_)));
  };
  auto boundary = boundary_.defined() ? boundary_.to(embeddings.scalar_type())
                                      : torch::full({1}, options_.boundary, embeddings.options().requires_grad(false));
  if (boundary_per_class()) boundary = boundary.index_select(0, comparison.labels.index_select(0, anchors));
  const auto pull = (distance_to(positives) - boundary + options_.margin).relu();
  const auto push = (boundary - distance_to(negatives) + options_.margin).relu();
  const auto active = options_.counting == Variant::repo ? ((pull > 0) | (push > 0)).sum() : (pull > 0).sum() + (push > 0).sum();
  auto losses = pull + push;
  if (options_.counting == Variant::pml && boundary_per_class() && options_.boundary_penalty > 0)
    losses = losses + options_.boundary_penalty * boundary;
  return detail::mean_or_zero(losses, active);
}

}  // namespace diva::inline v0_1
