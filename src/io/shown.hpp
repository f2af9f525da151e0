#pragma once

#include <string>
#include <string_view>

namespace diva::inline v0_1::detail {

/// A name out of a file as messages show it: on one line, and not all of a long one.
inline std::string shown(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::string result(text.substr(0, longest));
  for (auto& character : result) {
    if (static_cast<unsigned char>(character) < 0x20) character = '?';
  }
  return text.size() <= longest ? result : result + " …";
}

}  // namespace diva::inline v0_1::detail
