#pragma once

#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/io/labels.hpp>
#include <diva/io/npy.hpp>
#include <diva/io/safetensors.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

/// Features and what belongs to them, from .npy and .safetensors files.
namespace program {

/// Features of a file, and the columns that a safetensors file has beside them.
struct FeatureFile {
  torch::Tensor features;
  diva::State others;
};

/// `tensor`: its name in a safetensors file; empty: `features`, `embeddings`, or the only matrix. The file is mapped, not copied;
/// 16-bit features become float32, once.
inline FeatureFile read_features(const std::string& path, const std::string& tensor) {
  FeatureFile file;
  if (path.ends_with(".safetensors")) {
    file.others = diva::map_safetensors(path);
    auto name = tensor;
    std::vector<std::string> matrices;
    for (const auto& [key, value] : file.others.tensors) {
      if (value.dim() == 2 && value.is_floating_point()) matrices.push_back(key);
    }
    for (const char* usual : {"embeddings", "features"}) {
      if (tensor.empty() && file.others.tensors.contains(usual)) name = usual;
    }
    if (name.empty() && matrices.size() == 1) name = matrices.front();
    if (name.empty()) {
      diva::detail::fail<diva::IoError>("read_features", fmt::format("'{}'", path), "a file with features, or with one matrix",
                                        fmt::format("{} matrices; --features_name chooses", matrices.size()));
    }
    file.features = file.others.tensor(name);
  } else {
    file.features = diva::map_npy(path);
  }
  if (file.features.dim() != 2 || !file.features.is_floating_point()) {
    diva::detail::fail<diva::IoError>("read_features", fmt::format("'{}'", path), "features [N, D] of floating point",
                                      diva::detail::describe(file.features));
  }
  if (file.features.element_size() == 2) file.features = file.features.to(torch::kFloat32);
  return file;
}

/// The same column (labels, ids, …) of several sets: from the files that are named, or else from the safetensors files that hold
/// it, or undefined. Texts get one numbering across the sets.
inline std::vector<torch::Tensor> read_columns(const std::string& name, const std::vector<std::string>& paths,
                                               const std::vector<const FeatureFile*>& files) {
  std::vector<torch::Tensor> columns(files.size());
  std::vector<std::string> named;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (paths[i].ends_with(".safetensors")) {
      columns[i] = diva::map_safetensors(paths[i]).tensor(name);
    } else if (!paths[i].empty()) {
      named.push_back(paths[i]);
    } else if (const auto own = files[i]->others.tensors.find(name); own != files[i]->others.tensors.end()) {
      columns[i] = own->second;
    }
    if (columns[i].defined() && !columns[i].is_floating_point()) columns[i] = columns[i].to(torch::kInt64);
  }
  const auto read = diva::read_labels(named);
  for (std::size_t i = 0, next = 0; i < files.size(); ++i) {
    if (!paths[i].empty() && !paths[i].ends_with(".safetensors")) columns[i] = read.labels[next++];
    if (columns[i].defined() && columns[i].size(0) != files[i]->features.size(0)) {
      diva::detail::fail<diva::ShapeError>("read_columns", paths[i].empty() ? name : fmt::format("'{}'", paths[i]),
                                           fmt::format("{} {}, one a row of the features", files[i]->features.size(0), name),
                                           fmt::format("{}", columns[i].size(0)));
    }
  }
  return columns;
}

}  // namespace program
