#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct TripletLossOptions {
  double margin = 0.2;  ///< m: by how much a negative must be farther than a positive; ≥ 0.
  DistanceOptions distance = {.kind =
                                  Distance::squared_euclidean};  ///< As FaceNet and the seed; `euclidean` is PML's and OML's habit.
  ReducerOptions reducer = {};                                   ///< Over triplets. PML's default is non_zero_mean.
  bool swap = false;    ///< A negative is as far as the nearer of its distances from the anchor and from the positive.
  bool smooth = false;  ///< log(1 + exp(·)) in place of ( · )₊.
  /// Without given tuples: 0 for all triplets, otherwise this many random ones of each anchor.
  std::int64_t triplets_per_anchor = 0;
};

template <class Visitor>
void describe(TripletLossOptions& options, Visitor&& visit) {
  visit("margin", options.margin, "by how much a negative must be farther than a positive", non_negative);
  visit("distance", options.distance, "what far means", any_value);
  visit("reducer", options.reducer, "over triplets", any_value);
  visit("swap", options.swap, "a negative is as far as the nearer of anchor and positive", any_value);
  visit("smooth", options.smooth, "log(1 + exp(x)) in place of the hinge", any_value);
  visit("triplets_per_anchor", options.triplets_per_anchor, "without given tuples: 0 for all, otherwise so many random ones",
        non_negative);
}

/// Each negative farther from the anchor than the positive, by a margin.
///
///   L = reduce_(a,p,n) ( D_ap − D_an + m )₊,   reduce = mean
///
/// Source:  Schroff et al., FaceNet, CVPR 2015, eq. 2; arXiv 1503.03832. Reference: the seed's criteria/triplet.py; swap: Balntas
///          et al., BMVC 2016. PML's TripletMarginLoss is this with normalised Euclidean distances, margin 0.05 and non_zero_mean.
/// Differs: the seed fails without a triplet; here that is 0.
/// Shapes:  embeddings [B, D]; labels [B] int64; triplets -> scalar.
/// Edge:    no triplet: 0. Limit: all embeddings equal: m.
/// Cost:    given triplets: O(T·D) time and memory. All triplets are never listed (but for the reducer none): with K positives an
///          anchor O(B·R·(D + log K)), or O(B·R·(D + K)) when smooth or thresholded and O(B·R·D·K) with swap, in the memory of
///          pairwise_loss. Distances are then those of the matrix product; see pairwise_distances. Gradient reaches embeddings.
/// Throws:  OptionError (range; pairs given, which do not say which of them belong together).
class TripletLoss final : public Loss {
 public:
  /// `generator` draws the triplets of triplets_per_anchor; its place in the stream is part of the state.
  explicit TripletLoss(const TripletLossOptions& options = {}, Generator generator = Generator());
  [[nodiscard]] std::string_view name() const override { return "triplet"; }
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  TripletLossOptions options_;
  Generator generator_;
  torch::Tensor draws_;  // int64 [1], how often it has drawn; undefined where it never does
};

}  // namespace diva::inline v0_1
