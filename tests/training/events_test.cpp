#include "support/catch.hpp"

#include <diva/training/events.hpp>

TEST_CASE("an observer ignores what it does not handle") {
  struct Counter : diva::Observer {
    using diva::Observer::on;
    void on(const diva::StepEvent&) override { ++steps; }
    int steps = 0;
  } counter;
  diva::Observer& observer = counter;
  observer.on(diva::StepEvent{});
  observer.on(diva::EvaluationEvent{});
  observer.on(diva::CheckpointEvent{});
  observer.on(diva::WarningEvent{});
  CHECK(counter.steps == 1);
  diva::Observer().on(diva::StepEvent{});  // nor does one that handles nothing
}
