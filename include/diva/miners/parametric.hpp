#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/core/state.hpp>
#include <diva/miners/comparison.hpp>

#include <array>
#include <cstdint>
#include <utility>

namespace diva::inline v0_1 {

/// The distribution over distances that a parametric miner begins with.
enum class SamplingStart {
  flat,    ///< All bins alike.
  window,  ///< The bins within `start_width` of `start_center`.
  normal,  ///< exp(−(d − start_center)² / (2 start_width²)).
};

constexpr auto enumerators(SamplingStart) {
  return std::array{std::pair{SamplingStart::flat, "flat"}, std::pair{SamplingStart::window, "window"},
                    std::pair{SamplingStart::normal, "normal"}};
}

/// The modes of the seed's `parametric` are windows: `hards` [0, 0.5], `semihards` [0.3, 0.7], `veryhards` [0, 0.3], and `uniform`
/// is flat.
struct ParametricMinerOptions {
  std::int64_t bins = 29;                       ///< K, of equal width; ≥ 1. PADS's `--policy_n_support` is one more.
  double lower = 0.1;                           ///< Where the first bin begins; nearer samples count to it.
  double upper = 1.4;                           ///< Where the last bin ends; farther samples count to it.
  SamplingStart start = SamplingStart::window;  ///< PADS's `uniform_low` with the next two.
  double start_center = 0.5;                    ///< Of window and normal, a distance.
  double start_width = 0.2;                     ///< Of window and normal, a distance; > 0.
  bool include_positives = false;               ///< Negatives are drawn from positives too: PADS's self-regularisation, part 2.
  bool include_anchor = false;                  ///< The anchor may be its own positive (and, with the above, negative): part 3.
};

template <class Visitor>
void describe(ParametricMinerOptions& options, Visitor&& visit) {
  visit("bins", options.bins, "of equal width", at_least(1));
  visit("lower", options.lower, "where the first bin begins", non_negative);
  visit("upper", options.upper, "where the last bin ends", positive);
  visit("start", options.start, "distribution at the start", any_value);
  visit("start_center", options.start_center, "of window and normal", any_value);
  visit("start_width", options.start_width, "of window and normal", positive);
  visit("include_positives", options.include_positives, "negatives are drawn from positives too", any_value);
  visit("include_anchor", options.include_anchor, "the anchor may be its own positive", any_value);
}

/// One triplet an anchor: a uniform positive, and a negative with a chance that is a table over distances, which may be changed
/// during training, by sampling_policy.hpp for one.
///
///   P(n | a) ∝ w_k,   k = the bin of D_an,   Σ_k w_k = 1
///
/// Source:  Roth et al., PADS: Policy-Adapted Sampling for Visual Similarity Learning, CVPR 2020, section 4; arXiv 2003.11113.
///          Reference: its code's Parametric_Sampler, and the seed's `parametric`.
/// Differs: the seed's lacks its flags and has one weight too many in some modes (FIELD A12). Samples without a positive are left
///          out, where PADS fails.
class ParametricMiner {
 public:
  explicit ParametricMiner(const ParametricMinerOptions& options = {});

  /// Shapes: embeddings [B, D], labels [B] int64, or a relation -> T ≤ B triplets.
  /// Edge:   no anchor (a positive and a negative exist): T = 0. NaN distances count to the last bin.
  /// Cost:   O(B·R·D) time, O(B·R) memory.
  /// Throws: ShapeError; OptionError for a reference where the anchor is included.
  [[nodiscard]] Triplets operator()(const Comparison& comparison, Generator& generator) const;

  /// The table w, [bins] float64 on the CPU.
  [[nodiscard]] torch::Tensor distribution() const;
  /// Multiplies the bins by factors [bins] > 0 and normalises again. Unnormalised weights stay within [1e-25, 1e25], as in PADS.
  void adjust(const torch::Tensor& factors);

  [[nodiscard]] const ParametricMinerOptions& options() const { return options_; }
  [[nodiscard]] State state() const;
  void restore(const State& state);

 private:
  ParametricMinerOptions options_;
  torch::Tensor weights_;  // [bins] float64, not normalised
};

}  // namespace diva::inline v0_1
