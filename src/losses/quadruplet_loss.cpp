#include <diva/core/checks.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/quadruplet_loss.hpp>

#include <algorithm>
#include <utility>

namespace diva {
namespace {

constexpr auto function_name = "quadruplet loss";

struct FirstTerm {
  torch::Tensor near;  // [T] distances of anchors to positives
  torch::Tensor losses;
};

FirstTerm first_term(const torch::Tensor& x, const Triplets& triplets, const QuadrupletLossOptions& options) {
  const auto anchor = x.index_select(0, triplets.anchors);
  const auto near = distance(anchor, x.index_select(0, triplets.positives), options.distance);
  return {near, (near - distance(anchor, x.index_select(0, triplets.negatives), options.distance) + options.margin).relu()};
}

}  // namespace

QuadrupletLoss::QuadrupletLoss(const QuadrupletLossOptions& options) : options_(options) {
  validate_fields("QuadrupletLoss", options);
}

torch::Tensor QuadrupletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto triplets = detail::as_triplets(function_name, comparison, tuples);
  const auto& x = comparison.embeddings;
  const auto [near, losses] = first_term(x, triplets, options_);
  const auto first = reduce({{losses, {}, triplets.anchors}}, comparison.labels, comparison.size(), options_.reducer);

  // Each triplet is a row: its negative against all samples, of which the third class gives the second negatives.
  torch::Tensor strangers;  // [B, B] of a relation
  if (comparison.relation) strangers = detail::relation_rows(comparison).negative != 0;
  const auto function = [anchors = triplets.anchors, negatives = triplets.negatives, strangers, batch_labels = comparison.labels,
                         margin = options_.second_margin, any_class = options_.variant == Variant::repo](
                            const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto count = block.values.size(0);
    const auto a = anchors.narrow(0, block.first, count), n = negatives.narrow(0, block.first, count);
    const auto others = [&](const torch::Tensor& rows) {
      return strangers.defined() ? strangers.index_select(0, rows)
                                 : batch_labels.index_select(0, rows).unsqueeze(1) != batch_labels.unsqueeze(0);
    };
    const auto allowed =
        any_class ? torch::arange(block.values.size(1), n.options()).unsqueeze(0) != n.unsqueeze(1) : others(n) & others(a);
    const auto hinges = (parameters[0].narrow(0, block.first, count).unsqueeze(1) - block.values + margin).relu();
    const auto number = allowed.sum(1);
    return std::vector<Elements>{{hinges.masked_fill(~allowed, 0).sum(1) / number.clamp_min(1), number > 0}};
  };
  const auto rows = triplets.negatives;
  const Comparison pairs = {
      .embeddings = x.index_select(0, rows),
      .labels = comparison.labels.defined() ? comparison.labels.index_select(0, triplets.anchors) : torch::zeros_like(rows),
      .reference = Reference{x, comparison.labels.defined() ? comparison.labels : torch::zeros({x.size(0)}, rows.options())},
      .relation = {}};
  return first + pairwise_loss(pairs, {}, {.distance = options_.distance, .reducer = options_.reducer}, {near}, function);
}

torch::Tensor quadruplet_loss(const torch::Tensor& embeddings, const Triplets& triplets, const torch::Tensor& second_negatives,
                              const QuadrupletLossOptions& options) {
  validate_fields("quadruplet_loss", options);
  detail::check_embeddings("quadruplet_loss", embeddings);
  for (const auto& [name, index] : {std::pair{"anchors", triplets.anchors}, std::pair{"positives", triplets.positives},
                                    std::pair{"negatives", triplets.negatives}, std::pair{"second_negatives", second_negatives}}) {
    detail::check_indices("quadruplet_loss", name, index, embeddings.size(0));
    detail::check_shape("quadruplet_loss", name, index, triplets.anchors.sizes());
  }
  const auto [near, losses] = first_term(embeddings, triplets, options);
  // From the matrix of the batch with itself, in which a sample's distance to itself is exactly 0.
  const auto apart = options.variant == Variant::repo ? pairwise_distances(embeddings, embeddings, options.distance)
                                                            .index_select(0, triplets.negatives)
                                                            .index_select(1, second_negatives)
                                                      : distance(embeddings.index_select(0, triplets.negatives),
                                                                 embeddings.index_select(0, second_negatives), options.distance)
                                                            .unsqueeze(1);
  const auto hinges = (near.unsqueeze(1) - apart + options.second_margin).relu();
  const auto first = reduce({{losses, {}, triplets.anchors}}, {}, embeddings.size(0), options.reducer);
  const auto second = hinges.sum(1) / static_cast<double>(std::max<std::int64_t>(hinges.size(1), 1));
  return first + reduce({{second, {}, triplets.anchors}}, {}, embeddings.size(0), options.reducer);
}

}  // namespace diva
