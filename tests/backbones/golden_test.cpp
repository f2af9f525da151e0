#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/backbones/backbone.hpp>
#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "support/source_file.hpp"

namespace {

/// The reference files' formula: u_i = frac((i·2654435761 + h·40503 + seed·97) / 2^32), h the sum of the bytes of the name.
torch::Tensor uniform_by_name(const std::string& name, torch::IntArrayRef sizes, std::int64_t seed) {
  std::int64_t sum = 0;
  for (const unsigned char byte : name) sum += byte;
  auto values = torch::empty(sizes, torch::kFloat64);
  auto* out = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const auto mixed = static_cast<std::uint32_t>(i * 2654435761 + sum * 40503 + seed * 97);
    out[i] = static_cast<double>(mixed) / 4294967296.0;
  }
  return values;
}

torch::Tensor fill(const std::string& name, torch::IntArrayRef sizes, std::int64_t seed) {
  const auto u = uniform_by_name(name, sizes, seed);
  const auto s = 2 * u - 1;
  if (name.ends_with("running_var")) return 1 + 0.5 * u;
  if (name.ends_with("running_mean") || name.ends_with("bias")) return 0.1 * s;
  if (sizes.size() == 1) return 1 + 0.2 * s;
  return s * std::sqrt(6.0 / static_cast<double>(u[0].numel()));
}

std::vector<std::filesystem::path> golden_files() {
  const char* from_environment = std::getenv("DIVA_GOLDEN_DIR");
  const auto folder =
      std::filesystem::path(from_environment != nullptr ? from_environment : source_file("tests/golden")) / "backbones";
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    }
  } else {
    WARN("no reference values: " << folder.string() << " is not there");
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

// Reference: torchvision's and pretrainedmodels' networks in float64 under PyTorch, evaluation mode. Tolerance 1e-9 relative: both
// sum the same products in float64, in another order.
TEST_CASE("backbones give the features of the reference networks") {
  const auto known = diva::backbone_names();
  for (const auto& file : golden_files()) {
    INFO(file.string());
    const auto golden = diva::read_safetensors(file.string());
    const auto& name = golden.text("name");
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      WARN("skipped: no backbone is called " << name);
      continue;
    }
    const auto seed = std::stoll(golden.text("seed")), size = std::stoll(golden.text("image_size"));
    diva::Generator generator;
    const auto backbone = diva::make_backbone(name, {}, generator);
    backbone->to(torch::kFloat64);
    backbone->train(false);

    std::set<std::string> reference_names, names;
    for (const auto& element : diva::parse_json(golden.text("state_names"), "state_names")) {
      const auto tensor_name = element.get<std::string>();
      if (!tensor_name.starts_with("fc.") && !tensor_name.starts_with("last_linear.")) reference_names.insert(tensor_name);
    }
    diva::State weights;
    for (const auto& [tensor_name, tensor] : backbone->state().tensors) {
      names.insert(tensor_name);
      weights.put(tensor_name, fill(tensor_name, tensor.sizes(), seed));
    }
    CHECK(names == reference_names);
    backbone->restore(weights);

    torch::NoGradGuard no_grad;
    const auto features = backbone->forward(2 * uniform_by_name("image", {2, 3, size, size}, seed) - 1);
    const auto& expected = golden.tensor("out.features");
    REQUIRE(features.sizes() == expected.sizes());
    CHECK(((features - expected).abs() / expected.abs().clamp_min(1e-9)).max().item<double>() < 1e-9);
  }
}
