#include <fmt/ranges.h>
#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/core/json.hpp>
#include <diva/io.hpp>

#include <filesystem>

#include "backbones/reference_backbones.hpp"
#include "programs/run.hpp"
#include "support/small_run.hpp"

namespace {

/// Eight classes of little pictures, and the weights of a ResNet-18 as another library would have saved them.
struct Pretrained : Shell {
  std::unique_ptr<diva::Backbone> backbone;

  Pretrained() {
    small_run::write_images(path() + "/images");
    diva::Generator generator(5);
    backbone = diva::make_backbone("resnet18", {}, generator);
    backbone->train(false);
    diva::State state;
    for (const auto& [name, tensor] : backbone->state().tensors) state.put("module." + name, tensor);
    state.put("module.fc.weight", torch::zeros({10, 512}));
    diva::write_torch_checkpoint(*this / "resnet18.pth", state);
  }
};

const std::string flags = "--backbone resnet18 --weights resnet18.pth --image_size 32 --data images ";

}  // namespace

TEST_CASE(
    "diva_embed with a backbone and another library's weights writes its normalised features, and diva_evaluate judges them") {
  const Pretrained pretrained;
  const auto result = pretrained.run(DIVA_EMBED, flags + "--out features.safetensors");
  INFO(result.error);
  REQUIRE(result.status == 0);
  CHECK(result.out == "features.safetensors: 48 x 512 of features\n");

  const auto dataset = diva::folder_of_classes(pretrained / "images");
  const auto store = std::make_shared<const diva::ImageStore>(dataset, diva::ImageStoreOptions{});
  diva::AugmentationOptions augmentation;
  augmentation.image_size = 32;
  augmentation.evaluation_resize = 36;
  diva::Loader loader(store, augmentation, diva::Generator(0), {.threads = 1});
  loader.start_evaluation(48);
  const auto batch = loader.next();
  torch::NoGradGuard no_grad;
  const auto features = pretrained.backbone->forward(batch->images);
  const auto expected = features / features.norm(2, 1, true);
  const auto written = diva::read_safetensors(pretrained / "features.safetensors");
  CHECK(torch::allclose(written.tensor("features"), expected, 1e-4, 1e-6));
  CHECK(written.tensor("labels").equal(batch->labels));

  const auto evaluated = pretrained.run(DIVA_EVALUATE, flags + "--metrics recall@1 --csv -");
  const auto from_file = pretrained.run(DIVA_EVALUATE, "--features features.safetensors --metrics recall@1 --csv -");
  INFO(evaluated.error);
  REQUIRE(evaluated.status == 0);
  CHECK(diva::parse_csv(evaluated.out, "a").rows[0][1] == diva::parse_csv(from_file.out, "b").rows[0][1]);
}

TEST_CASE("diva_embed gives the features of Python's networks for the same photographs") {
  const auto python = reference::python_with_networks();
  if (python.empty()) {
    WARN("no Python with torch and torchvision, timm or pretrainedmodels: the comparison is skipped");
    return;
  }
  const Shell folder;
  const auto groups = reference::groups(python, folder / "names");
  REQUIRE_FALSE(groups.empty());
  for (const auto& group : groups) {
    REQUIRE(
        runs(fmt::format("{} embed {} {} 2> {}", reference::script(python), folder.path(), fmt::join(group, " "), folder / "log")));
    for (const auto& name : group) {
      INFO(name);
      const auto result =
          folder.run(DIVA_EMBED, fmt::format("--backbone {} --weights {}.pth --resize 224 --data photos --dataset images "
                                             "--out {}.npy",
                                             reference::backbone_of(name), name, name));
      INFO(result.error);
      REQUIRE(result.status == 0);
      const auto expected = diva::read_torch_checkpoint(folder / (name + ".pth")).tensor("features");
      const auto features = diva::read_npy(folder / (name + ".npy"));
      REQUIRE(features.sizes() == expected.sizes());
      CHECK((features - expected).abs().max().item<double>() < 1e-4);
      std::filesystem::remove(folder / (name + ".pth"));
    }
  }
}

TEST_CASE("programs refuse weights that are not the backbone's, and name what is missing") {
  const Pretrained pretrained;
  const auto start = std::string("--data images --out a.npy ");
  pretrained.refuses(DIVA_EMBED, start + "--backbone resnet50 --weights resnet18.pth", 1, "missing");
  pretrained.refuses(DIVA_EMBED, start + "--backbone resnet18", 1, "--weights");
  pretrained.refuses(DIVA_EMBED, start + "--backbone resnet81 --weights resnet18.pth", 1, "resnet81");
  pretrained.refuses(DIVA_EMBED, start + "--backbone resnet18 --weights images/class100/0.png", 1, "0.png");
  pretrained.refuses(DIVA_EMBED, start + "--backbone torchscript --weights resnet18.pth", 1, "resnet18.pth");
}
