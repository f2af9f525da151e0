#include <diva/core/json.hpp>
#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/moco_loss.hpp>
#include <diva/ssl/registry.hpp>

namespace diva {
namespace {

using Factory = std::unique_ptr<SelfSimilarityLoss> (*)(const std::string& name, const std::string& options);

template <class Criterion, class Options>
std::unique_ptr<SelfSimilarityLoss> make(const std::string& name, const std::string& text) {
  Options options;
  from_json(parse_json(text, "ssl " + name), options, "ssl " + name);
  return std::make_unique<Criterion>(options);
}

constexpr std::pair<const char*, Factory> criteria[] = {
    {"moco", make<MocoLoss, MocoOptions>},
    {"dance", make<DanceLoss, DanceOptions>},
    {"fast_moco", make<DanceLoss, DanceOptions>},
};

}  // namespace

std::unique_ptr<SelfSimilarityLoss> make_self_similarity(std::string_view name, const std::string& options) {
  for (const auto& [known, factory] : criteria) {
    if (name == known) return factory(std::string(name), options);
  }
  detail::fail_unknown("make_self_similarity", "name", name, self_similarity_names());
}

std::vector<std::string> self_similarity_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : criteria) names.emplace_back(name);
  return names;
}

}  // namespace diva
