#pragma once

#include <diva/core/generator.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

/// Changes, removes or repeats bytes, 1 to 4 times; values at the edges are more likely than others.
inline Bytes mutated(Bytes bytes, diva::Generator& generator) {
  for (auto n = 1 + generator.below(4); n > 0 && !bytes.empty(); --n) {
    const auto at = generator.below(static_cast<std::int64_t>(bytes.size()));
    const auto position = bytes.begin() + at;
    const auto length = std::min(1 + generator.below(8), static_cast<std::int64_t>(bytes.size()) - at);
    switch (generator.below(6)) {
      case 0:
        *position = static_cast<std::uint8_t>(generator.below(256));
        break;
      case 1:
        *position ^= static_cast<std::uint8_t>(1 << generator.below(8));
        break;
      case 2:
        *position = generator.below(2) == 0 ? 0x00 : 0xFF;
        break;
      case 3:
        std::fill_n(position, length, static_cast<std::uint8_t>(generator.below(256)));
        break;
      case 4:
        bytes.erase(position, position + length);
        break;
      default: {
        const Bytes piece(position, position + length);
        bytes.insert(position, piece.begin(), piece.end());
      }
    }
  }
  return bytes;
}
