#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>
#include <diva/core/state.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

/// In what numbers the backbone is computed in training. Weights, heads, criteria, optimiser and evaluation are always float32.
enum class Precision {
  float32,   ///< All of it.
  bfloat16,  ///< Products and convolutions by LibTorch's autocast; CPU and CUDA.
  half,      ///< The same in half precision, with a LossScaler; CUDA only.
};

constexpr auto enumerators(Precision) {
  return std::array{std::pair{Precision::float32, "float32"}, std::pair{Precision::bfloat16, "bfloat16"},
                    std::pair{Precision::half, "half"}};
}

/// While it lives, LibTorch's operations on `device` run in this precision where that is safe, in this thread; float32 changes
/// nothing. To be left before the backward pass.
class Autocast {
 public:
  /// Throws OptionError for half on the CPU.
  Autocast(Precision precision, torch::Device device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool active_;
  torch::DeviceType device_;
  bool was_enabled_ = false;
  torch::ScalarType former_ = torch::kFloat32;
};

/// Keeps small gradients of half precision from vanishing: the loss is multiplied by a scale, the gradients are divided by it, and
/// a step whose gradients overflowed is left out.
///
/// Source:  Micikevicius et al., Mixed Precision Training, ICLR 2018; arXiv 1710.03740. Constants of torch.cuda.amp.GradScaler: the
///          scale begins at 2^16, halves after an overflow, doubles after 2,000 steps without one.
class LossScaler {
 public:
  [[nodiscard]] torch::Tensor scale(const torch::Tensor& loss) const { return loss * scale_; }
  /// Divides the gradients; false where one is not finite, so that the step must be left out. Moves the scale.
  bool unscale(const std::vector<torch::Tensor>& parameters);
  [[nodiscard]] double scale() const { return scale_; }

  [[nodiscard]] State state() const;
  void restore(const State& state);

 private:
  double scale_ = 65536;
  std::int64_t steps_ = 0;  // since the last overflow
};

}  // namespace diva::inline v0_1
