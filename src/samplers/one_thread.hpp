#pragma once

#include <ATen/Parallel.h>

namespace diva::inline v0_1::detail {

/// Calls `function` where LibTorch's operations stay on the thread that calls them, so that no sum is cut by the number of threads.
template <class Function>
void on_one_thread(Function&& function) {
  // As the first of two tasks: within a parallel region LibTorch begins no other.
  at::parallel_for(0, 2, 1, [&](std::int64_t begin, std::int64_t) {
    if (begin == 0) function();
  });
}

}  // namespace diva::inline v0_1::detail
