#pragma once

#include <torch/types.h>
#include <diva/core/state.hpp>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

struct NamedTensor {
  std::string name;
  torch::Tensor tensor;
};

/// Something with learnable tensors: a criterion, the heads, a decorrelation network, a backbone.
///
/// It is not a torch::nn::Module, whose header alone costs a compiler ten seconds; an optimiser takes `parameters()` all the same:
/// `torch::optim::Adam adam(loss.parameters());`
class Module {
 public:
  virtual ~Module() = default;

  /// Leaves that require a gradient.
  [[nodiscard]] virtual std::vector<NamedTensor> named_parameters() const { return {}; }
  /// What is remembered but not learned, such as running means.
  [[nodiscard]] virtual std::vector<NamedTensor> named_buffers() const { return {}; }
  [[nodiscard]] std::vector<torch::Tensor> parameters() const;

  /// Moves parameters and buffers in place, so that optimisers that hold them go on working; only floating-point tensors change
  /// type.
  void to(torch::Device device);
  void to(torch::ScalarType type);

  /// Copies of nothing: the state shares storage with the module until it is written or cloned.
  [[nodiscard]] virtual State state() const;
  /// Copies values into the existing tensors. DataError names the first tensor that is missing, left over or of another shape;
  /// then nothing is changed.
  virtual void restore(const State& state);

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) = default;
};

}  // namespace diva::inline v0_1
