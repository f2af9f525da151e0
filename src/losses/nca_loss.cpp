#include <diva/losses/nca_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

namespace diva::inline v0_1 {

NcaLoss::NcaLoss(const NcaLossOptions& options) : options_(options) { validate_fields("NcaLoss", options); }

torch::Tensor NcaLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  const detail::NeighbourCrossEntropy kernel = {options_.scale};
  if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;
  return pairwise_loss(comparison, tuples, options, {},
                       [scale = options_.scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
                         return std::vector<Elements>{detail::neighbour_cross_entropy(block, block.values * scale)};
                       });
}

}  // namespace diva::inline v0_1
