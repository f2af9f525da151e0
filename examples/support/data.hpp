#pragma once

#include <fmt/format.h>
#include <torch/cuda.h>
#include <diva/data/collection.hpp>
#include <diva/data/splits.hpp>

#include <cstdio>
#include <string>
#include <vector>

/// Data sets and devices as the programs' flags name them.
namespace program {

/// `part`: train, test, or all (the classes of train first). "images" is a folder without classes and has one part.
inline diva::Dataset read_part(const std::string& dataset, const std::string& source_path, const std::string& part) {
  if (dataset == "images") return diva::folder_of_images(source_path);
  auto split = diva::read_dataset(dataset, source_path);
  if (part == "train") return split.train;
  if (part == "test") return split.test;
  return diva::join(split);
}

/// What --dataset takes, for its help.
inline std::string dataset_names() {
  std::string names;
  for (const auto& known : diva::known_datasets()) names += (names.empty() ? "" : ", ") + known.name;
  return names;
}

/// A CUDA device where there is one; otherwise the CPU, which is said where one was asked for.
inline torch::Device device(const std::string& name, const std::vector<std::int64_t>& gpu) {
  if (torch::cuda::is_available()) return {torch::kCUDA, static_cast<c10::DeviceIndex>(gpu.empty() ? 0 : gpu.front())};
  if (!gpu.empty()) fmt::print(stderr, "{}: no CUDA device, working on the CPU\n", name);
  return torch::kCPU;
}

}  // namespace program
