#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct QuadrupletLossOptions {
  double margin = 0.2;         ///< α₁: by how much a negative must be farther from the anchor than a positive; ≥ 0.
  double second_margin = 0.2;  ///< α₂: by how much two negatives must be farther apart than a positive pair; ≥ 0.
  /// Which samples are the second negative m. `fixed`: those of another class than the anchor and the negative; `repo`: all but the
  /// negative itself, as the seed never looks at the class; given ones are compared with every triplet (see quadruplet_loss).
  Variant variant = Variant::fixed;
  DistanceOptions distance = {};
  ReducerOptions reducer = {};  ///< Over triplets, of each term.
};

template <class Visitor>
void describe(QuadrupletLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much a negative must be farther than a positive", non_negative);
  visit("second_margin", options.second_margin, "by how much two negatives must be farther apart than a positive pair",
        non_negative);
  visit("variant", options.variant, "fixed: the second negative is of a third class; repo: of any", any_value);
  visit("distance", options.distance, "what far means", any_value);
  visit("reducer", options.reducer, "over triplets, of each term", any_value);
}

/// The triplet loss, and two negatives farther apart than a positive pair, whatever their anchor.
///
///   L = reduce_(a,p,n) ( D_ap − D_an + α₁ )₊ + reduce_(a,p,n) mean_m ( D_ap − D_nm + α₂ )₊,   reduce = mean
///
/// The mean over all second negatives m is the expectation of one drawn at random, without the noise of drawing it.
///
/// Source:  Chen et al., Beyond Triplet Loss, CVPR 2017, eq. 6 (there with squared distances); arXiv 1704.01719. Reference: the
///          seed's criteria/quadruplet.py.
/// Differs: the seed draws m by a mask over triplets applied to the batch, never looks at its class, and compares all T triplets
///          with all T drawn samples.
/// Shapes:  embeddings [B, D]; labels [B] int64, or a relation, whose negatives may be m; triplets -> scalar.
/// Edge:    no triplet: 0; no second negative: the first term alone. Limit: all embeddings equal: α₁ + α₂.
/// Cost:    given triplets: O(T·B·D) time, O(T·D) memory and that of pairwise_loss. All of them, of P positive pairs and classes
///          of K: O(B·P·(log B + K) + B²·D) time, O(P + pairs_at_once) memory, without a list; the reducer none lists them.
///          Gradient reaches embeddings.
/// Throws:  OptionError (range, pairs given, a reference).
class QuadrupletLoss final : public Loss {
 public:
  explicit QuadrupletLoss(const QuadrupletLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "quadruplet"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool takes_reference() const override { return false; }

  QuadrupletLossOptions options_;
};

/// The same for given second negatives [T] int64, one a triplet; with `repo` every triplet is compared with every one of them, as
/// the seed's broadcast does, in O(T²) memory.
///
/// Throws: ShapeError, DataError (indices out of range), OptionError.
torch::Tensor quadruplet_loss(const torch::Tensor& embeddings, const Triplets& triplets, const torch::Tensor& second_negatives,
                              const QuadrupletLossOptions& options = {});

}  // namespace diva::inline v0_1
