#include <diva/losses/pairwise.hpp>
#include <diva/losses/triplet_loss.hpp>

#include "triplet_rows.hpp"

namespace diva {

TripletLoss::TripletLoss(const TripletLossOptions& options, Generator generator) : options_(options), generator_(generator) {
  validate_fields("TripletLoss", options);
  if (options.triplets_per_anchor > 0) draws_ = torch::zeros({1}, torch::kInt64);
}

std::vector<NamedTensor> TripletLoss::named_buffers() const {
  if (!draws_.defined()) return {};
  return {{"draws", draws_}};
}

torch::Tensor TripletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool listed = std::holds_alternative<Triplets>(tuples) || std::holds_alternative<Pairs>(tuples);
  if (!listed && !draws_.defined() && options_.reducer.kind != Reduction::none) {
    const detail::TripletForm form = {.margin = options_.margin,
                                      .smooth = options_.smooth,
                                      .swap = options_.swap,
                                      .distance = options_.distance,
                                      .reducer = options_.reducer};
    std::vector<torch::Tensor> references;
    if (options_.swap) references.push_back(comparison.reference_embeddings());
    return pairwise_loss(
        comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, references,
        [form](const PairBlock& block, const std::vector<torch::Tensor>& references) {
          return std::vector<Elements>{detail::triplet_rows(block, form, references.empty() ? torch::Tensor() : references[0])};
        });
  }
  const bool drawn = !listed && draws_.defined();
  const auto [anchors, positives, negatives] =
      drawn ? detail::sample_triplets(comparison, options_.triplets_per_anchor,
                                      generator_.fork(static_cast<std::uint64_t>(draws_.item<std::int64_t>())))
            : detail::as_triplets("triplet loss", comparison, tuples);
  if (drawn) draws_ += 1;
  const auto anchor = comparison.embeddings.index_select(0, anchors);
  const auto positive = comparison.reference_embeddings().index_select(0, positives),
             negative = comparison.reference_embeddings().index_select(0, negatives);
  auto far = distance(anchor, negative, options_.distance);
  if (options_.swap) far = torch::minimum(far, distance(positive, negative, options_.distance));
  const auto violation = distance(anchor, positive, options_.distance) - far + options_.margin;
  return reduce({{options_.smooth ? torch::softplus(violation) : violation.relu(), {}, anchors}}, comparison.labels,
                comparison.size(), options_.reducer);
}

}  // namespace diva
