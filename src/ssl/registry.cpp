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

using detail::options_of;

constexpr detail::RegistryLine<Factory> criteria[] = {
    {"moco",
     make<MocoLoss, MocoOptions>,
     {"−log softmax_0 [q·k, q·queue] / τ", "He et al., CVPR 2020", "O(B·K·D)"},
     options_of<MocoOptions>},
    {"dance",
     make<DanceLoss, DanceOptions>,
     {"−log softmax_0 [q·k, w(d)·q·queue] / τ", "Milbich, Roth et al., ECCV 2020", "O(B·K·D)"},
     options_of<DanceOptions>},
    {"fast_moco", make<DanceLoss, DanceOptions>, alias_of("dance"), options_of<DanceOptions>},
};

}  // namespace

std::unique_ptr<SelfSimilarityLoss> make_self_similarity(std::string_view name, const std::string& options) {
  return detail::find_line("make_self_similarity", name, criteria).make(std::string(name), options);
}

std::vector<std::string> self_similarity_names() { return detail::names(criteria); }

}  // namespace diva
