#include <diva/miners/distance_weighted.hpp>
#include <diva/ssl/dance_loss.hpp>

namespace diva::inline v0_1 {

DanceLoss::DanceLoss(const DanceOptions& options)
    : SelfSimilarityLoss(options.temperature, options.learn_temperature, options.temperature_learning_rate), options_(options) {
  validate_fields("DanceLoss", options);
}

SelfSimilarityLoss::Weighting DanceLoss::weighting(const torch::Tensor& similarities, std::int64_t dim) const {
  const auto distances = (2 - 2 * similarities.to(torch::kFloat64)).clamp_min(0).sqrt();
  if (options_.variant == Variant::repo) {
    const auto logs = log_inverse_distance_density(distances.clamp_min(options_.lower_cutoff), dim);
    const auto weights = (logs - logs.max()).exp().masked_fill(distances > options_.upper_cutoff, 0).clamp_min(1e-45);
    return {.factors = weights / weights.sum(0), .offsets = {}};
  }
  const auto weights =
      detail::inverse_density_probabilities(distances, torch::ones_like(distances, torch::kBool), dim,
                                            {.lower_cutoff = options_.lower_cutoff, .upper_cutoff = options_.upper_cutoff});
  if (options_.variant == Variant::fixed) return {.factors = weights, .offsets = {}};
  return {.factors = {}, .offsets = (weights * static_cast<double>(weights.size(1))).log()};
}

}  // namespace diva::inline v0_1
