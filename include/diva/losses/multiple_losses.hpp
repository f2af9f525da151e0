#pragma once

#include <diva/losses/loss.hpp>
#include <diva/losses/regularizers.hpp>

#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// A criterion of a sum.
struct WeightedLoss {
  std::string name;  ///< Under which its state is kept; unique, without a dot.
  std::shared_ptr<Loss> loss;
  double weight = 1;
  TupleSource miner = {};  ///< Without one the tuples that the sum is given.
};

/// A penalty of a sum: on the embeddings, or on a parameter such as the proxies of one of the criteria.
struct WeightedRegularizer {
  Regularizer regularizer;
  double weight = 1;
  torch::Tensor parameter = {};  ///< [N, D], from named_parameters(); undefined: the embeddings.
};

/// A weighted sum of criteria and regularisers.
///
///   L = Σ_i w_i L_i(x, y, miner_i(x, y)) + Σ_j w_j R_j
///
/// Triplets and pairs that the sum is given are for the criteria that take tuples; only where none does, as in a sum of proxy
/// losses, are they for all.
///
/// Source:  pytorch-metric-learning 2.8.1, MultipleLosses, embedding_regularizer and weight_regularizer.
/// Differs: PML hands them to all, where they weigh the samples of a proxy loss beside a loss of pairs.
/// Shapes:  as Loss::forward -> scalar.
/// Cost:    that of its parts. Gradient reaches what that of its parts does.
/// Throws:  OptionError (no criterion, names), and what the parts throw.
class MultipleLosses final : public Loss {
 public:
  explicit MultipleLosses(std::vector<WeightedLoss> losses, std::vector<WeightedRegularizer> regularizers = {});

  [[nodiscard]] std::string_view name() const override { return "multiple"; }
  /// That of the criteria that want one, where they agree.
  [[nodiscard]] std::optional<double> learning_rate() const override;
  /// Whether a criterion without a miner of its own does.
  [[nodiscard]] bool takes_tuples() const override;
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;
  [[nodiscard]] const std::vector<WeightedLoss>& losses() const { return losses_; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  std::vector<WeightedLoss> losses_;
  std::vector<WeightedRegularizer> regularizers_;
};

}  // namespace diva::inline v0_1
