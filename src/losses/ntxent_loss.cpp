#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "rows.hpp"

namespace diva {

NtXentLoss::NtXentLoss(const NtXentLossOptions& options) : options_(options) { validate_fields("NtXentLoss", options); }

torch::Tensor NtXentLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  return pairwise_loss(comparison, tuples, {.distance = options_.distance, .similarities = true, .reducer = options_.reducer}, {},
                       [scale = 1 / options_.temperature](const PairBlock& block, const std::vector<torch::Tensor>&) {
                         return std::vector<Elements>{detail::pair_cross_entropy(block, scale)};
                       });
}

}  // namespace diva
