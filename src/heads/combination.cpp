#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/core/options.hpp>
#include <diva/heads/combination.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace diva::inline v0_1 {
namespace {

constexpr std::string_view combined_prefix = "Combined_";

void check(const Combination& combination) {
  const auto& [heads, weights] = combination;
  const bool negative = std::any_of(weights.begin(), weights.end(), [](double w) { return !(w >= 0); });
  const bool all_zero = std::all_of(weights.begin(), weights.end(), [](double w) { return w == 0; });
  if (heads.empty() || weights.size() != heads.size() || negative || all_zero) {
    detail::fail<OptionError>("Combination", "weights", "one for each head, not negative, not all zero",
                              fmt::format("{} weights for {} heads in {}", weights.size(), heads.size(), combination.name()));
  }
}

double parse_weight(std::string_view text, std::string_view whole) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    detail::fail<OptionError>("parse_combination", fmt::format("'{}'", whole), "Combined_HEAD_HEAD-WEIGHT-WEIGHT",
                              fmt::format("'{}' as a weight", text));
  }
  return value;
}

}  // namespace

std::string Combination::name() const {
  if (heads.size() == 1) return heads[0];
  std::string result = "Combined";
  for (const auto& head : heads) result += "_" + head;
  for (const double weight : weights) result += fmt::format("-{}", weight);
  return result;
}

Combination parse_combination(std::string_view name, const std::vector<std::string>& heads) {
  if (std::find(heads.begin(), heads.end(), name) != heads.end()) return {{std::string(name)}, {1.0}};
  if (!name.starts_with(combined_prefix)) detail::fail_unknown("parse_combination", "head", name, heads);

  Combination result;
  auto rest = name.substr(combined_prefix.size());
  const auto weights_at = rest.find('-');
  auto names = rest.substr(0, weights_at);
  while (!names.empty()) {
    // The longest head that fits here: one name may begin another.
    std::string_view best;
    for (const auto& head : heads) {
      const bool fits = names.starts_with(head) && (names.size() == head.size() || names[head.size()] == '_');
      if (fits && head.size() > best.size()) best = head;
    }
    if (best.empty()) detail::fail_unknown("parse_combination", "head", names, heads);
    result.heads.emplace_back(best);
    names.remove_prefix(std::min(names.size(), best.size() + 1));
  }
  if (weights_at == std::string_view::npos) {
    result.weights.assign(result.heads.size(), 1.0);
  } else {
    rest.remove_prefix(weights_at + 1);
    while (true) {
      const auto dash = rest.find('-');
      result.weights.push_back(parse_weight(rest.substr(0, dash), name));
      if (dash == std::string_view::npos) break;
      rest.remove_prefix(dash + 1);
    }
  }
  check(result);
  return result;
}

torch::Tensor combine(const Embeddings& embeddings, const Combination& combination) {
  check(combination);
  std::vector<torch::Tensor> parts;
  for (std::size_t i = 0; i < combination.heads.size(); ++i) {
    const auto found = embeddings.find(combination.heads[i]);
    if (found == embeddings.end()) {
      std::vector<std::string> known;
      for (const auto& [name, tensor] : embeddings) known.push_back(name);
      detail::fail_unknown("combine", "head", combination.heads[i], known);
    }
    parts.push_back(l2_normalize(found->second) * combination.weights[i]);
  }
  return l2_normalize(torch::cat(parts, 1));
}

std::vector<Combination> all_combinations(const std::vector<std::string>& heads, bool published_sop) {
  std::vector<Combination> result;
  for (const auto& head : heads) result.push_back({{head}, {1.0}});
  if (heads.size() < 2) return result;
  std::vector<std::vector<double>> weightings = {std::vector<double>(heads.size(), 1.0)};
  if (heads.size() == 2) {
    weightings.insert(weightings.end(), {{1, 0.5}, {0.5, 1}});
  } else if (heads.size() == 3) {
    weightings.insert(weightings.end(), {{1.5, 1, 1}, {0.5, 1, 1}});
  } else if (heads.size() == 4 && published_sop) {
    weightings.insert(weightings.end(), {{0.5, 1, 1, 1}, {1, 0.5, 0.5, 0.5}, {1.5, 1, 1, 1}});
  } else if (heads.size() == 4) {
    weightings.insert(weightings.end(), {{0.75, 1.25, 1.25, 1.25}, {0.5, 1, 1, 1}, {0.5, 1.5, 1.5, 1.5}});
  }
  for (auto& weights : weightings) result.push_back({heads, std::move(weights)});
  return result;
}

}  // namespace diva::inline v0_1
