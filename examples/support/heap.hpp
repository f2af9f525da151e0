#pragma once

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace program {

/// For programs that run networks, at their start: up to 1 GiB of freed memory stays with the process, and only blocks of 256 MiB and more
/// are the system's own pages. glibc gives the memory of a step's tensors back at its end, and the next step waits while the system clears
/// the same pages again, which took 4 to 11 % of the processor's time. Does nothing with other C libraries; the variables MALLOC_TRIM_THRESHOLD_
/// and MALLOC_MMAP_THRESHOLD_ go before it.
inline void keep_freed_memory() {
#ifdef __GLIBC__
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") != nullptr || std::getenv("MALLOC_MMAP_THRESHOLD_") != nullptr) return;
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

}  // namespace program
