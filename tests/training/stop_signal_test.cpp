#include "support/catch.hpp"

#include <diva/training/stop_signal.hpp>

#include <csignal>

TEST_CASE("a stop signal notes Ctrl-C and termination instead of dying") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const diva::StopSignal stop;
    CHECK_FALSE(diva::StopSignal::requested());
    std::raise(signal);
    CHECK(diva::StopSignal::requested());
  }
  const diva::StopSignal again;
  CHECK_FALSE(diva::StopSignal::requested());
}
