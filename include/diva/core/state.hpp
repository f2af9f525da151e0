#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace diva::inline v0_1 {

/// What an object must remember to continue exactly: named tensors and named texts. Names are paths with dots, as in PyTorch's
/// state dictionaries; a checkpoint is one State written by `write_safetensors`.
///
/// Every object with a memory has `State state() const` and `void restore(const State&)`; restore throws DataError when a name is
/// missing or a shape differs, and leaves the object as it was.
struct State {
  std::map<std::string, torch::Tensor> tensors;
  std::map<std::string, std::string> texts;

  void put(const std::string& name, const torch::Tensor& tensor) { tensors[name] = tensor; }
  void put(const std::string& name, std::int64_t value);
  void put(const std::string& name, double value);
  void put(const std::string& name, const std::string& text) { texts[name] = text; }
  /// Takes over all entries of `other` under `prefix.`.
  void put(const std::string& prefix, const State& other);

  /// The entries under `prefix.`, without it.
  [[nodiscard]] State child(const std::string& prefix) const;
  [[nodiscard]] const torch::Tensor& tensor(const std::string& name) const;  ///< DataError when absent.
  [[nodiscard]] std::int64_t integer(const std::string& name) const;
  [[nodiscard]] double real(const std::string& name) const;
  [[nodiscard]] const std::string& text(const std::string& name) const;
};

}  // namespace diva::inline v0_1
