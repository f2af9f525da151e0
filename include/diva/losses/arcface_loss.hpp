#pragma once

#include <diva/losses/proxy_loss.hpp>

#include <numbers>

namespace diva::inline v0_1 {

struct ArcFaceLossOptions {
  double margin = 0.5;  ///< m: by how much the angle to the own class must be smaller, in radians; in [0, π]. PML takes degrees.
  double scale = 64;    ///< s: 1/T; > 0. Revisiting's default is 16.
  std::int64_t sub_centers = 1;  ///< K: centres for each class, of which the nearest counts; 3 in the paper of SubCenterArcFace.
  /// `fixed`: monotonous beyond θ = π − m, as PML and insightface. `paper`: cos(θ + m) everywhere. `repo` (Revisiting): `paper` of
  /// dot products with embeddings as they come, clamped to [1e-10, 1 − 1e-10], so that samples beyond 90° have no gradient.
  Variant variant = Variant::fixed;
  ProxyOptions proxies = {};    ///< Rows of the class map.
  ReducerOptions reducer = {};  ///< Over samples.
};

template <class Visitor>
void describe(ArcFaceLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much the angle to the own class must be smaller, in radians",
        between(0, std::numbers::pi));
  visit("scale", options.scale, "factor of the cosines", positive);
  visit("sub_centers", options.sub_centers, "centres for each class, of which the nearest counts", at_least(1));
  visit("variant", options.variant, "fixed: monotonous beyond 180°; paper: cos(θ + m); repo: Revisiting's clamped cosines",
        any_value);
  visit("proxies", options.proxies, "rows of the class map", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Classification by angles, with a margin on the angle to the own class.
///
///   L = reduce_i −log softmax_c( s·cos θ_ic, but s·φ(θ_iy) for c = y_i )[y_i],   reduce = mean
///   φ(θ) = cos(θ + m) for θ ≤ π − m, otherwise cos θ − m sin m;   θ_ic the smallest angle to the K centres of class c
///
/// Source:  Deng et al., ArcFace, CVPR 2019, eq. 3; arXiv 1801.07698. K > 1: Deng et al., Sub-center ArcFace, ECCV 2020. Reference:
///          Revisiting's criteria/arcface.py; PML's ArcFaceLoss and SubCenterArcFaceLoss (m = 28.6°, weights from N(0, 1)).
/// Differs: cos(θ + m) is computed as cos θ cos m − sin θ sin m, whose gradient is finite at θ = 0 and π, where that of the
///          references' arc cosine is not. The DiVA code adds the margin to all logits, which has no effect; we follow Revisiting.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar.
/// Edge:    one class: 0. Limit: m = 0: SoftmaxLoss with normalised embeddings and T = 1/s.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class ArcFaceLoss final : public ProxyLoss {
 public:
  ArcFaceLoss(const ArcFaceLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return options_.sub_centers > 1 ? "subcenter_arcface" : "arcface"; }

  struct Outliers {
    torch::Tensor indices;  ///< [n] int64, ascending.
    torch::Tensor centers;  ///< [num_classes, D]: the dominant centre of each class.
  };
  /// Samples that lie far from the dominant centre of their class, the one that is nearest to the most of its samples: labels
  /// likely to be wrong. Threshold in degrees.
  ///
  /// Source:  Sub-center ArcFace, section 3.3; PML's SubCenterArcFaceLoss.get_outliers.
  /// Differs: PML lists outliers by class, and leaves the centre of a class without samples unset; here it is its first.
  /// Shapes:  embeddings [N, D], labels [N] of any number of samples: a whole data set.
  /// Cost:    O(N·K·D) time, O(N·D) memory.
  /// Throws:  ShapeError, DataError (label out of range), OptionError (threshold outside [0, 180]).
  [[nodiscard]] Outliers outliers(const torch::Tensor& embeddings, const torch::Tensor& labels, double threshold = 75) const;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  ArcFaceLossOptions options_;
};

}  // namespace diva::inline v0_1
