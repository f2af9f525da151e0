#pragma once

#include <torch/types.h>
#include <torch/version.h>

/// What newer versions of LibTorch have and 1.13 has not, in one place: the rest of the code uses 1.13's interface only.

#define DIVA_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace diva::inline v0_1::detail {

/// softmax(scale · q kᵀ) v over the last two dimensions; scale must be 1/√(last dimension), the newer function's own.
inline torch::Tensor scaled_dot_product_attention(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                                                  double scale) {
#if DIVA_TORCH_AT_LEAST(2, 0)
  static_cast<void>(scale);
  return at::scaled_dot_product_attention(query, key, value);
#else
  return torch::matmul((query * scale).matmul(key.transpose(-2, -1)).softmax(-1), value);
#endif
}

}  // namespace diva::inline v0_1::detail
