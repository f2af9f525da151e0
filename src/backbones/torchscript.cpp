#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include "network.hpp"

namespace diva::inline v0_1::detail {
namespace {

/// A program with its own parameters: they are trained, written and restored as any backbone's.
class TorchScript final : public Backbone {
 public:
  TorchScript(const BackboneOptions& options, const torch::jit::Module& program) : options_(options), program_(program) {
    list_tensors();
    train(false);
    torch::NoGradGuard no_grad;
    const auto& side = options_.image_size;
    feature_dim_ = forward(torch::zeros({1, options_.in_channels, side, side}, options_of_images())).size(1);
    train(true);
  }

  std::vector<NamedTensor> named_parameters() const override { return parameters_; }
  std::vector<NamedTensor> named_buffers() const override { return buffers_; }
  std::int64_t feature_dim() const override { return feature_dim_; }

  torch::Tensor forward(const torch::Tensor& images) override {
    check_program_images(options_, images);
    torch::jit::IValue output;
    try {
      output = program_.forward({images});
    } catch (const std::exception& error) {  // whatever the program throws
      const std::string_view text(error.what());
      fail<DataError>("Backbone::forward", fmt::format("the program '{}'", options_.file),
                      fmt::format("one that takes {}", describe(images)), text.substr(0, text.find('\n')));
    }
    if (!output.isTensor()) {
      fail<DataError>("Backbone::forward", fmt::format("the output of '{}'", options_.file), "a tensor", output.tagKind());
    }
    return program_features(options_, output.toTensor(), images.size(0));
  }

  void train(bool on) override {
    training_ = on;
    program_.train(on && options_.batch_norm == BatchNorm::trainable);
  }

  std::unique_ptr<Backbone> clone() const override {
    std::unique_ptr<TorchScript> copy(new TorchScript(*this));
    copy->program_ = program_.deepcopy();
    copy->list_tensors();
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      copy->parameters_[i].tensor.set_requires_grad(parameters_[i].tensor.requires_grad());
    }
    return copy;
  }

 private:
  TorchScript(const TorchScript&) = default;

  void list_tensors() {
    parameters_.clear();
    buffers_.clear();
    for (const auto& [name, tensor] : program_.named_parameters()) parameters_.push_back({name, tensor});
    for (const auto& [name, tensor] : program_.named_buffers()) buffers_.push_back({name, tensor});
  }

  [[nodiscard]] torch::TensorOptions options_of_images() const {
    return parameters_.empty() ? torch::TensorOptions(torch::kFloat32) : parameters_.front().tensor.detach().options();
  }

  BackboneOptions options_;
  mutable torch::jit::Module program_;
  std::vector<NamedTensor> parameters_, buffers_;
  std::int64_t feature_dim_ = 0;
  bool training_ = true;
};

}  // namespace

std::unique_ptr<Backbone> make_torchscript(const BackboneOptions& options) {
  if (options.batch_norm == BatchNorm::frozen) {
    fail<OptionError>("make_backbone", "batch_norm", "trainable or frozen_statistics for a program, whose layers are not known",
                      to_string(options.batch_norm));
  }
  torch::jit::Module program;
  try {
    program = torch::jit::load(options.file, torch::kCPU);
  } catch (const std::exception& error) {
    const std::string_view text(error.what());
    fail<IoError>("make_backbone", fmt::format("'{}'", options.file), "a TorchScript program", text.substr(0, text.find('\n')));
  }
  return std::make_unique<TorchScript>(options, std::move(program));
}

}  // namespace diva::inline v0_1::detail
