#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/instance_loss.hpp>
#include <diva/losses/pairwise.hpp>

namespace diva {
namespace {

torch::Tensor with_itself(const torch::Tensor& rows, std::int64_t first) {
  auto marked = rows.clone();
  marked.narrow(1, first, rows.size(0)).diagonal().fill_(1);
  return marked;
}

}  // namespace

InstanceLoss::InstanceLoss(const InstanceLossOptions& options) : options_(options) { validate_fields("InstanceLoss", options); }

torch::Tensor InstanceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  auto unit = comparison;
  unit.embeddings = l2_normalize(comparison.embeddings);
  if (unit.reference) unit.reference->embeddings = l2_normalize(comparison.reference->embeddings);
  const PairwiseOptions options{.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
  if (options_.variant == Variant::pml) {
    if (!std::holds_alternative<std::monostate>(tuples))
      detail::fail<OptionError>("instance loss", "tuples", "none with variant pml", "some");
    const auto ranks = std::get<1>(torch::_unique2(comparison.labels, true, true));
    return pairwise_loss(
        unit, {}, options, {}, [scale = options_.scale, ranks](const PairBlock& block, const std::vector<torch::Tensor>&) {
          const auto own = ranks.narrow(0, block.first, block.values.size(0));
          return std::vector<Elements>{{torch::cross_entropy_loss(block.values * scale, own, {}, at::Reduction::None)}};
        });
  }
  return pairwise_loss(
      unit, tuples, options, {},
      [scale = options_.scale, itself = !comparison.reference](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto positive = itself ? with_itself(block.positive, block.first) : block.positive;
        const auto logits = block.values * scale;
        // −log(P/(P + N)) = log(1 + N/P), which keeps the digits of small losses. Above 40 torch's softplus is x itself.
        const auto excess =
            detail::masked_logsumexp(logits, block.negative, false) - detail::masked_logsumexp(logits, positive, false);
        return std::vector<Elements>{{torch::softplus(excess, 1, 40), detail::any_of(positive)}};
      });
}

}  // namespace diva
