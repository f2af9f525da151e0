#pragma once

#include <diva/core/options.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace diva::inline v0_1 {

/// How a learning rate moves during a run.
enum class ScheduleKind {
  constant,     ///< Not at all; the seed's `--scheduler none`.
  step,         ///< Multiplied by `gamma` at each milestone.
  exponential,  ///< Multiplied by `gamma` after each epoch.
  cosine,       ///< Half a cosine from 1 to `lowest` over the whole run.
  plateau,      ///< Multiplied by `gamma` where evaluations do not improve.
};

constexpr auto enumerators(ScheduleKind) {
  return std::array{std::pair{ScheduleKind::constant, "constant"}, std::pair{ScheduleKind::step, "step"},
                    std::pair{ScheduleKind::exponential, "exponential"}, std::pair{ScheduleKind::cosine, "cosine"},
                    std::pair{ScheduleKind::plateau, "plateau"}};
}

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::step;
  std::vector<std::int64_t> milestones = {};  ///< Of `step`: epochs, counted from 0; the seed's `--tau`.
  double gamma = 0.3;                         ///< Of `step`, `exponential` and `plateau`; the seed's `--gamma`.
  double warmup_epochs = 0;                   ///< The rate grows linearly over the first so many epochs, whatever the kind.
  double lowest = 0;                          ///< Of `cosine`: share of the rate at the end.
  std::int64_t patience = 10;                 ///< Of `plateau`: evaluations without a gain that are borne.
  double threshold = 1e-4;                    ///< Of `plateau`: relative gain that counts.
};

template <class Visitor>
void describe(ScheduleOptions& options, Visitor&& visit) {
  visit("kind", options.kind, "how the rate moves during a run", any_value);
  visit("milestones", options.milestones, "of step: epochs at which the rate is multiplied by gamma", non_negative);
  visit("gamma", options.gamma, "factor of step, exponential and plateau", non_negative);
  visit("warmup_epochs", options.warmup_epochs, "first epochs over which the rate grows linearly", non_negative);
  visit("lowest", options.lowest, "of cosine: share of the rate at the end", between(0, 1));
  visit("patience", options.patience, "of plateau: evaluations without a gain that are borne", non_negative);
  visit("threshold", options.threshold, "of plateau: relative gain that counts", non_negative);
}

/// Where a run stands.
struct SchedulePosition {
  std::int64_t step = 0;  ///< Steps done.
  std::int64_t steps_per_epoch = 1;
  std::int64_t epochs = 1;               ///< Of the whole run.
  std::span<const double> history = {};  ///< What was watched, larger being better, at each evaluation so far; for plateau.
};

/// What a rate is multiplied by for the step that comes next: a function of the position alone, so that nothing needs to be saved.
///
///   warm-up w: min(1, (step + 1) / (w · steps_per_epoch)), times
///   step: γ^(milestones at or before the epoch);   exponential: γ^epoch;
///   cosine: lowest + (1 − lowest)·(1 + cos(π · step / all steps)) / 2;
///   plateau: γ^(times that more than `patience` evaluations after another did not exceed the best by more than `threshold`)
///
/// Source:  the schedulers MultiStepLR, ExponentialLR, CosineAnnealingLR and ReduceLROnPlateau (mode max, relative) of torch.
///          Warm-up: Goyal et al., Accurate, Large Minibatch SGD, 2017; arXiv 1706.02677. Cosine: Loshchilov and Hutter, SGDR, ICLR
///          2017; arXiv 1608.03983.
/// Differs: the cosine moves with every step, torch's example loops move it with every epoch.
/// Edge:    after the last step the cosine stays at `lowest`. Values of the history that are NaN are no gain.
double schedule_factor(const ScheduleOptions& options, const SchedulePosition& position);

}  // namespace diva::inline v0_1
