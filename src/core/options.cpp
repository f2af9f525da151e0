#include <diva/core/options.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace diva::inline v0_1 {

std::string Bounds::text() const {
  const bool low = std::isfinite(lower), high = std::isfinite(upper);
  if (low && high) return fmt::format("in {}{}, {}{}", lower_open ? '(' : '[', lower, upper, upper_open ? ')' : ']');
  if (low) return fmt::format("{} {}", lower_open ? "greater than" : "at least", lower);
  if (high) return fmt::format("{} {}", upper_open ? "less than" : "at most", upper);
  return "a number";
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto& candidate : names) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t substituted = diagonal + (name[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({substituted, row[j] + 1, diagonal + 1});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

namespace detail {

void fail_unknown(std::string_view function, std::string_view kind, std::string_view name, const std::vector<std::string>& known) {
  const auto near = nearest_name(name, known);
  fail<OptionError>(function, kind, fmt::format("one of {}", fmt::join(known, ", ")),
                    fmt::format("'{}'{}", name, near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near)));
}

}  // namespace detail
}  // namespace diva::inline v0_1
