#pragma once

#include <cstdlib>
#include <string>
#include <vector>

inline bool runs(const std::string& command) { return std::system(command.c_str()) == 0; }

/// The first of a few Pythons that can import one of these ("torch, numpy"); DIVA_PYTHON names one. Empty where none can.
inline std::string python_with(const std::vector<std::string>& any_of) {
  const char* const chosen = std::getenv("DIVA_PYTHON");
  for (const std::string python : {chosen != nullptr ? chosen : "python3", "/usr/bin/python3"}) {
    for (const auto& modules : any_of) {
      if (runs(python + " -c 'import " + modules + "' 2>/dev/null")) return python;
    }
  }
  return {};
}
