#include <diva/core/json.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/triplet_loss.hpp>

namespace diva {
namespace {

template <class Options>
Options read(const std::string& name, const std::string& text) {
  Options options;
  from_json(parse_json(text, "loss " + name), options, "loss " + name);
  return options;
}

using Factory = std::unique_ptr<Loss> (*)(const std::string& name, std::int64_t num_classes, const std::string& options);

template <class Criterion, class Options>
std::unique_ptr<Loss> make(const std::string& name, std::int64_t num_classes, const std::string& text) {
  const auto options = read<Options>(name, text);
  if constexpr (std::constructible_from<Criterion, Options, std::int64_t>) {
    return std::make_unique<Criterion>(options, num_classes);
  } else {
    return std::make_unique<Criterion>(options);
  }
}

constexpr std::pair<const char*, Factory> losses[] = {
    {"margin", make<MarginLoss, MarginLossOptions>},
    {"triplet", make<TripletLoss, TripletLossOptions>},
    {"contrastive", make<ContrastiveLoss, ContrastiveLossOptions>},
};

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options) {
  for (const auto& [known, factory] : losses) {
    if (name == known) return factory(std::string(name), num_classes, options);
  }
  detail::fail_unknown("make_loss", "name", name, loss_names());
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : losses) names.emplace_back(name);
  return names;
}

}  // namespace diva
