#pragma once

#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>

namespace diva::inline v0_1 {

struct HistogramLossOptions {
  std::int64_t nodes = 51;  ///< Of the histogram over [-1, 1]; ≥ 2. The seed's `--loss_histogram_nbins`; PML's n_bins is one less.
  /// `repo`: shares of the upper node are lost in those bins where the seed's comparison of floating-point numbers fails; `pml`:
  /// negative pairs of two samples that both have no positive are left out.
  Variant variant = Variant::fixed;
  DistanceOptions distance = {.kind = Distance::cosine};  ///< Cosine, or dot of rows that are normalised already, as the seed.
};

template <class Visitor>
void describe(HistogramLossOptions& options, Visitor&& visit) {
  visit("nodes", options.nodes, "of the histogram over [-1, 1]", at_least(2));
  visit("variant", options.variant, "repo: the seed's lost shares; pml: no negatives of two lone samples", any_value);
  visit("distance", options.distance, "cosine, or dot of normalised rows", any_value);
}

/// The chance that a random negative pair is more similar than a random positive pair, from two histograms.
///
///   L = Σ_r h⁻_r Σ_(q ≤ r) h⁺_q,
///   h± = soft_histogram of the similarities of all positive and of all negative pairs / their number
///
/// Source:  Ustinova & Lempitsky, Learning Deep Embeddings with Histogram Loss, NIPS 2016, eq. 5; arXiv 1611.00822. Reference: the
///          seed's criteria/histogram.py; pytorch-metric-learning 2.8.1, HistogramLoss.
/// Differs: see `variant`. Given tuples say which pairs there are, once however often they occur, and both ways round.
/// Shapes:  embeddings [B, D]; labels [B] int64; tuples, a relation, whose weights weigh pairs, and a reference -> scalar.
/// Edge:    no positive or no negative pair: 0. Limit: all positives more similar than all negatives by a bin: 0; all embeddings
///          equal: 1.
/// Cost:    that of pairwise_loss and once more the similarities, whatever the number of nodes. Gradient reaches embeddings and
///          reference.
/// Throws:  OptionError for another distance.
class HistogramLoss final : public Loss {
 public:
  explicit HistogramLoss(const HistogramLossOptions& options = {});
  [[nodiscard]] std::string_view name() const override { return "histogram"; }
  [[nodiscard]] bool takes_tuples() const override { return false; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  HistogramLossOptions options_;
  std::vector<double> kept_;  // [nodes]: 1 where shares of the upper node count; empty: everywhere
};

}  // namespace diva::inline v0_1
