#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva {

struct TripletLossOptions {
  double margin = 0.2;  ///< m: by how much a negative must be farther than a positive; ≥ 0.
  DistanceOptions distance = {.kind =
                                  Distance::squared_euclidean};  ///< As FaceNet and the seed; `euclidean` is PML's and OML's habit.
  ReducerOptions reducer = {};                                   ///< Over triplets. PML's default is non_zero_mean.
  bool swap = false;    ///< A negative is as far as the nearer of its distances from the anchor and from the positive.
  bool smooth = false;  ///< log(1 + exp(·)) in place of ( · )₊.
};

template <class Visitor>
void describe(TripletLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much a negative must be farther than a positive", non_negative);
  visit("distance", options.distance, "what far means", any_value);
  visit("reducer", options.reducer, "over triplets", any_value);
  visit("swap", options.swap, "a negative is as far as the nearer of anchor and positive", any_value);
  visit("smooth", options.smooth, "log(1 + exp(x)) in place of the hinge", any_value);
}

/// Each negative farther from the anchor than the positive, by a margin.
///
///   L = reduce_(a,p,n) ( D_ap − D_an + m )₊,   reduce = mean
///
/// Source:  Schroff et al., FaceNet, CVPR 2015, eq. 2; arXiv 1503.03832. Reference: the seed's criteria/triplet.py; swap: Balntas
/// et
///          al., BMVC 2016.
/// Differs: the seed fails without a triplet; here that is 0.
/// Shapes:  embeddings [B, D]; labels [B] int64; triplets -> scalar.
/// Edge:    no triplet: 0. Limit: all embeddings equal: m.
/// Cost:    O(T·D) time and memory. Gradient reaches embeddings.
class TripletLoss final : public Loss {
 public:
  explicit TripletLoss(const TripletLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "triplet"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  TripletLossOptions options_;
};

}  // namespace diva
