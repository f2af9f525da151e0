#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

/// Which proxy a sample belongs to.
enum class MetaClasses {
  random,  ///< Drawn anew for each batch, each proxy at least once where the batch is large enough.
  labels,  ///< Its label, in [0, proxies).
};

constexpr auto enumerators(MetaClasses) {
  return std::array{std::pair{MetaClasses::random, "random"}, std::pair{MetaClasses::labels, "labels"}};
}

struct ManifoldLossOptions {
  std::int64_t proxies = 50;                       ///< K; ≥ 1.
  MetaClasses meta_classes = MetaClasses::random;  ///< Which proxy a sample belongs to.
  double intrinsic_weight = 1;                     ///< Of the walk's own probabilities; ≥ 0.
  double context_weight = 1;                       ///< λ_C: of the similarity of whole rows of the walk; ≥ 0.
  double alpha = 0.8;                              ///< α: how far the random walk goes; in (0, 1).
  double margin = 5e-4;                            ///< By how much another proxy must be farther; ≥ 0.
};

template <class Visitor>
void describe(ManifoldLossOptions& options, Visitor&& visit) {
  visit("proxies", options.proxies, "K", at_least(1));
  visit("meta_classes", options.meta_classes, "which proxy a sample belongs to: drawn for each batch, or its label", any_value);
  visit("intrinsic_weight", options.intrinsic_weight, "of the walk's own probabilities", non_negative);
  visit("context_weight", options.context_weight, "λ_C: of the similarity of whole rows of the walk", non_negative);
  visit("alpha", options.alpha, "how far the random walk goes",
        Bounds{.lower = 0, .upper = 1, .lower_open = true, .upper_open = true});
  visit("margin", options.margin, "by how much another proxy must be farther", non_negative);
}

/// Nearness to learned proxies along the manifold of the batch: by a random walk rather than by a straight line.
///
///   F = (1 − α) (I − α S̄)⁻¹,   S̄ = Q^(−½) S Q^(−½),   S_ij = exp(2 (cos_ij)₊), S_ii = 0,  over batch and proxies; Q its row sums
///   L = w_I ℓ(F_xk) + λ_C ℓ( cos(F_x, F_k) ),   ℓ(f) = mean_x log( 1 + Σ_(k ≠ y, v ≥ 0) e^v ),  v = f_xk − f_xy + m
///
/// Source:  Aziere & Todorovic, Ensemble Deep Manifold Similarity Learning Using Hard Proxies, CVPR 2019, eq. 4 to 8;
///          pytorch-metric-learning 2.8.1, ManifoldLoss.
/// Differs: PML inverts in float32 whatever the type, needs B ≥ K, draws from the global generator and is infinite for λ_C = ∞, for
///          which intrinsic_weight = 0 stands here.
/// Shapes:  embeddings [B, embed_dim]; labels [B] int64, not read and free to be undefined unless meta_classes = labels -> scalar.
/// Edge:    an empty batch: 0. Where v falls below 0 a term of at least 1 leaves the sum, so L jumps there.
/// Cost:    O((B + K)³) time, O((B + K)²) memory. Gradient reaches embeddings and proxies.
/// Throws:  OptionError when tuples are given, ShapeError for another dimension, DataError for labels out of range.
class ManifoldLoss final : public Loss {
 public:
  /// Proxies [K, embed_dim] are drawn from a standard normal, meta-classes later, both from a fork of `generator`.
  ManifoldLoss(const ManifoldLossOptions& options, std::int64_t embed_dim, const Generator& generator);

  [[nodiscard]] std::string_view name() const override { return "manifold"; }
  [[nodiscard]] bool takes_tuples() const override { return false; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override { return {{"proxies", proxies_}}; }
  /// Parameters and the position of the generator.
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] std::int64_t num_classes() const override {
    return options_.meta_classes == MetaClasses::labels ? options_.proxies : -1;
  }
  [[nodiscard]] bool takes_reference() const override { return false; }
  [[nodiscard]] bool needs_labels() const override { return options_.meta_classes == MetaClasses::labels; }

  ManifoldLossOptions options_;
  Generator generator_;
  torch::Tensor proxies_;
};

}  // namespace diva::inline v0_1
