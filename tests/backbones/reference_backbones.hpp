#pragma once

#include <fmt/format.h>

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

/// The backbone that a reference is compared with: the name without the library before it.
inline std::string backbone_of(const std::string& reference) {
  for (const std::string library : {"torchvision_", "timm_"}) {
    if (reference.starts_with(library)) return reference.substr(library.size());
  }
  return reference;
}

}  // namespace reference
