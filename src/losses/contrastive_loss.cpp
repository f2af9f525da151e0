#include <diva/distances/distance.hpp>
#include <diva/losses/contrastive_loss.hpp>

namespace diva {

ContrastiveLoss::ContrastiveLoss(const ContrastiveLossOptions& options) : options_(options) {
  validate_fields("ContrastiveLoss", options);
}

torch::Tensor ContrastiveLoss::compute(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples) const {
  const double offset = options_.variant == Variant::repo ? 1e-6 : 0;
  const auto pairs = detail::as_pairs(tuples, labels);
  const auto between = [&](const torch::Tensor& from, const torch::Tensor& to) {
    return distance(embeddings.index_select(0, from) + offset, embeddings.index_select(0, to));
  };
  const auto pull = (between(pairs.anchors, pairs.positives) - options_.positive_margin).relu();
  const auto push = (options_.negative_margin - between(pairs.negative_anchors, pairs.negatives)).relu();
  return detail::mean_or_zero(pull) + detail::mean_or_zero(push);
}

}  // namespace diva
