#include "support/catch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <algorithm>
#include <filesystem>

#include "backbones/reference_backbones.hpp"
#include "support/temporary_folder.hpp"

// Every backbone against torchvision, timm and pretrainedmodels, those of them that Python has here. The large ones are compared
// where DIVA_ALL_BACKBONES is set: they are a gigabyte of weights.

TEST_CASE("weights of torchvision, timm and pretrainedmodels load by name and give their features") {
  const auto python = reference::python_with_networks();
  if (python.empty()) {
    WARN("no Python with torch and torchvision, timm or pretrainedmodels: the comparison is skipped");
    return;
  }
  const TemporaryFolder folder;
  const auto script = reference::script(python);
  const auto groups = reference::groups(python, folder / "names");
  REQUIRE_FALSE(groups.empty());
  for (const auto& group : groups) {
    REQUIRE(runs(fmt::format("{} write {} {} 2> {}", script, folder.path(), fmt::join(group, " "), folder / "log")));
    for (const auto& name : group) {
      INFO(name);
      const auto state = diva::read_weights(folder / (name + ".pth"));
      diva::Generator generator(1);
      const auto backbone = diva::make_backbone(reference::backbone_of(name), {}, generator);
      const auto report = diva::load_weights(*backbone, state);
      INFO(report.text());
      CHECK(report.complete());
      CHECK(report.prefix == "state_dict.module.");
      backbone->train(false);
      torch::NoGradGuard no_grad;
      int sizes = 0;
      for (; state.tensors.contains(fmt::format("images.{}", sizes)); ++sizes) {
        const auto& expected = state.tensor(fmt::format("features.{}", sizes));
        const auto features = backbone->forward(state.tensor(fmt::format("images.{}", sizes)));
        REQUIRE(features.sizes() == expected.sizes());
        const auto difference = (features - expected).abs().max().item<double>(), size = expected.abs().max().item<double>();
        INFO("images " << sizes << ", difference " << difference << " of " << size);
        CHECK(difference <= 1e-4 * std::max(1.0, size));
      }
      CHECK(sizes > 0);
      diva::write_torch_checkpoint(folder / (name + ".back.pth"), backbone->state());
    }
    CHECK(runs(fmt::format("{} check {} {} 2> {}", script, folder.path(), fmt::join(group, " "), folder / "log")));
    for (const auto& name : group) {
      std::filesystem::remove(folder / (name + ".pth"));
      std::filesystem::remove(folder / (name + ".back.pth"));
    }
  }
}
