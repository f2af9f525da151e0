#include <diva/ssl/moco_loss.hpp>

namespace diva::inline v0_1 {

MocoLoss::MocoLoss(const MocoOptions& options)
    : SelfSimilarityLoss(options.temperature, options.learn_temperature, options.temperature_learning_rate) {
  validate_fields("MocoLoss", options);
}

SelfSimilarityLoss::Weighting MocoLoss::weighting(const torch::Tensor&, std::int64_t) const { return {}; }

}  // namespace diva::inline v0_1
