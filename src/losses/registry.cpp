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

using detail::options_of;

// Sorted by family: pairs and triplets, ranking, proxies and classifiers, others.
constexpr detail::RegistryLine<Factory> losses[] = {
    {"margin",
     make<MarginLoss, MarginLossOptions>,
     {"Σ [(D_ap − β_y + α)₊ + (β_y − D_an + α)₊] / active pairs + ν Σβ", "Wu et al., ICCV 2017", "O(T·D)"},
     options_of<MarginLossOptions>},
    {"triplet",
     make<TripletLoss, TripletLossOptions>,
     {"reduce (D_ap − D_an + m)₊", "Schroff et al., CVPR 2015", "O(T·D)"},
     options_of<TripletLossOptions>},
    {"contrastive",
     make<ContrastiveLoss, ContrastiveLossOptions>,
     {"reduce (D_ap − m_pos)₊ + reduce (m_neg − D_an)₊", "Hadsell et al., CVPR 2006", "O(B·R·D)"},
     options_of<ContrastiveLossOptions>},
};

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options) {
  return detail::find_line("make_loss", name, losses).make(std::string(name), num_classes, options);
}

std::vector<std::string> loss_names() { return detail::names(losses); }

std::vector<Listing> loss_listings() { return detail::listings(losses); }

}  // namespace diva
