// A network with weights of a checkpoint of Python's torch, and a TorchScript file as a network: the examples of docs/backbones.md.
// The two files are made here, as torch.save and torch.jit.script would.
#include <torch/script.h>
#include <diva/backbones/weights.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <iostream>

int main() {
  diva::Generator draws(2);
  diva::write_torch_checkpoint("resnet18.pth", diva::make_backbone("resnet18", {}, draws)->state());
  torch::jit::Module script("features");
  script.define("def forward(self, images):\n  return images.mean([2, 3])\n");
  script.save("model.pt");

  diva::Generator generator(1);
  const auto backbone = diva::make_backbone("resnet18", {.batch_norm = diva::BatchNorm::frozen_statistics}, generator);
  const auto report = diva::load_weights(*backbone, diva::read_weights("resnet18.pth"));
  if (!report.complete()) std::cout << report.text() << '\n';  // missing, unexpected, of another shape

  const torch::NoGradGuard no_gradient;
  const auto images = draws.normal({2, 3, 64, 64});
  std::cout << "resnet18: " << backbone->forward(images).size(1) << " features an image\n";
  {
    diva::BackboneOptions options{.image_size = 224, .file = "model.pt"};
    const auto backbone = diva::make_backbone("torchscript", options, generator);
    std::cout << "model.pt: " << backbone->forward(images).size(1) << " features an image\n";
  }
  return report.complete() ? 0 : 1;
}
