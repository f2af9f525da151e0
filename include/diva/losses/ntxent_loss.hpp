#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

namespace diva::inline v0_1 {

struct NtXentLossOptions {
  double temperature = 0.07;                              ///< τ: similarities are divided by it; > 0.
  DistanceOptions distance = {.kind = Distance::cosine};  ///< Whose similarities are compared.
  ReducerOptions reducer = {};                            ///< Over positive pairs.
};

template <class Visitor>
void describe(NtXentLossOptions& options, Visitor&& visit) {
  visit("temperature", options.temperature, "similarities are divided by it", positive);
  visit("distance", options.distance, "whose similarities are compared", any_value);
  visit("reducer", options.reducer, "over positive pairs", any_value);
}

/// The normalised, temperature-scaled cross entropy of each positive among the negatives of its anchor (InfoNCE).
///
///   L = reduce_(a,p) −log( exp(s_ap/τ) / (exp(s_ap/τ) + Σ_n exp(s_an/τ)) ),   reduce = mean
///
/// Other positives of the anchor are in neither sum. For self-supervision label the two views of a sample alike, or give the other
/// view as the reference.
///
/// Source:  Chen et al., SimCLR, ICML 2020, eq. 1; arXiv 2002.05709; van den Oord et al., 2018. Reference: PML's NTXentLoss.
/// Differs: nothing known.
/// Shapes:  embeddings [B, D]; labels [B] int64; pairs or triplets -> scalar.
/// Edge:    no positive pair, or no negative: 0. All embeddings equal: log(1 + negatives).
/// Cost:    that of pairwise_loss. Gradient reaches embeddings.
class NtXentLoss final : public Loss {
 public:
  explicit NtXentLoss(const NtXentLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "ntxent"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  NtXentLossOptions options_;
};

}  // namespace diva::inline v0_1
