#include <diva/core/error.hpp>

#include <fmt/format.h>

namespace diva::inline v0_1::detail {

std::string error_text(std::string_view function, std::string_view argument, std::string_view expected, std::string_view got) {
  return fmt::format("{}: {} must be {}, got {}", function, argument, expected, got);
}

}  // namespace diva::inline v0_1::detail
