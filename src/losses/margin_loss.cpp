#include <diva/core/checks.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "triplet_rows.hpp"

namespace diva {
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
  return pairwise_loss(comparison, tuples, {.distance = measured(options_), .reducer = {.kind = Reduction::non_zero_mean}},
                       {boundary}, function);
}

torch::Tensor MarginLoss::of_triplets(const Comparison& comparison, const Triplets& triplets) const {
  const auto& [anchors, positives, negatives] = triplets;
  const auto& embeddings = comparison.embeddings;
  const auto anchor = embeddings.index_select(0, anchors);
  const auto distance_to = [&](const torch::Tensor& others) {
    return distances_of(options_, distance(anchor, comparison.reference_embeddings().index_select(0, others), measured(options_)));
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

}  // namespace diva
