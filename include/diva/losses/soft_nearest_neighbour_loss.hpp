#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct SoftNearestNeighbourLossOptions {
  double temperature = 1;          ///< T: how far neighbours reach; > 0.
  bool learn_temperature = false;  ///< 1/T is trained with `temperature_learning_rate`, as in the paper's last form.
  double temperature_learning_rate = 5e-4;
  DistanceOptions distance = {.kind = Distance::squared_euclidean};
  ReducerOptions reducer = {};  ///< Over anchors with a positive.
};

template <class Visitor>
void describe(SoftNearestNeighbourLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "how far neighbours reach", positive);
  visit("learn_temperature", options.learn_temperature, "train the inverse of the temperature", any_value);
  visit("temperature_learning_rate", options.temperature_learning_rate, "learning rate of the inverse temperature", non_negative);
  visit("distance", options.distance, "what far means", any_value);
  visit("reducer", options.reducer, "over anchors with a positive", any_value);
}

/// How entangled classes are: the chance that a neighbour drawn at a temperature is of the anchor's class.
///
///   L = reduce_a −log( Σ_p exp(−D_ap / T) / Σ_(j≠a) exp(−D_aj / T) ),   reduce = mean
///
/// Source:  Frosst et al., Analyzing and Improving Representations with the Soft Nearest Neighbor Loss, ICML 2019, eq. 1 and 2;
///          arXiv 1902.01889.
/// Differs: the authors' code adds 1e-5 inside the logarithm and counts anchors without a positive; the paper minimises over T at
///          each step, here 1/T takes gradient steps.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no anchor with a positive: 0. All embeddings equal: log((positives + negatives) / positives). T → ∞ the same.
/// Cost:    that of pairwise_loss. Gradient reaches embeddings and 1/T.
class SoftNearestNeighbourLoss final : public Loss {
 public:
  explicit SoftNearestNeighbourLoss(const SoftNearestNeighbourLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "soft_nearest_neighbour"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return options_.temperature_learning_rate; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  SoftNearestNeighbourLossOptions options_;
  torch::Tensor inverse_temperature_;  // [1] when learned, otherwise undefined
};

}  // namespace diva::inline v0_1
