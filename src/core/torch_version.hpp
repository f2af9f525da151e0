#pragma once

#include <ATen/autocast_mode.h>
#include <torch/autograd.h>
#include <torch/types.h>
#include <torch/version.h>

#include <memory>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

/// What differs between LibTorch 1.13 and newer versions, in one place: the rest of the code uses what they share.

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

/// How this LibTorch owns a node of its graph: std::shared_ptr, or in the newest ones c10::intrusive_ptr.
using NodePointer = std::remove_cvref_t<decltype(std::declval<const torch::Tensor&>().grad_fn())>;

/// A node of class Node for the graph. Shared nodes need LibTorch's deleter, which takes deep graphs apart without recursion.
template <typename Node, typename... Arguments>
NodePointer make_node(Arguments&&... arguments) {
  if constexpr (std::is_same_v<NodePointer, std::shared_ptr<torch::autograd::Node>>)
    // Found by its argument: versions without it still compile this line.
    return {new Node(std::forward<Arguments>(arguments)...), [](auto* node) { deleteNode(node); }};
  else
    return c10::make_intrusive<Node>(std::forward<Arguments>(arguments)...);
}

/// Under what an optimiser files a parameter's state: the text of its address up to LibTorch 1.13, since 2.0 the address. Key is the key
/// of the optimiser's state().
template <typename Key>
Key optimizer_key(const torch::Tensor& parameter) {
  if constexpr (std::is_same_v<Key, std::string>) {
    std::ostringstream text;
    text << parameter.unsafeGetTensorImpl();
    return text.str();
  } else {
    return parameter.unsafeGetTensorImpl();
  }
}

// LibTorch 2.4 named the device of autocast where there was a function for each.
#if DIVA_TORCH_AT_LEAST(2, 4)
inline bool autocast_enabled(torch::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
inline void enable_autocast(torch::DeviceType device, bool on) { at::autocast::set_autocast_enabled(device, on); }
inline torch::ScalarType autocast_type(torch::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
inline void set_autocast_type(torch::DeviceType device, torch::ScalarType type) { at::autocast::set_autocast_dtype(device, type); }
#else
inline bool autocast_enabled(torch::DeviceType device) {
  return device == torch::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
}
inline void enable_autocast(torch::DeviceType device, bool on) {
  device == torch::kCUDA ? at::autocast::set_enabled(on) : at::autocast::set_cpu_enabled(on);
}
inline torch::ScalarType autocast_type(torch::DeviceType device) {
  return device == torch::kCUDA ? at::autocast::get_autocast_gpu_dtype() : at::autocast::get_autocast_cpu_dtype();
}
inline void set_autocast_type(torch::DeviceType device, torch::ScalarType type) {
  device == torch::kCUDA ? at::autocast::set_autocast_gpu_dtype(type) : at::autocast::set_autocast_cpu_dtype(type);
}
#endif

}  // namespace diva::inline v0_1::detail
