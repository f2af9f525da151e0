#include <diva/losses/pairwise.hpp>
#include <diva/losses/soft_nearest_neighbour_loss.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

namespace diva::inline v0_1 {

SoftNearestNeighbourLoss::SoftNearestNeighbourLoss(const SoftNearestNeighbourLossOptions& options) : options_(options) {
  validate_fields("SoftNearestNeighbourLoss", options);
  if (options.learn_temperature) inverse_temperature_ = torch::full({1}, 1 / options.temperature, torch::kFloat32).requires_grad_();
}

std::vector<NamedTensor> SoftNearestNeighbourLoss::named_parameters() const {
  if (!inverse_temperature_.defined()) return {};
  return {{"inverse_temperature", inverse_temperature_}};
}

torch::Tensor SoftNearestNeighbourLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  if (!inverse_temperature_.defined()) {
    const detail::NeighbourCrossEntropy kernel = {1 / options_.temperature};
    if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;
  }
  std::vector<torch::Tensor> parameters;
  if (inverse_temperature_.defined()) parameters.push_back(inverse_temperature_);
  const auto function = [inverse = 1 / options_.temperature](const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto logits = parameters.empty() ? block.values * inverse : block.values * parameters[0].to(block.values.scalar_type());
    return std::vector<Elements>{detail::neighbour_cross_entropy(block, logits)};
  };
  return pairwise_loss(comparison, tuples, options, parameters, function);
}

}  // namespace diva::inline v0_1
