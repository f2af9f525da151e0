#include <diva/training/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace diva::inline v0_1 {
namespace {

// How often ReduceLROnPlateau would have reduced.
std::int64_t reductions(const ScheduleOptions& options, std::span<const double> history) {
  double best = -std::numeric_limits<double>::infinity();
  std::int64_t count = 0, without_gain = 0;
  for (const double value : history) {
    const bool gain = std::isinf(best) ? !std::isnan(value) : value > best + options.threshold * std::abs(best);
    if (gain) {
      best = value;
      without_gain = 0;
    } else if (++without_gain > options.patience) {
      ++count;
      without_gain = 0;
    }
  }
  return count;
}

double factor_of_kind(const ScheduleOptions& options, const SchedulePosition& position, std::int64_t epoch) {
  switch (options.kind) {
    case ScheduleKind::constant:
      return 1;
    case ScheduleKind::step: {
      double factor = 1;
      for (const auto milestone : options.milestones) factor *= milestone <= epoch ? options.gamma : 1;
      return factor;
    }
    case ScheduleKind::exponential:
      return std::pow(options.gamma, static_cast<double>(epoch));
    case ScheduleKind::cosine: {
      const auto all = static_cast<double>(position.epochs * position.steps_per_epoch);
      const double done = std::min(1.0, static_cast<double>(position.step) / all);
      return options.lowest + (1 - options.lowest) * (1 + std::cos(std::numbers::pi * done)) / 2;
    }
    case ScheduleKind::plateau:
      return std::pow(options.gamma, static_cast<double>(reductions(options, position.history)));
  }
  return 1;
}

}  // namespace

double schedule_factor(const ScheduleOptions& options, const SchedulePosition& position) {
  const auto per_epoch = std::max<std::int64_t>(1, position.steps_per_epoch);
  double warmup = 1;
  if (options.warmup_epochs > 0)
    warmup = std::min(1.0, static_cast<double>(position.step + 1) / (options.warmup_epochs * static_cast<double>(per_epoch)));
  return warmup * factor_of_kind(options, position, position.step / per_epoch);
}

}  // namespace diva::inline v0_1
