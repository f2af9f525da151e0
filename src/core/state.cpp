#include <diva/core/checks.hpp>
#include <diva/core/state.hpp>

namespace diva::inline v0_1 {
namespace {

template <class Map>
const auto& find(const Map& map, const std::string& name, const char* kind) {
  const auto found = map.find(name);
  if (found == map.end())
    detail::fail<DataError>("State", "the state", std::string("with ") + kind + " '" + name + "'", "none of that name");
  return found->second;
}

torch::Tensor scalar(const State& state, const std::string& name, torch::ScalarType type) {
  const auto& tensor = state.tensor(name);
  if (tensor.numel() != 1 || tensor.scalar_type() != type) {
    detail::fail<DataError>("State", "'" + name + "'", std::string("one value of type ") + c10::toString(type),
                            detail::describe(tensor));
  }
  return tensor;
}

}  // namespace

void State::put(const std::string& name, std::int64_t value) { tensors[name] = torch::tensor(value, torch::kInt64); }

void State::put(const std::string& name, double value) { tensors[name] = torch::tensor(value, torch::kFloat64); }

void State::put(const std::string& prefix, const State& other) {
  const auto start = prefix + ".";
  for (const auto& [name, tensor] : other.tensors) tensors[start + name] = tensor;
  for (const auto& [name, text] : other.texts) texts[start + name] = text;
}

State State::child(const std::string& prefix) const {
  const auto start = prefix + ".";
  State result;
  for (auto it = tensors.lower_bound(start); it != tensors.end() && it->first.starts_with(start); ++it) {
    result.tensors[it->first.substr(start.size())] = it->second;
  }
  for (auto it = texts.lower_bound(start); it != texts.end() && it->first.starts_with(start); ++it) {
    result.texts[it->first.substr(start.size())] = it->second;
  }
  return result;
}

const torch::Tensor& State::tensor(const std::string& name) const { return find(tensors, name, "a tensor"); }

const std::string& State::text(const std::string& name) const { return find(texts, name, "a text"); }

std::int64_t State::integer(const std::string& name) const { return scalar(*this, name, torch::kInt64).item<std::int64_t>(); }

double State::real(const std::string& name) const { return scalar(*this, name, torch::kFloat64).item<double>(); }

}  // namespace diva::inline v0_1
