#pragma once

#include <diva/training/events.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace diva::inline v0_1 {

/// "1:05", "2:03:09": minutes and seconds, hours when there are any; "?" for what is not finite.
std::string format_duration(double seconds);

/// A bar of `width` characters, filled by `done / total`.
std::string progress_bar(std::int64_t done, std::int64_t total, std::int64_t width = 24);

/// Writes one line that changes in place where `stream` is a terminal, and a plain line from time to time where it is not.
class StatusLine {
 public:
  explicit StatusLine(std::FILE* stream = stderr, double seconds_between_lines = 10);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// Shows `text`; at most ten times a second on a terminal, every `seconds_between_lines` elsewhere. `last` always shows.
  void show(std::string_view text, bool last = false);
  /// A line that stays, above the changing one.
  void print(std::string_view text);

 private:
  std::FILE* stream_;
  bool terminal_;
  double seconds_between_;
  std::chrono::steady_clock::time_point shown_;
  bool pending_ = false;  // a changing line stands without its end
};

/// Shows a run to a person: epoch, bar, loss and its terms, images a second, time left; each evaluation as a line, warnings in
/// full.
class ProgressObserver : public Observer {
 public:
  explicit ProgressObserver(std::string title, std::FILE* stream = stderr, double seconds_between_lines = 10);
  void on(const StepEvent& event) override;
  void on(const EvaluationEvent& event) override;
  void on(const CheckpointEvent& event) override;
  void on(const WarningEvent& event) override;

 private:
  std::string title_;
  StatusLine line_;
};

}  // namespace diva::inline v0_1
