#pragma once

namespace diva::inline v0_1 {

/// The library's version; CMake reads these three numbers, so they stand nowhere else.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;

}  // namespace diva::inline v0_1
