#include <diva/core/json.hpp>
#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/deep_cluster.hpp>
#include <diva/ssl/image_rotation.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>
#include <diva/ssl/moco_loss.hpp>
#include <diva/ssl/registry.hpp>

namespace diva::inline v0_1 {
namespace {

template <class Options>
Options read(const std::string& name, const std::string& text) {
  Options options;
  from_json(parse_json(text, "ssl " + name), options, "ssl " + name);
  return options;
}

using Factory = std::unique_ptr<SelfSimilarityLoss> (*)(const std::string& name, const std::string& options);
using ClassifierFactory = std::unique_ptr<PretextClassifier> (*)(const std::string& name, std::int64_t feature_dim,
                                                                 Generator& initialisation, const std::string& options);

template <class Criterion, class Options>
std::unique_ptr<SelfSimilarityLoss> make(const std::string& name, const std::string& text) {
  return std::make_unique<Criterion>(read<Options>(name, text));
}

template <class Criterion, class Options>
std::unique_ptr<PretextClassifier> make_classifier(const std::string& name, std::int64_t feature_dim, Generator& initialisation,
                                                   const std::string& text) {
  return std::make_unique<Criterion>(feature_dim, initialisation, read<Options>(name, text));
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

constexpr detail::RegistryLine<ClassifierFactory> classifiers[] = {
    {"dc",
     make_classifier<DeepClusterLoss, DeepClusterOptions>,
     {"cross-entropy of W f, labels by k-means of all features", "Caron et al., ECCV 2018", "O(B·F·clusters)"},
     options_of<DeepClusterOptions>},
    {"imrot",
     make_classifier<ImageRotationLoss, PretextClassifierOptions>,
     {"cross-entropy of W f, labels by quarter turns of the image", "Gidaris et al., ICLR 2018", "O(B·F)"},
     options_of<PretextClassifierOptions>},
};

Listing invariant_spread() {
  return {"invariantspread",
          {"−[log P(x_i' | x_i) + Σ_j log(1 − P(x_j | x_i))]", "Ye et al., CVPR 2019", "O(B²·D)"},
          options_of<InvariantSpreadOptions>()};
}

}  // namespace

std::unique_ptr<SelfSimilarityLoss> make_self_similarity(std::string_view name, const std::string& options) {
  return detail::find_line("make_self_similarity", name, criteria).make(std::string(name), options);
}

std::vector<std::string> self_similarity_names() { return detail::names(criteria); }

std::unique_ptr<PretextClassifier> make_pretext_classifier(std::string_view name, std::int64_t feature_dim,
                                                           Generator& initialisation, const std::string& options) {
  return detail::find_line("make_pretext_classifier", name, classifiers)
      .make(std::string(name), feature_dim, initialisation, options);
}

std::vector<std::string> pretext_classifier_names() { return detail::names(classifiers); }

std::vector<Listing> ssl_listings() {
  auto all = detail::listings(criteria);
  all.push_back(invariant_spread());
  for (auto& classifier : detail::listings(classifiers)) all.push_back(std::move(classifier));
  return all;
}

std::vector<std::string> ssl_names() {
  std::vector<std::string> names;
  for (const auto& listing : ssl_listings()) names.push_back(listing.name);
  return names;
}

}  // namespace diva::inline v0_1
