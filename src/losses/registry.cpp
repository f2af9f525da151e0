#include <diva/core/json.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/dynamic_soft_margin_loss.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/hyperbolic_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/pnp_loss.hpp>
#include <diva/losses/ranked_list_loss.hpp>
#include <diva/losses/recall_surrogate_loss.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/smooth_ap_loss.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/vicreg_loss.hpp>

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

// Another name, with defaults of its own.
template <class Criterion, auto preset>
std::unique_ptr<Loss> make_preset(const std::string& name, std::int64_t, const std::string& text) {
  auto options = preset();
  from_json(parse_json(text, "loss " + name), options, "loss " + name);
  return std::make_unique<Criterion>(options);
}

DynamicSoftMarginLossOptions pml_dynamic_soft_margin() { return {.variant = Variant::pml}; }
HistogramLossOptions pml_histogram() { return {.nodes = 101, .variant = Variant::pml}; }
PnpLossOptions pml_pnp() { return {.variant = Variant::pml}; }
RankedListLossOptions pml_ranked_list() { return {.variant = Variant::pml, .distance = {.normalize = true}}; }
SmoothApLossOptions pml_smooth_ap() { return {.variant = Variant::pml}; }

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
    {"ranked_list",
     make<RankedListLoss, RankedListLossOptions>,
     {"reduce_a (1 − λ) Σ w_p (D_ap − α + m)₊ / Σ w_p + λ Σ w_n (α − D_an)₊ / Σ w_n, w = exp(T·)", "Wang et al., CVPR 2019",
      "O(B·R·D)"},
     options_of<RankedListLossOptions>},
    {"RankedListLoss", make_preset<RankedListLoss, pml_ranked_list>, alias_of("ranked_list"), options_of<pml_ranked_list>},
    {"threshold_consistent_margin",
     make<ThresholdConsistentMarginLoss, ThresholdConsistentMarginLossOptions>,
     {"λ⁺ mean (m⁺ − s_ap)₊ + λ⁻ mean (s_an − m⁻)₊, over those above 0", "Zhang et al., ICLR 2024", "O(B·R·D)"},
     options_of<ThresholdConsistentMarginLossOptions>},
    {"ThresholdConsistentMarginLoss", make<ThresholdConsistentMarginLoss, ThresholdConsistentMarginLossOptions>,
     alias_of("threshold_consistent_margin"), options_of<ThresholdConsistentMarginLossOptions>},
    {"dynamic_soft_margin",
     make<DynamicSoftMarginLoss, DynamicSoftMarginLossOptions>,
     {"mean C(v) v, v = D_ap − D_an, C its running cumulative histogram", "Zhang & Rusinkiewicz, ICCV 2019", "O(T + B·R·D)"},
     options_of<DynamicSoftMarginLossOptions>},
    {"DynamicSoftMarginLoss", make_preset<DynamicSoftMarginLoss, pml_dynamic_soft_margin>, alias_of("dynamic_soft_margin"),
     options_of<pml_dynamic_soft_margin>},
    {"histogram",
     make<HistogramLoss, HistogramLossOptions>,
     {"Σ_r h⁻_r Σ_(q ≤ r) h⁺_q, histograms of similarities", "Ustinova & Lempitsky, NIPS 2016", "O(B·R·D)"},
     options_of<HistogramLossOptions>},
    {"HistogramLoss", make_preset<HistogramLoss, pml_histogram>, alias_of("histogram"), options_of<pml_histogram>},
    {"hyperbolic",
     make<HyperbolicLoss, HyperbolicLossOptions>,
     {"reduce_(a,p) −log( e^(−D_ap/τ) / (e^(−D_ap/τ) + Σ_n e^(−D_an/τ)) ), D of the Poincaré ball", "Ermolov et al., CVPR 2022",
      "O(B·R·D)"},
     options_of<HyperbolicLossOptions>},
    {"fast_ap",
     make<FastApLoss, FastApLossOptions>,
     {"reduce_a 1 − 1/N⁺ Σ_l h⁺_l H⁺_l / H_l, histograms of distances", "Cakir et al., CVPR 2019", "O(B·R·D)"},
     options_of<FastApLossOptions>},
    {"FastAPLoss", make<FastApLoss, FastApLossOptions>, alias_of("fast_ap"), options_of<FastApLossOptions>},
    {"smooth_ap",
     make<SmoothApLoss, SmoothApLossOptions>,
     {"reduce_a 1 − 1/N⁺ Σ_p (1 + c⁺_ap) / (1 + c⁺_ap + c⁻_ap), c sums of σ(Δs/τ)", "Brown et al., ECCV 2020", "O(P·R + B·R·D)"},
     options_of<SmoothApLossOptions>},
    {"SmoothAPLoss", make_preset<SmoothApLoss, pml_smooth_ap>, alias_of("smooth_ap"), options_of<pml_smooth_ap>},
    {"pnp",
     make<PnpLoss, PnpLossOptions>,
     {"reduce_a 1/N⁺ Σ_p f(R_ap), R_ap = Σ_n σ((s_an − s_ap)/τ)", "Li et al., AAAI 2022", "O(P·R + B·R·D)"},
     options_of<PnpLossOptions>},
    {"PNPLoss", make_preset<PnpLoss, pml_pnp>, alias_of("pnp"), options_of<pml_pnp>},
    {"recall_surrogate",
     make<RecallSurrogateLoss, RecallSurrogateLossOptions>,
     {"reduce_a mean_k 1 − min(Σ_p σ((k − r_ap)/τ₁), k) / min(k, N⁺), r soft ranks", "Patel et al., CVPR 2022", "O(P·R + B·R·D)"},
     options_of<RecallSurrogateLossOptions>},
    {"vicreg",
     make<VicregLoss, VicregLossOptions>,
     {"λ mean (z − z′)² + μ/2 [v(z) + v(z′)] + ν [c(z) + c(z′)]", "Bardes et al., ICLR 2022", "O(B·D²)"},
     options_of<VicregLossOptions>},
    {"VICRegLoss", make<VicregLoss, VicregLossOptions>, alias_of("vicreg"), options_of<VicregLossOptions>},
};

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options) {
  return detail::find_line("make_loss", name, losses).make(std::string(name), num_classes, options);
}

std::vector<std::string> loss_names() { return detail::names(losses); }

std::vector<Listing> loss_listings() { return detail::listings(losses); }

}  // namespace diva
