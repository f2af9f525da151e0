#include <diva/losses/nca_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "rows.hpp"

namespace diva {

NcaLoss::NcaLoss(const NcaLossOptions& options) : options_(options) { validate_fields("NcaLoss", options); }

torch::Tensor NcaLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true, .reducer = options_.reducer}, {},
                       [scale = options_.scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
                         return std::vector<Elements>{detail::neighbour_cross_entropy(block, block.values * scale)};
                       });
}

}  // namespace diva
