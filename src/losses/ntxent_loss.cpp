#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

namespace diva::inline v0_1 {

NtXentLoss::NtXentLoss(const NtXentLossOptions& options) : options_(options) { validate_fields("NtXentLoss", options); }

torch::Tensor NtXentLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  const double scale = 1 / options_.temperature;
  const detail::PairCrossEntropy<> kernel = {scale, {scale}};
  if (auto loss = detail::fused_pairs(comparison, tuples, options, kernel); loss.defined()) return loss;
  return pairwise_loss(comparison, tuples, options, {}, [scale](const PairBlock& block, const std::vector<torch::Tensor>&) {
    return std::vector<Elements>{detail::pair_cross_entropy(block, scale)};
  });
}

}  // namespace diva::inline v0_1
