#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>

#include "../core/torch_version.hpp"
#include "network.hpp"

#if DIVA_TORCH_AT_LEAST(2, 6)
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#endif

namespace diva::inline v0_1::detail {

#if DIVA_TORCH_AT_LEAST(2, 6)
namespace {

/// A compiled program: its weights are constants in it, so there is nothing to train or to restore.
class AotInductor : public Backbone {
 public:
  explicit AotInductor(const BackboneOptions& options) : options_(options), loader_(open(options)) {
    const auto& side = options_.image_size;
    feature_dim_ = forward(torch::zeros({1, options_.in_channels, side, side})).size(1);
  }

  std::int64_t feature_dim() const override { return feature_dim_; }
  void train(bool) override {}
  std::unique_ptr<Backbone> clone() const override { return std::make_unique<AotInductor>(options_); }

  torch::Tensor forward(const torch::Tensor& images) override {
    check_program_images(options_, images);
    torch::NoGradGuard no_grad;
    const auto outputs = loader_->run({images});
    if (outputs.empty())
      fail<DataError>("Backbone::forward", fmt::format("the output of '{}'", options_.file), "a tensor", "nothing");
    return program_features(options_, outputs.front(), images.size(0));
  }

 private:
  static std::unique_ptr<torch::inductor::AOTIModelPackageLoader> open(const BackboneOptions& options) {
    try {
      return std::make_unique<torch::inductor::AOTIModelPackageLoader>(options.file);
    } catch (const std::exception& error) {
      const std::string_view text(error.what());
      fail<IoError>("make_backbone", fmt::format("'{}'", options.file), "a package of AOTInductor",
                    text.substr(0, text.find('\n')));
    }
  }

  BackboneOptions options_;
  std::unique_ptr<torch::inductor::AOTIModelPackageLoader> loader_;
  std::int64_t feature_dim_ = 0;
};

}  // namespace

std::unique_ptr<Backbone> make_aot_inductor(const BackboneOptions& options) { return std::make_unique<AotInductor>(options); }

#else

std::unique_ptr<Backbone> make_aot_inductor(const BackboneOptions&) {
  fail<OptionError>("make_backbone", "name", "one that this LibTorch can run: aot_inductor needs 2.6 or later", TORCH_VERSION);
}

#endif

}  // namespace diva::inline v0_1::detail
