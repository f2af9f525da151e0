#pragma once

#include <fmt/format.h>
#include <torch/cuda.h>
#include <diva/core/options.hpp>
#include <diva/data/dataset.hpp>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

/// Data sets and devices as the programs' flags name them.
namespace program {

/// The training classes of a data set and those that are kept for the test, of the folder or of its folder of that name.
inline diva::Split read_split(const std::string& dataset, const std::string& source_path) {
  const auto inner = source_path + "/" + dataset;
  const auto root = std::filesystem::is_directory(inner) ? inner : source_path;
  if (dataset == "cub200") return diva::zero_shot_split(diva::cub200(root));
  if (dataset == "folder") return diva::zero_shot_split(diva::folder_of_classes(root));
  if (dataset == "omniglot") {
    return {diva::omniglot(root, diva::OmniglotPart::background), diva::omniglot(root, diva::OmniglotPart::evaluation)};
  }
  diva::detail::fail_unknown("read_split", "--dataset", dataset, {"cub200", "folder", "omniglot"});
}

/// `part`: train, test, or all (the classes of train first). "images" is a folder without classes and has one part.
inline diva::Dataset read_part(const std::string& dataset, const std::string& source_path, const std::string& part) {
  if (dataset == "images") return diva::folder_of_images(source_path);
  auto [train, test] = read_split(dataset, source_path);
  if (part == "train") return train;
  if (part == "test") return test;
  const auto classes = train.num_classes();
  for (const auto& sample : test.samples) train.samples.push_back({sample.path, sample.label + classes});
  train.class_names.insert(train.class_names.end(), test.class_names.begin(), test.class_names.end());
  return train;
}

/// A CUDA device where there is one; otherwise the CPU, which is said where one was asked for.
inline torch::Device device(const std::string& name, const std::vector<std::int64_t>& gpu) {
  if (torch::cuda::is_available()) return {torch::kCUDA, static_cast<c10::DeviceIndex>(gpu.empty() ? 0 : gpu.front())};
  if (!gpu.empty()) fmt::print(stderr, "{}: no CUDA device, working on the CPU\n", name);
  return torch::kCPU;
}

}  // namespace program
