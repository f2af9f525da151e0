#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/training/schedule.hpp>

#include <cmath>
#include <limits>
#include <vector>

using diva::ScheduleKind;
using diva::ScheduleOptions;

namespace {

double factor_at(const ScheduleOptions& options, std::int64_t step, std::span<const double> history = {}) {
  return diva::schedule_factor(options, {.step = step, .steps_per_epoch = 4, .epochs = 5, .history = history});
}

}  // namespace

TEST_CASE("the step schedule multiplies at each milestone that is reached") {
  const ScheduleOptions options{.milestones = {3, 1}, .gamma = 0.1};
  CHECK(factor_at(options, 3) == 1);
  CHECK(factor_at(options, 4) == 0.1);
  CHECK(factor_at(options, 11) == 0.1);
  CHECK(std::abs(factor_at(options, 12) - 0.01) < 1e-15);
  CHECK(factor_at({}, 19) == 1);
}

TEST_CASE("the exponential schedule multiplies after each epoch, the constant one never") {
  CHECK(factor_at({.kind = ScheduleKind::exponential, .gamma = 0.5}, 3) == 1);
  CHECK(factor_at({.kind = ScheduleKind::exponential, .gamma = 0.5}, 15) == 0.125);
  CHECK(factor_at({.kind = ScheduleKind::constant, .milestones = {1}}, 15) == 1);
}

TEST_CASE("the cosine schedule falls from 1 to its lowest share over 20 steps") {
  const ScheduleOptions options{.kind = ScheduleKind::cosine, .lowest = 0.2};
  CHECK(factor_at(options, 0) == 1);
  CHECK(std::abs(factor_at(options, 10) - 0.6) < 1e-12);                          // half way: the middle of 1 and 0.2
  CHECK(std::abs(factor_at(options, 5) - (0.6 + 0.4 * std::sqrt(0.5))) < 1e-12);  // cos(π/4) = √½
  CHECK(std::abs(factor_at(options, 20) - 0.2) < 1e-12);
  CHECK(std::abs(factor_at(options, 30) - 0.2) < 1e-12);
}

TEST_CASE("the rate warms up linearly before and within any schedule") {
  const ScheduleOptions options{.milestones = {1}, .gamma = 0.5, .warmup_epochs = 1.5};  // six steps
  CHECK(std::abs(factor_at(options, 0) - 1.0 / 6) < 1e-15);
  CHECK(std::abs(factor_at(options, 3) - 4.0 / 6) < 1e-15);
  CHECK(std::abs(factor_at(options, 4) - 0.5 * 5 / 6) < 1e-15);
  CHECK(factor_at(options, 5) == 0.5);
}

TEST_CASE("the plateau schedule multiplies when more evaluations than its patience brought no gain") {
  const ScheduleOptions options{.kind = ScheduleKind::plateau, .gamma = 0.1, .patience = 1, .threshold = 0.1};
  const auto factor = [&](const std::vector<double>& history) { return factor_at(options, 8, history); };
  CHECK(factor({}) == 1);
  CHECK(factor({0.5, 0.6, 0.7}) == 1);
  CHECK(factor({0.5, 0.54}) == 1);          // 0.54 is no gain of 10 %, but one such is borne
  CHECK(factor({0.5, 0.54, 0.55}) == 0.1);  // 0.55 is not more than 0.55
  CHECK(factor({0.5, 0.54, 0.56}) == 1);
  CHECK(std::abs(factor({0.5, 0.5, 0.5, 0.5, 0.5}) - 0.01) < 1e-15);  // two, and two more
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(factor({nan, 0.5, 0.6}) == 1);
  CHECK(factor({0.5, nan, nan}) == 0.1);
}

TEST_CASE("options of a schedule outside their bounds are named") {
  CHECK_THROWS_AS(diva::validate_fields("schedule", ScheduleOptions{.gamma = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::validate_fields("schedule", ScheduleOptions{.lowest = 2}), diva::OptionError);
}
