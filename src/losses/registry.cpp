#include <diva/core/json.hpp>
#include <diva/losses/angular_loss.hpp>
#include <diva/losses/arcface_loss.hpp>
#include <diva/losses/circle_loss.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/cosface_loss.hpp>
#include <diva/losses/dynamic_soft_margin_loss.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/hyperbolic_loss.hpp>
#include <diva/losses/instance_loss.hpp>
#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>
#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/manifold_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/nca_loss.hpp>
#include <diva/losses/npair_loss.hpp>
#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/p2sgrad_loss.hpp>
#include <diva/losses/pnp_loss.hpp>
#include <diva/losses/proxy_anchor_loss.hpp>
#include <diva/losses/proxynca_loss.hpp>
#include <diva/losses/quadruplet_loss.hpp>
#include <diva/losses/ranked_list_loss.hpp>
#include <diva/losses/recall_surrogate_loss.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/smooth_ap_loss.hpp>
#include <diva/losses/snr_loss.hpp>
#include <diva/losses/soft_nearest_neighbour_loss.hpp>
#include <diva/losses/softmax_loss.hpp>
#include <diva/losses/softtriplet_loss.hpp>
#include <diva/losses/supcon_loss.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>
#include <diva/losses/vicreg_loss.hpp>
#include <diva/losses/wrappers.hpp>

#include <numbers>

namespace diva::inline v0_1 {
namespace {

using Factory = std::unique_ptr<Loss> (*)(const std::string& name, const LossShape& shape, const std::string& options,
                                          Generator& generator);

template <class Criterion, class Options>
std::unique_ptr<Loss> make_from(Options options, const std::string& name, const LossShape& shape, const std::string& text,
                                Generator& generator) {
  from_json(parse_json(text, "loss " + name), options, "loss " + name);
  if constexpr (std::constructible_from<Criterion, Options, std::int64_t, std::int64_t, Generator&>) {
    return std::make_unique<Criterion>(options, shape.num_classes, shape.embed_dim, generator);
  } else if constexpr (requires { options.triplets_per_anchor; }) {
    // Only what draws moves the generator.
    const auto own = options.triplets_per_anchor > 0 ? Generator(generator.next()) : Generator();
    if constexpr (std::constructible_from<Criterion, Options, std::int64_t, Generator>) {
      return std::make_unique<Criterion>(options, shape.num_classes, own);
    } else {
      return std::make_unique<Criterion>(options, own);
    }
  } else if constexpr (std::constructible_from<Criterion, Options, std::int64_t>) {
    return std::make_unique<Criterion>(options, shape.num_classes);
  } else {
    return std::make_unique<Criterion>(options);
  }
}

template <class Criterion, class Options>
std::unique_ptr<Loss> make(const std::string& name, const LossShape& shape, const std::string& text, Generator& generator) {
  return make_from<Criterion>(Options{}, name, shape, text, generator);
}

// With the defaults that a function of no arguments returns.
template <class Criterion, auto preset>
std::unique_ptr<Loss> make(const std::string& name, const LossShape& shape, const std::string& text, Generator& generator) {
  return make_from<Criterion>(preset(), name, shape, text, generator);
}

// Its proxies are as many as its options say, whatever the classes.
std::unique_ptr<Loss> make_manifold(const std::string& name, const LossShape& shape, const std::string& text,
                                    Generator& generator) {
  ManifoldLossOptions options;
  from_json(parse_json(text, "loss " + name), options, "loss " + name);
  return std::make_unique<ManifoldLoss>(options, shape.embed_dim, generator);
}

// What PML's classes of proxies have for defaults, and names that are options of another.
ProxyNcaLossOptions proxynca_plus_plus() { return {.include_positive = true}; }
ProxyNcaLossOptions pml_proxynca() { return {.scale = 1, .include_positive = true, .proxies = {.start = ProxyStart::normal}}; }
SoftmaxLossOptions pml_softmax() {
  return {.normalize_embeddings = true, .proxies = {.learning_rate = 1e-5, .start = ProxyStart::normal}};
}
// 28.6 degrees
ArcFaceLossOptions pml_arcface() { return {.margin = 28.6 * std::numbers::pi / 180, .proxies = {.start = ProxyStart::normal}}; }
ArcFaceLossOptions subcenter_arcface() { return {.sub_centers = 3}; }
ArcFaceLossOptions pml_subcenter_arcface() {
  auto options = pml_arcface();
  options.sub_centers = 3;
  return options;
}
CosFaceLossOptions pml_cosface() { return {.proxies = {.start = ProxyStart::normal}}; }
LargeMarginSoftmaxLossOptions sphereface() { return {.weight_norms = false}; }
SoftTripletLossOptions pml_softtriple() { return {.center_penalty = 0}; }
ProxyAnchorLossOptions pml_proxy_anchor() { return {.proxies = {.learning_rate = 1e-2, .start = ProxyStart::kaiming}}; }
P2SGradLossOptions pml_p2sgrad() { return {.variant = Variant::pml}; }
InstanceLossOptions pml_instance() { return {.variant = Variant::pml}; }

// Those of pairs and rankings.
DynamicSoftMarginLossOptions pml_dynamic_soft_margin() { return {.variant = Variant::pml}; }
HistogramLossOptions pml_histogram() { return {.nodes = 101, .variant = Variant::pml}; }
PnpLossOptions pml_pnp() { return {.variant = Variant::pml}; }
RankedListLossOptions pml_ranked_list() { return {.variant = Variant::pml, .distance = {.normalize = true}}; }
SmoothApLossOptions pml_smooth_ap() { return {.variant = Variant::pml}; }

// Defaults of pytorch-metric-learning's classes, whose distances normalise.
const ReducerOptions non_zero_mean = {.kind = Reduction::non_zero_mean};

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
    {"MarginLoss", make<MarginLoss, pml_margin>, alias_of("margin"), options_of<pml_margin>},
    {"TripletMarginLoss", make<TripletLoss, pml_triplet>, alias_of("triplet"), options_of<pml_triplet>},
    {"ContrastiveLoss", make<ContrastiveLoss, pml_contrastive>, alias_of("contrastive"), options_of<pml_contrastive>},
    {"SignalToNoiseRatioContrastiveLoss", make<ContrastiveLoss, pml_snr_contrastive>, alias_of("contrastive"),
     options_of<pml_snr_contrastive>},
    {"snr",
     make<SnrLoss, SnrLossOptions>,
     {"Σ (R_ap − R_an + m)₊ / active + λ mean |Σ_d x_a|, R_ij = var(x_i − x_j) / var(x_i)", "Yuan et al., CVPR 2019", "O(B·R·D)"},
     options_of<SnrLossOptions>},
    {"quadruplet",
     make<QuadrupletLoss, QuadrupletLossOptions>,
     {"reduce (D_ap − D_an + α₁)₊ + reduce mean_m (D_ap − D_nm + α₂)₊", "Chen et al., CVPR 2017",
      "O(T·B·D); all triplets: O(T·log B + B²·D)"},
     options_of<QuadrupletLossOptions>},
    {"npair",
     make<NPairLoss, NPairLossOptions>,
     {"reduce_ap log(1 + Σ_n exp(x_a·x_n − x_a·x_p)) + λ mean ‖x‖", "Sohn, NIPS 2016", "O(B·R·D)"},
     options_of<NPairLossOptions>},
    {"NPairsLoss", make<NPairLoss, pml_npair>, alias_of("npair"), options_of<pml_npair>},
    {"angular",
     make<AngularLoss, AngularLossOptions>,
     {"reduce_ap log(1 + Σ_n exp(4t² (u_a + u_p)·u_n − 2(1 + t²) u_a·u_p)) + n-pair, t = tan α", "Wang et al., ICCV 2017",
      "O(P·R·D)"},
     options_of<AngularLossOptions>},
    {"AngularLoss", make<AngularLoss, pml_angular>, alias_of("angular"), options_of<pml_angular>},
    {"lifted",
     make<LiftedLoss, LiftedLossOptions>,
     {"reduce_a (log Σ_p exp(D_ap) + log Σ_n exp(m − D_an))₊ + λ mean ‖x‖", "Oh Song et al., CVPR 2016; Hermans et al., 2017",
      "O(B·R·D)"},
     options_of<LiftedLossOptions>},
    {"LiftedStructureLoss", make<LiftedLoss, pml_lifted>, alias_of("lifted"), options_of<pml_lifted>},
    {"GeneralizedLiftedStructureLoss", make<LiftedLoss, pml_generalized_lifted>, alias_of("lifted"),
     options_of<pml_generalized_lifted>},
    {"multisimilarity",
     make<MultiSimilarityLoss, MultiSimilarityLossOptions>,
     {"reduce_a [log(1 + Σ_p exp(−α(s_ap − λ)))/α + log(1 + Σ_n exp(β(s_an − λ)))/β]", "Wang et al., CVPR 2019", "O(B·R·D)"},
     options_of<MultiSimilarityLossOptions>},
    {"MultiSimilarityLoss", make<MultiSimilarityLoss, pml_multisimilarity>, alias_of("multisimilarity"),
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
    {"NCALoss", make<NcaLoss, pml_nca>, alias_of("nca"), options_of<pml_nca>},
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
    {"ranked_list",
     make<RankedListLoss, RankedListLossOptions>,
     {"reduce_a (1 − λ) Σ w_p (D_ap − α + m)₊ / Σ w_p + λ Σ w_n (α − D_an)₊ / Σ w_n, w = exp(T·)", "Wang et al., CVPR 2019",
      "O(B·R·D)"},
     options_of<RankedListLossOptions>},
    {"RankedListLoss", make<RankedListLoss, pml_ranked_list>, alias_of("ranked_list"), options_of<pml_ranked_list>},
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
    {"DynamicSoftMarginLoss", make<DynamicSoftMarginLoss, pml_dynamic_soft_margin>, alias_of("dynamic_soft_margin"),
     options_of<pml_dynamic_soft_margin>},
    {"histogram",
     make<HistogramLoss, HistogramLossOptions>,
     {"Σ_r h⁻_r Σ_(q ≤ r) h⁺_q, histograms of similarities", "Ustinova & Lempitsky, NIPS 2016", "O(B·R·D)"},
     options_of<HistogramLossOptions>},
    {"HistogramLoss", make<HistogramLoss, pml_histogram>, alias_of("histogram"), options_of<pml_histogram>},
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
    {"SmoothAPLoss", make<SmoothApLoss, pml_smooth_ap>, alias_of("smooth_ap"), options_of<pml_smooth_ap>},
    {"pnp",
     make<PnpLoss, PnpLossOptions>,
     {"reduce_a 1/N⁺ Σ_p f(R_ap), R_ap = Σ_n σ((s_an − s_ap)/τ)", "Li et al., AAAI 2022", "O(P·R + B·R·D)"},
     options_of<PnpLossOptions>},
    {"PNPLoss", make<PnpLoss, pml_pnp>, alias_of("pnp"), options_of<pml_pnp>},
    {"recall_surrogate",
     make<RecallSurrogateLoss, RecallSurrogateLossOptions>,
     {"reduce_a mean_k 1 − min(Σ_p σ((k − r_ap)/τ₁), k) / min(k, N⁺), r soft ranks", "Patel et al., CVPR 2022", "O(P·R + B·R·D)"},
     options_of<RecallSurrogateLossOptions>},
    {"manifold",
     make_manifold,
     {"w_I ℓ(F_xk) + λ_C ℓ(cos(F_x, F_k)), F = (1 − α)(I − α S̄)⁻¹", "Aziere & Todorovic, CVPR 2019", "O((B + K)³)"},
     options_of<ManifoldLossOptions>},
    {"ManifoldLoss", make_manifold, alias_of("manifold"), options_of<ManifoldLossOptions>},
    {"vicreg",
     make<VicregLoss, VicregLossOptions>,
     {"λ mean (z − z′)² + μ/2 [v(z) + v(z′)] + ν [c(z) + c(z′)]", "Bardes et al., ICLR 2022", "O(B·D²)"},
     options_of<VicregLossOptions>},
    {"VICRegLoss", make<VicregLoss, VicregLossOptions>, alias_of("vicreg"), options_of<VicregLossOptions>},

    {"proxynca",
     make<ProxyNcaLoss, ProxyNcaLossOptions>,
     {"s D_iy + log Σ_(c ≠ y) exp(−s D_ic)", "Movshovitz-Attias et al., ICCV 2017", "O(B·C·D)"},
     options_of<ProxyNcaLossOptions>},
    {"proxynca_plus_plus", make<ProxyNcaLoss, proxynca_plus_plus>, alias_of("proxynca"), options_of<proxynca_plus_plus>},
    {"ProxyNCALoss", make<ProxyNcaLoss, pml_proxynca>, alias_of("proxynca"), options_of<pml_proxynca>},
    {"proxy_anchor",
     make<ProxyAnchorLoss, ProxyAnchorLossOptions>,
     {"log(1 + Σ_i exp(−α⁺(s_iy − δ⁺))) + log(1 + Σ_i exp(α⁻(s_ic − δ⁻))) for each proxy", "Kim et al., CVPR 2020", "O(B·C·D)"},
     options_of<ProxyAnchorLossOptions>},
    {"oproxy", make<ProxyAnchorLoss, ProxyAnchorLossOptions>, alias_of("proxy_anchor"), options_of<ProxyAnchorLossOptions>},
    {"ProxyAnchorLoss", make<ProxyAnchorLoss, pml_proxy_anchor>, alias_of("proxy_anchor"), options_of<pml_proxy_anchor>},
    {"softtriplet",
     make<SoftTripletLoss, SoftTripletLossOptions>,
     {"−log softmax_c λ(S_ic − δ[c = y]) + τ · distances of a class's centres", "Qian et al., ICCV 2019", "O(B·C·K·D)"},
     options_of<SoftTripletLossOptions>},
    {"SoftTripleLoss", make<SoftTripletLoss, pml_softtriple>, alias_of("softtriplet"), options_of<pml_softtriple>},
    {"softmax",
     make<SoftmaxLoss, SoftmaxLossOptions>,
     {"−log softmax_c (x·w_c / ‖w_c‖ / T)", "Zhai and Wu, BMVC 2019", "O(B·C·D)"},
     options_of<SoftmaxLossOptions>},
    {"NormalizedSoftmaxLoss", make<SoftmaxLoss, pml_softmax>, alias_of("softmax"), options_of<pml_softmax>},
    {"arcface",
     make<ArcFaceLoss, ArcFaceLossOptions>,
     {"−log softmax_c s cos(θ_ic + m[c = y])", "Deng et al., CVPR 2019", "O(B·C·D)"},
     options_of<ArcFaceLossOptions>},
    {"ArcFaceLoss", make<ArcFaceLoss, pml_arcface>, alias_of("arcface"), options_of<pml_arcface>},
    {"subcenter_arcface",
     make<ArcFaceLoss, subcenter_arcface>,
     {"−log softmax_c s cos(min_k θ_ick + m[c = y])", "Deng et al., ECCV 2020", "O(B·C·K·D)"},
     options_of<subcenter_arcface>},
    {"SubCenterArcFaceLoss", make<ArcFaceLoss, pml_subcenter_arcface>, alias_of("subcenter_arcface"),
     options_of<pml_subcenter_arcface>},
    {"cosface",
     make<CosFaceLoss, CosFaceLossOptions>,
     {"−log softmax_c s(cos θ_ic − m[c = y])", "Wang et al., CVPR 2018", "O(B·C·D)"},
     options_of<CosFaceLossOptions>},
    {"CosFaceLoss", make<CosFaceLoss, pml_cosface>, alias_of("cosface"), options_of<pml_cosface>},
    {"large_margin_softmax",
     make<LargeMarginSoftmaxLoss, LargeMarginSoftmaxLossOptions>,
     {"−log softmax_c s ‖x‖‖w_c‖ ψ_m(θ_ic) for c = y, cos θ_ic otherwise", "Liu et al., ICML 2016", "O(B·C·D)"},
     options_of<LargeMarginSoftmaxLossOptions>},
    {"LargeMarginSoftmaxLoss", make<LargeMarginSoftmaxLoss, LargeMarginSoftmaxLossOptions>, alias_of("large_margin_softmax"),
     options_of<LargeMarginSoftmaxLossOptions>},
    {"sphereface",
     make<LargeMarginSoftmaxLoss, sphereface>,
     {"−log softmax_c s ‖x‖ ψ_m(θ_ic) for c = y, cos θ_ic otherwise", "Liu et al., CVPR 2017", "O(B·C·D)"},
     options_of<sphereface>},
    {"SphereFaceLoss", make<LargeMarginSoftmaxLoss, sphereface>, alias_of("sphereface"), options_of<sphereface>},
    {"p2sgrad",
     make<P2SGradLoss, P2SGradLossOptions>,
     {"Σ_c (cos θ_ic − [c = y])² / C", "Zhang et al., CVPR 2019", "O(B·C·D)"},
     options_of<P2SGradLossOptions>},
    {"P2SGradLoss", make<P2SGradLoss, pml_p2sgrad>, alias_of("p2sgrad"), options_of<pml_p2sgrad>},
    {"instance",
     make<InstanceLoss, InstanceLossOptions>,
     {"−log Σ_(y_j = y_i) softmax_j γ cos θ_ij", "Zheng et al., TOMM 2020", "O(B·R·D)"},
     options_of<InstanceLossOptions>},
    {"InstanceLoss", make<InstanceLoss, pml_instance>, alias_of("instance"), options_of<pml_instance>},
};

}  // namespace

std::unique_ptr<Loss> make_loss(std::string_view name, const LossShape& shape, const std::string& options, Generator& generator) {
  for (const auto& line : losses) {
    if (name == line.name) return line.make(std::string(name), shape, options, generator);
  }
  if (auto wrapper = detail::make_wrapper(name, shape, options, generator)) return wrapper;
  auto known = loss_names();
  for (auto& wrapper : wrapper_names()) known.push_back(std::move(wrapper));
  detail::fail_unknown("make_loss", "name", name, known);
}

std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options) {
  Generator nothing_drawn;
  return make_loss(name, LossShape{.num_classes = num_classes}, options, nothing_drawn);
}

std::vector<std::string> loss_names() { return detail::names(losses); }

std::vector<Listing> loss_listings() { return detail::listings(losses); }

}  // namespace diva::inline v0_1
