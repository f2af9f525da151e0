#include "support/catch.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/utils.h>
#include <diva/backbones/backbone.hpp>
#include <diva/core/error.hpp>

#include "support/temporary_folder.hpp"

namespace {

/// A program with one parameter and one buffer: features [B, 2, h, w] = w · image channels 0 and 1 + b, halved while training.
void write_program(const std::string& path, const std::string& body) {
  torch::jit::Module module("program");
  module.register_parameter("w", torch::full({1}, 3.0F).set_requires_grad(true), false);
  module.register_buffer("b", torch::full({1}, 0.5F));
  module.register_attribute("training", c10::BoolType::get(), true);
  module.define(body);
  module.save(path);
}

constexpr auto map_program = R"(
def forward(self, x):
    y = x[:, :2] * self.w + self.b
    if self.training:
        y = y / 2
    return y
)";

std::unique_ptr<diva::Backbone> load(const std::string& path, diva::BackboneOptions options = {}) {
  options.file = path;
  diva::Generator generator;
  return diva::make_backbone("torchscript", options, generator);
}

}  // namespace

TEST_CASE("a TorchScript program is a backbone: features, modes, parameters, state, clone") {
  const TemporaryFolder folder;
  write_program(folder / "program.pt", map_program);
  const auto backbone = load(folder / "program.pt");
  CHECK(backbone->feature_dim() == 2);
  REQUIRE(backbone->named_parameters().size() == 1);
  CHECK(backbone->named_parameters()[0].name == "w");
  CHECK(backbone->state().tensors.size() == 2);
  const auto x = diva::Generator(3).normal({4, 3, 5, 6});
  const auto expected = (x.slice(1, 0, 2) * 3 + 0.5).mean({2, 3});
  CHECK(torch::allclose(backbone->forward(x), expected / 2, 1e-5, 1e-6));  // in training mode at first
  backbone->train(false);
  CHECK(torch::allclose(backbone->forward(x), expected, 1e-5, 1e-6));

  backbone->forward(x).sum().backward();
  CHECK(torch::allclose(backbone->parameters()[0].grad(), x.slice(1, 0, 2).mean({2, 3}).sum().view({1}), 1e-4, 1e-5));

  const auto copy = backbone->clone();
  {
    torch::NoGradGuard no_grad;
    copy->parameters()[0].mul_(2);
  }
  CHECK(torch::allclose(backbone->forward(x), expected, 1e-5, 1e-6));
  CHECK_FALSE(torch::allclose(copy->forward(x), expected, 1e-3, 1e-3));
  copy->restore(backbone->state());
  CHECK(torch::allclose(copy->forward(x), expected, 1e-5, 1e-6));
  copy->to(torch::kFloat64);
  CHECK(copy->forward(x.to(torch::kFloat64)).scalar_type() == torch::kFloat64);

  const auto largest =
      load(folder / "program.pt", {.pooling = diva::Pooling::max, .batch_norm = diva::BatchNorm::frozen_statistics});
  largest->train();  // stays in evaluation mode: its statistics are frozen
  CHECK(torch::allclose(largest->forward(x), (x.slice(1, 0, 2) * 3 + 0.5).amax({2, 3}), 1e-5, 1e-6));
}

TEST_CASE("programs that are no backbone, and files that are no program, are refused by name") {
  using Catch::Matchers::Contains;
  const TemporaryFolder folder;
  write_program(folder / "vector.pt", "def forward(self, x):\n    return x.sum() * self.w\n");
  CHECK_THROWS_WITH(load(folder / "vector.pt"), Contains("the output of") && Contains("vector.pt"));
  write_program(folder / "fails.pt", "def forward(self, x):\n    return x.view(7, 7)\n");
  CHECK_THROWS_WITH(load(folder / "fails.pt"), Contains("the program") && Contains("fails.pt"));
  CHECK_THROWS_WITH(load(folder / "absent.pt"), Contains("a TorchScript program") && Contains("absent.pt"));
  CHECK_THROWS_WITH(load(""), Contains("file"));
  write_program(folder / "program.pt", map_program);
  CHECK_THROWS_WITH(load(folder / "program.pt", {.batch_norm = diva::BatchNorm::frozen}), Contains("batch_norm"));
  CHECK_THROWS_WITH(load(folder / "program.pt", {.pooling = diva::Pooling::gem}), Contains("pooling"));
  const auto backbone = load(folder / "program.pt");
  CHECK_THROWS_AS(backbone->forward(torch::zeros({2, 1, 4, 4})), diva::ShapeError);
  CHECK_THROWS_AS(backbone->forward(torch::Tensor()), diva::ShapeError);
}
