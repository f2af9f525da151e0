#pragma once

#include "support/catch.hpp"

#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/source_file.hpp"

/// Reference values: every case of a folder is found by listing it, so a folder with more cases tests more
/// (tests/golden/README.md).
namespace golden {

struct Case {
  std::string file;
  diva::State state;
  std::string name;                ///< The reference's word for what computed it.
  nlohmann::ordered_json options;  ///< With the reference's flag names.

  [[nodiscard]] const torch::Tensor& operator[](const std::string& tensor) const { return state.tensor(tensor); }
  [[nodiscard]] bool has(const std::string& tensor) const { return state.tensors.count(tensor) == 1; }
};

inline std::filesystem::path root() {
  const char* chosen = std::getenv("DIVA_GOLDEN_DIR");
  return chosen != nullptr ? std::filesystem::path(chosen) : std::filesystem::path(source_file("tests/golden"));
}

/// All cases of a sub-folder in the order of their names; says so when there is none.
inline std::vector<Case> cases(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(root() / folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(root() / folder)) {
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) WARN("no golden cases in " << (root() / folder) << ": nothing compared");
  std::vector<Case> result;
  for (const auto& file : files) {
    Case one{.file = file.filename().string(), .state = diva::read_safetensors(file.string()), .name = {}, .options = {}};
    if (one.state.texts.count("name") == 1) one.name = one.state.text("name");
    if (one.state.texts.count("options") == 1) one.options = nlohmann::ordered_json::parse(one.state.text("options"));
    result.push_back(std::move(one));
  }
  return result;
}

/// Largest |value − expected| / max(scale, largest |expected|). `scale` is the size at which zero counts as zero.
inline double error(const torch::Tensor& value, const torch::Tensor& expected, double scale = 1e-3) {
  REQUIRE(value.sizes() == expected.sizes());
  if (expected.numel() == 0) return 0;
  const auto a = value.detach().to(torch::kFloat64), b = expected.to(torch::kFloat64);
  return ((a - b).abs().max() / std::max(scale, b.abs().max().item<double>())).item<double>();
}

}  // namespace golden
