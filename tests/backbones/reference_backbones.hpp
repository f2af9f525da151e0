#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

/// Python's side of the comparisons with torchvision, timm and pretrainedmodels: tests/backbones/reference_backbones.py.
namespace reference {

inline bool runs(const std::string& command) { return std::system(command.c_str()) == 0; }

/// The first of a few that can import torch and a library of networks; empty where none can.
inline std::string python_with_networks() {
  const char* const chosen = std::getenv("DIVA_PYTHON");
  for (const std::string python : {chosen != nullptr ? chosen : "python3", "/usr/bin/python3"}) {
    for (const auto* library : {"torchvision", "timm", "pretrainedmodels"}) {
      if (runs(fmt::format("{} -c 'import torch, {}' 2>/dev/null", python, library))) return python;
    }
  }
  return {};
}

inline std::vector<std::string> lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> result;
  for (std::string line; std::getline(file, line);) result.push_back(line);
  return result;
}

/// The beginning of a command line of reference_backbones.py.
inline std::string script(const std::string& python) {
  return fmt::format("{} '{}/tests/backbones/reference_backbones.py' ", python, DIVA_SOURCE_DIR);
}

/// The backbone that a reference is compared with: the name without the library before it.
inline std::string backbone_of(const std::string& reference) {
  for (const std::string library : {"torchvision_", "timm_"}) {
    if (reference.starts_with(library)) return reference.substr(library.size());
  }
  return reference;
}

}  // namespace reference
