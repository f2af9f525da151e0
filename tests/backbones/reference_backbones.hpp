#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "support/python.hpp"
#include "support/source_file.hpp"

/// Python's side of the comparisons with torchvision, timm and pretrainedmodels: tests/backbones/reference_backbones.py.
namespace reference {

/// A Python that can import torch and a library of networks; empty where none can.
inline std::string python_with_networks() { return python_with({"torch, torchvision", "torch, timm", "torch, pretrainedmodels"}); }

inline std::vector<std::string> lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> result;
  for (std::string line; std::getline(file, line);) result.push_back(line);
  return result;
}

/// The beginning of a command line of reference_backbones.py.
inline std::string script(const std::string& python) {
  return fmt::format("{} '{}' ", python, source_file("tests/backbones/reference_backbones.py"));
}

/// The references to compare with, in groups whose weights lie on the disk at once: a few, since Python takes seconds to start; or
/// all, one by one, where DIVA_ALL_BACKBONES is set. `scratch`: a file to write.
inline std::vector<std::vector<std::string>> groups(const std::string& python, const std::string& scratch) {
  const bool all = std::getenv("DIVA_ALL_BACKBONES") != nullptr;
  if (!runs(fmt::format("{} names {} > {}", script(python), all ? "" : "FEW", scratch))) return {};
  const auto names = lines(scratch);
  if (!all) return {names};
  std::vector<std::vector<std::string>> result;
  for (const auto& name : names) result.push_back({name});
  return result;
}

/// The backbone that a reference is compared with: the name without the library before it.
inline std::string backbone_of(const std::string& reference) {
  for (const std::string library : {"torchvision_", "timm_"}) {
    if (reference.starts_with(library)) return reference.substr(library.size());
  }
  return reference;
}

}  // namespace reference
