#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

/// A batch of which each row is mixed with another one.
struct MixedBatch {
  torch::Tensor features;  ///< As given: weight · own + (1 − weight) · partner's.
  torch::Tensor partners;  ///< [B] int64: the row that was mixed in.
  torch::Tensor weights;   ///< [B] float64 on the CPU: λ.
};

/// Mixes every row of a batch with the row that a random permutation gives it; for inputs (input mixup), for the output of any
/// layer (manifold mixup) and for embeddings. A loss then takes λ and 1 − λ of the two labels.
///
///   out_i = λ_i x_i + (1 − λ_i) x_π(i),   λ_i ~ Beta(alpha, alpha)
///
/// Source:  Verma et al., Manifold Mixup, ICML 2019; Zhang et al., mixup, ICLR 2018; for metric learning Venkataramanan et al., It
///          Takes Two to Tango: Mixup for Deep Metric Learning, ICLR 2022, which takes alpha = 2.
/// Differs: one λ a row where those codes have one a batch.
/// Shapes:  features [B, …] floating → the same.
/// Edge:    alpha 0: λ = 1, nothing is mixed. B = 1: the partner is the row itself. B = 0: empty.
/// Cost:    O(B · size of a row). Gradient reaches both parts.
/// Throws:  ShapeError unless floating with one dimension or more; OptionError for a negative alpha.
MixedBatch manifold_mixup(const torch::Tensor& features, double alpha, Generator& generator);

/// Samples that no image has, between two of one class.
struct VirtualBatch {
  torch::Tensor embeddings;  ///< [V, D].
  torch::Tensor labels;      ///< [V] int64.
};

/// SiMix: virtual samples v = α x_i + (1 − α) x_j of two of one class, α uniform in [0, 1), for each sample `pairs` partners drawn
/// with replacement. Their similarities to anything are the same mixture of the pair's similarities, so appending them to a batch
/// enlarges it without another image; they are not normalised, for then this would not hold.
///
/// Source:  Patel, Tolias and Matas, Recall@k Surrogate Loss with Large Batches and Similarity Mixup, CVPR 2022, section 3.3.
/// Differs: partners are drawn, where the paper mixes all pairs of a class.
/// Shapes:  embeddings [B, D] floating, labels [B] int64 → V = pairs · (samples whose class has two or more).
/// Edge:    no class with two samples: V = 0.
/// Cost:    O(B + V·D). Gradient reaches both parts.
/// Throws:  ShapeError for other shapes or types; OptionError for pairs < 1.
VirtualBatch similarity_mixup(const torch::Tensor& embeddings, const torch::Tensor& labels, std::int64_t pairs,
                              Generator& generator);

/// Drawn from Beta(a, b) by two gamma variates (Marsaglia and Tsang 2000). OptionError unless both are positive.
double beta_variate(double a, double b, Generator& generator);

}  // namespace diva::inline v0_1
