#include <diva/core/json.hpp>
#include <diva/losses/angular_loss.hpp>
#include <diva/losses/circle_loss.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/nca_loss.hpp>
#include <diva/losses/npair_loss.hpp>
#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/quadruplet_loss.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/snr_loss.hpp>
#include <diva/losses/soft_nearest_neighbour_loss.hpp>
#include <diva/losses/supcon_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>

namespace diva {
namespace {

using Factory = std::unique_ptr<Loss> (*)(const std::string& name, std::int64_t num_classes, const std::string& options);

// Options of the text over those of a preset: a function of no arguments.
template <class Criterion, auto preset>
std::unique_ptr<Loss> make_preset(const std::string& name, std::int64_t num_classes, const std::string& text) {
  auto options = preset();
  from_json(parse_json(text, "loss " + name), options, "loss " + name);
  if constexpr (std::constructible_from<Criterion, decltype(options), std::int64_t>) {
    return std::make_unique<Criterion>(options, num_classes);
  } else {
    return std::make_unique<Criterion>(options);
  }
}

template <class Options>
Options standard() {
  return {};
}

template <class Criterion, class Options>
std::unique_ptr<Loss> make(const std::string& name, std::int64_t num_classes, const std::string& text) {
  return make_preset<Criterion, standard<Options>>(name, num_classes, text);
}

// Defaults of pytorch-metric-learning's classes, whose distances normalise.
constexpr ReducerOptions non_zero_mean = {.kind = Reduction::non_zero_mean};

MarginLossOptions pml_margin() {
  return {.learn_boundary = false, .counting = Variant::pml, .distance = {.normalize = true}, .smoothing = 0};
}
TripletLossOptions pml_triplet() { return {.margin = 0.05, .distance = {.normalize = true}, .reducer = non_zero_mean}; }
ContrastiveLossOptions pml_contrastive() { return {.distance = {.normalize = true}, .reducer = non_zero_mean}; }
ContrastiveLossOptions pml_snr_contrastive() {
  return {.distance = {.kind = Distance::snr, .normalize = true}, .reducer = non_zero_mean};
}
NPairLossOptions pml_npair() {
  return {.norm_penalty = 0, .variant = Variant::pml, .distance = {.kind = Distance::dot, .normalize = true}};
}
AngularLossOptions pml_angular() {
  return {.angle = 40, .angular_weight = 1, .npair_weight = 0, .norm_penalty = 0, .variant = Variant::pml};
}
LiftedLossOptions pml_lifted() { return {.form = LiftedForm::structured, .norm_penalty = 0, .distance = {.normalize = true}}; }
LiftedLossOptions pml_generalized_lifted() { return {.norm_penalty = 0, .variant = Variant::pml, .distance = {.normalize = true}}; }
MultiSimilarityLossOptions pml_multisimilarity() {
  return {.negative_weight = 50, .mine = false, .variant = Variant::pml, .distance = {.kind = Distance::cosine}};
}
NcaLossOptions pml_nca() { return {.distance = {.kind = Distance::squared_euclidean, .normalize = true}}; }

using detail::options_of;

// Sorted by family: pairs and triplets, ranking, proxies and classifiers, others.
constexpr detail::RegistryLine<Factory> losses[] = {
    {"margin",
     make<MarginLoss, MarginLossOptions>,
     {"Σ [(D_ap − β_y + α)₊ + (β_y − D_an + α)₊] / active pairs + ν Σβ", "Wu et al., ICCV 2017", "O(T·D); all triplets: O(B·R·D)"},
     options_of<MarginLossOptions>},
    {"triplet",
     make<TripletLoss, TripletLossOptions>,
     {"reduce (D_ap − D_an + m)₊", "Schroff et al., CVPR 2015", "O(T·D); all triplets: O(B·R·(D + log K))"},
     options_of<TripletLossOptions>},
    {"contrastive",
     make<ContrastiveLoss, ContrastiveLossOptions>,
     {"reduce (D_ap − m_pos)₊ + reduce (m_neg − D_an)₊", "Hadsell et al., CVPR 2006", "O(B·R·D)"},
     options_of<ContrastiveLossOptions>},
    {"MarginLoss", make_preset<MarginLoss, pml_margin>, alias_of("margin"), options_of<pml_margin>},
    {"TripletMarginLoss", make_preset<TripletLoss, pml_triplet>, alias_of("triplet"), options_of<pml_triplet>},
    {"ContrastiveLoss", make_preset<ContrastiveLoss, pml_contrastive>, alias_of("contrastive"), options_of<pml_contrastive>},
    {"SignalToNoiseRatioContrastiveLoss", make_preset<ContrastiveLoss, pml_snr_contrastive>, alias_of("contrastive"),
     options_of<pml_snr_contrastive>},
    {"snr",
     make<SnrLoss, SnrLossOptions>,
     {"Σ (R_ap − R_an + m)₊ / active + λ mean |Σ_d x_a|, R_ij = var(x_i − x_j) / var(x_i)", "Yuan et al., CVPR 2019", "O(B·R·D)"},
     options_of<SnrLossOptions>},
    {"quadruplet",
     make<QuadrupletLoss, QuadrupletLossOptions>,
     {"reduce (D_ap − D_an + α₁)₊ + reduce mean_m (D_ap − D_nm + α₂)₊", "Chen et al., CVPR 2017", "O(T·B·D)"},
     options_of<QuadrupletLossOptions>},
    {"npair",
     make<NPairLoss, NPairLossOptions>,
     {"reduce_ap log(1 + Σ_n exp(x_a·x_n − x_a·x_p)) + λ mean ‖x‖", "Sohn, NIPS 2016", "O(B·R·D)"},
     options_of<NPairLossOptions>},
    {"NPairsLoss", make_preset<NPairLoss, pml_npair>, alias_of("npair"), options_of<pml_npair>},
    {"angular",
     make<AngularLoss, AngularLossOptions>,
     {"reduce_ap log(1 + Σ_n exp(4t² (u_a + u_p)·u_n − 2(1 + t²) u_a·u_p)) + n-pair, t = tan α", "Wang et al., ICCV 2017",
      "O(P·R·D)"},
     options_of<AngularLossOptions>},
    {"AngularLoss", make_preset<AngularLoss, pml_angular>, alias_of("angular"), options_of<pml_angular>},
    {"lifted",
     make<LiftedLoss, LiftedLossOptions>,
     {"reduce_a (log Σ_p exp(D_ap) + log Σ_n exp(m − D_an))₊ + λ mean ‖x‖", "Oh Song et al., CVPR 2016; Hermans et al., 2017",
      "O(B·R·D)"},
     options_of<LiftedLossOptions>},
    {"LiftedStructureLoss", make_preset<LiftedLoss, pml_lifted>, alias_of("lifted"), options_of<pml_lifted>},
    {"GeneralizedLiftedStructureLoss", make_preset<LiftedLoss, pml_generalized_lifted>, alias_of("lifted"),
     options_of<pml_generalized_lifted>},
    {"multisimilarity",
     make<MultiSimilarityLoss, MultiSimilarityLossOptions>,
     {"reduce_a [log(1 + Σ_p exp(−α(s_ap − λ)))/α + log(1 + Σ_n exp(β(s_an − λ)))/β]", "Wang et al., CVPR 2019", "O(B·R·D)"},
     options_of<MultiSimilarityLossOptions>},
    {"MultiSimilarityLoss", make_preset<MultiSimilarityLoss, pml_multisimilarity>, alias_of("multisimilarity"),
     options_of<pml_multisimilarity>},
    {"circle",
     make<CircleLoss, CircleLossOptions>,
     {"reduce_a log(1 + Σ_p exp(−γ w_p (s_ap − 1 + m)) Σ_n exp(γ w_n (s_an − m)))", "Sun et al., CVPR 2020", "O(B·R·D)"},
     options_of<CircleLossOptions>},
    {"CircleLoss", make<CircleLoss, CircleLossOptions>, alias_of("circle"), options_of<CircleLossOptions>},
    {"tuplet_margin",
     make<TupletMarginLoss, TupletMarginLossOptions>,
     {"reduce_ap log(1 + Σ_n exp(s(cos θ_an − cos(θ_ap − β))))", "Yu and Tao, ICCV 2019", "O(B·R·D)"},
     options_of<TupletMarginLossOptions>},
    {"TupletMarginLoss", make<TupletMarginLoss, TupletMarginLossOptions>, alias_of("tuplet_margin"),
     options_of<TupletMarginLossOptions>},
    {"intra_pair_variance",
     make<IntraPairVarianceLoss, IntraPairVarianceLossOptions>,
     {"reduce_ap ((1 − ε) mean s_p − s_ap)₊² + reduce_an (s_an − (1 + ε) mean s_n)₊²", "Yu and Tao, ICCV 2019", "O(B·R·D)"},
     options_of<IntraPairVarianceLossOptions>},
    {"IntraPairVarianceLoss", make<IntraPairVarianceLoss, IntraPairVarianceLossOptions>, alias_of("intra_pair_variance"),
     options_of<IntraPairVarianceLossOptions>},
    {"nca",
     make<NcaLoss, NcaLossOptions>,
     {"reduce_a −log(Σ_p exp(−σD_ap) / Σ_j exp(−σD_aj))", "Goldberger et al., NIPS 2004", "O(B·R·D)"},
     options_of<NcaLossOptions>},
    {"NCALoss", make_preset<NcaLoss, pml_nca>, alias_of("nca"), options_of<pml_nca>},
    {"soft_nearest_neighbour",
     make<SoftNearestNeighbourLoss, SoftNearestNeighbourLossOptions>,
     {"reduce_a −log(Σ_p exp(−D_ap/T) / Σ_j exp(−D_aj/T))", "Frosst et al., ICML 2019", "O(B·R·D)"},
     options_of<SoftNearestNeighbourLossOptions>},
    {"soft_nearest_neighbor", make<SoftNearestNeighbourLoss, SoftNearestNeighbourLossOptions>, alias_of("soft_nearest_neighbour"),
     options_of<SoftNearestNeighbourLossOptions>},
    {"ntxent",
     make<NtXentLoss, NtXentLossOptions>,
     {"reduce_ap −log(exp(s_ap/τ) / (exp(s_ap/τ) + Σ_n exp(s_an/τ)))", "Chen et al., ICML 2020", "O(B·R·D)"},
     options_of<NtXentLossOptions>},
    {"NTXentLoss", make<NtXentLoss, NtXentLossOptions>, alias_of("ntxent"), options_of<NtXentLossOptions>},
    {"supcon",
     make<SupConLoss, SupConLossOptions>,
     {"reduce_a −mean_p log(exp(s_ap/τ) / Σ_j exp(s_aj/τ))", "Khosla et al., NeurIPS 2020", "O(B·R·D)"},
     options_of<SupConLossOptions>},
    {"SupConLoss", make<SupConLoss, SupConLossOptions>, alias_of("supcon"), options_of<SupConLossOptions>},
};

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options) {
  return detail::find_line("make_loss", name, losses).make(std::string(name), num_classes, options);
}

std::vector<std::string> loss_names() { return detail::names(losses); }

std::vector<Listing> loss_listings() { return detail::listings(losses); }

}  // namespace diva
