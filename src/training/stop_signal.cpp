#include <diva/training/stop_signal.hpp>

#include <csignal>

namespace diva::inline v0_1 {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
void (*former_interrupt)(int) = SIG_DFL;
void (*former_terminate)(int) = SIG_DFL;

void request_stop(int signal) {
  stop_requested = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

StopSignal::StopSignal() {
  stop_requested = 0;
  former_interrupt = std::signal(SIGINT, request_stop);
  former_terminate = std::signal(SIGTERM, request_stop);
}

StopSignal::~StopSignal() {
  std::signal(SIGINT, former_interrupt);
  std::signal(SIGTERM, former_terminate);
}

bool StopSignal::requested() { return stop_requested != 0; }

}  // namespace diva::inline v0_1
