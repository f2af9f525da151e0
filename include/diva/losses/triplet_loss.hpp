#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>

namespace diva {

struct TripletLossOptions {
  double margin = 0.2;                              ///< m: by how much a negative must be farther than a positive; ≥ 0.
  Distance distance = Distance::squared_euclidean;  ///< As FaceNet and the seed; `euclidean` is PML's and OML's habit.
  bool average_active = false;                      ///< Divide by the triplets with a loss rather than by all of them.
};

template <class Visitor>
void describe(TripletLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much a negative must be farther than a positive", non_negative);
  visit("distance", options.distance, "what far means", any_value);
  visit("average_active", options.average_active, "divide by the triplets with a loss rather than by all", any_value);
}

/// Each negative farther from the anchor than the positive, by a margin.
///
///   L = 1/T Σ_(a,p,n) ( D_ap − D_an + m )₊
///
/// Source:  Schroff et al., FaceNet, CVPR 2015, eq. 2; arXiv 1503.03832. Reference: the seed's criteria/triplet.py.
/// Differs: the seed fails without a triplet; here that is 0.
/// Shapes:  embeddings [B, D]; labels [B] int64; triplets -> scalar.
/// Edge:    no triplet: 0. Limit: all embeddings equal: m.
/// Cost:    O(T·D) time and memory. Gradient reaches embeddings.
class TripletLoss final : public Loss {
 public:
  explicit TripletLoss(const TripletLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "triplet"; }

 private:
  [[nodiscard]] torch::Tensor compute(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                      const Tuples& tuples) const override;

  TripletLossOptions options_;
};

}  // namespace diva
