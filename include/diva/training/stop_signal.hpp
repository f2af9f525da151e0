#pragma once

namespace diva::inline v0_1 {

/// While it lives, SIGINT (Ctrl-C) and SIGTERM ask for a stop instead of killing the process; a second signal of the kind kills it
/// as usual. One may live at a time; the former handlers come back with its end.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// Whether a signal has come.
  [[nodiscard]] static bool requested();
};

}  // namespace diva::inline v0_1
