#include <diva/training/progress.hpp>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_bar(std::int64_t done, std::int64_t total, std::int64_t width) {
  const auto filled = total > 0 ? std::clamp<std::int64_t>(done * width / total, 0, width) : 0;
  std::string bar(static_cast<std::size_t>(width), ' ');
  std::fill_n(bar.begin(), filled, '=');
  if (filled < width && filled > 0) bar[static_cast<std::size_t>(filled)] = '>';
  return "[" + bar + "]";
}

StatusLine::StatusLine(std::FILE* stream, double seconds_between_lines)
    : stream_(stream),
      terminal_(isatty(fileno(stream)) == 1),
      seconds_between_(terminal_ ? 0.1 : seconds_between_lines),
      shown_(std::chrono::steady_clock::now() - std::chrono::hours(1)) {}

StatusLine::~StatusLine() {
  if (pending_) std::fputc('\n', stream_);
}

void StatusLine::show(std::string_view text, bool last) {
  const auto now = std::chrono::steady_clock::now();
  if (!last && std::chrono::duration<double>(now - shown_).count() < seconds_between_) return;
  shown_ = now;
  if (!terminal_) {
    fmt::print(stream_, "{}\n", text);
  } else {
    winsize size{};
    const std::size_t columns = ioctl(fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    fmt::print(stream_, "\r\033[K{}", text.substr(0, columns - 1));
    pending_ = !last;
    if (last) std::fputc('\n', stream_);
  }
  std::fflush(stream_);
}

void StatusLine::print(std::string_view text) {
  fmt::print(stream_, "{}{}\n", pending_ ? "\r\033[K" : "", text);
  pending_ = false;
  std::fflush(stream_);
}

ProgressObserver::ProgressObserver(std::string title, std::FILE* stream, double seconds_between_lines)
    : title_(std::move(title)), line_(stream, seconds_between_lines) {}

void ProgressObserver::on(const StepEvent& event) {
  std::string terms;
  if (event.terms.size() > 1) {
    for (const auto& [name, value] : event.terms) terms += fmt::format("{}{} {:.3f}", terms.empty() ? " (" : ", ", name, value);
    terms += ')';
  }
  const auto memory = event.memory > 0 ? fmt::format("{:.1f} GiB  ", static_cast<double>(event.memory) / (1 << 30)) : "";
  const bool last = event.epoch + 1 == event.epochs && event.batch + 1 == event.batches;
  line_.show(fmt::format("{} epoch {}/{} {} {}/{}  {:.0f} images/s  {}{} left  loss {:.3f}{}", title_, event.epoch + 1,
                         event.epochs, progress_bar(event.batch + 1, event.batches), event.batch + 1, event.batches,
                         event.images_per_second, memory, format_duration(event.seconds_left), event.loss, terms),
             last);
}

void ProgressObserver::on(const EvaluationEvent& event) {
  for (const auto& row : event.rows) {
    std::string values;
    for (const auto& [name, value] : row.values) values += fmt::format("  {} {:.4f}", name, value);
    line_.print(fmt::format("{} after epoch {}: {}{}", title_, event.epoch, row.combination, values));
  }
}

void ProgressObserver::on(const CheckpointEvent& event) {
  line_.show(fmt::format("{} saved {} at step {}", title_, event.path, event.step));
}

void ProgressObserver::on(const WarningEvent& event) { line_.print(fmt::format("{}: {}", title_, event.text)); }

}  // namespace diva::inline v0_1
