#pragma once

#include <malloc.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

/// How much more of a process is resident while something runs than before it, from Linux's /proc.
namespace peak_memory {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;  // freed memory is kept in quarantine
#else
inline constexpr bool sanitized = false;
#endif

/// A line of /proc/self/status in bytes.
inline std::optional<std::int64_t> status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  }
  return std::nullopt;
}

/// The bytes by which resident memory rose at its highest above what it was before `body`; nothing where the kernel does not let
/// the highest mark be put back, or has none.
template <class Body>
std::optional<std::int64_t> extra(Body&& body) {
  if (sanitized) return std::nullopt;
  malloc_trim(0);  // what earlier work left in the heap would be used again, and missed here
  {
    std::ofstream marks("/proc/self/clear_refs");
    marks << 5;
    if (!marks.flush()) return std::nullopt;
  }
  constexpr std::int64_t slack = std::int64_t{16} << 20;  // the kernel counts pages in batches
  const auto before = status("VmRSS"), mark = status("VmHWM");
  if (!before || !mark || *mark > *before + slack) return std::nullopt;
  body();
  const auto highest = status("VmHWM");
  if (!highest) return std::nullopt;
  return *highest - *before;
}

}  // namespace peak_memory
