#include <diva/core/json.hpp>
#include <diva/miners/angular.hpp>
#include <diva/miners/anticollapse.hpp>
#include <diva/miners/batch_easy_hard.hpp>
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/hard_aware.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/lifted.hpp>
#include <diva/miners/multi_similarity.hpp>
#include <diva/miners/npair.hpp>
#include <diva/miners/packaged_triplets.hpp>
#include <diva/miners/pair_margin.hpp>
#include <diva/miners/parametric.hpp>
#include <diva/miners/random_triplets.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/rho_distance.hpp>
#include <diva/miners/semihard.hpp>
#include <diva/miners/shared.hpp>
#include <diva/miners/softhard.hpp>
#include <diva/miners/triplet_margin.hpp>
#include <diva/miners/uniform_histogram.hpp>

#include <memory>

namespace diva::inline v0_1 {
namespace {

struct NoOptions {};
template <class Visitor>
void describe(NoOptions&, Visitor&&) {}

struct BatchHardOptions {
  DistanceOptions distance = {};
};
template <class Visitor>
void describe(BatchHardOptions& options, Visitor&& visit) {
  visit("distance", options.distance, "between the two of a pair", any_value);
}

// The functions of miners, in the one form that the registry calls.
Tuples everything(const Comparison&, Generator&, const NoOptions&) { return {}; }
Tuples mine_random(const Comparison& batch, Generator& generator, const NoOptions&) { return random_triplets(batch, generator); }
Tuples mine_softhard(const Comparison& batch, Generator& generator, const NoOptions&) {
  return softhard_triplets(batch, generator);
}
Tuples mine_lifted(const Comparison& batch, Generator&, const NoOptions&) { return lifted_pairs(batch); }
Tuples mine_packaged(const Comparison& batch, Generator&, const NoOptions&) { return packaged_triplets(batch); }
Tuples mine_hard_aware(const Comparison& batch, const HardAwareOptions& options) { return hard_aware_pairs(batch, options); }
Tuples mine_batch_hard(const Comparison& batch, const BatchHardOptions& options) {
  return batch_hard_triplets(batch, options.distance);
}

using Factory = Miner (*)(const std::string& name, const std::string& options);

// What a name's options are before its JSON: `preset` returns them.
template <auto preset, auto mine>
Miner make(const std::string& name, const std::string& text) {
  auto options = preset();
  from_json(parse_json(text, "miner " + name), options, "miner " + name);
  if constexpr (std::invocable<decltype(mine), const Comparison&, Generator&, decltype(options)>) {
    return [options](const Comparison& batch, Generator& generator) -> Tuples { return mine(batch, generator, options); };
  } else {
    return [options](const Comparison& batch, Generator&) -> Tuples { return mine(batch, options); };
  }
}

template <auto preset>
Miner make_parametric(const std::string& name, const std::string& text) {
  auto options = preset();
  from_json(parse_json(text, "miner " + name), options, "miner " + name);
  return [miner = std::make_shared<const ParametricMiner>(options)](const Comparison& batch, Generator& generator) -> Tuples {
    return (*miner)(batch, generator);
  };
}

template <class Options>
Options standard() {
  return {};
}

using detail::options_of;

// pytorch-metric-learning normalises embeddings before it measures.
constexpr DistanceOptions unit_rows{.normalize = true};

DistanceWeightedOptions pml_distance_weighted() { return {.upper_cutoff = 1.4, .variant = Variant::pml}; }
PairMarginMinerOptions pml_pair_margin() { return {.distance = unit_rows}; }
TripletMarginMinerOptions pml_triplet_margin() { return {.distance = unit_rows}; }
BatchEasyHardOptions pml_batch_easy_hard() { return {.distance = unit_rows}; }
BatchHardOptions pml_batch_hard() { return {.distance = unit_rows}; }
HardAwareOptions pml_hard_aware() { return {.distance = unit_rows}; }
UniformHistogramOptions pml_uniform_histogram() { return {.distance = unit_rows}; }
SharedOptions shared_standard() { return {.sharing = Sharing::standard}; }
SharedOptions shared_full() { return {.sharing = Sharing::full}; }
AnticollapseOptions anticollapse_semihard() { return {.kind = Anticollapse::semihard}; }
ParametricMinerOptions pads() { return {.include_positives = true, .include_anchor = true}; }

constexpr detail::RegistryLine<Factory> miners[] = {
    {"all",
     make<standard<NoOptions>, everything>,
     {"nothing chosen: all that the labels or the relation allow", "", "O(1)"},
     options_of<NoOptions>},
    {"random", make<standard<NoOptions>, mine_random>, {"p, n uniform", "the DiVA code", "O(B²)"}, options_of<NoOptions>},
    {"semihard",
     make<standard<SemihardOptions>, semihard_triplets>,
     {"p uniform, n uniform in D_ap < D_an < D_ap + m", "Schroff et al., CVPR 2015", "O(B²·D)"},
     options_of<SemihardOptions>},
    {"softhard",
     make<standard<NoOptions>, mine_softhard>,
     {"p uniform in D_ap > min_n D_an, n uniform in D_an < max_p D_ap", "Roth et al., ICML 2020", "O(B²·D)"},
     options_of<NoOptions>},
    {"distance_weighted",
     make<standard<DistanceWeightedOptions>, distance_weighted_triplets>,
     {"p uniform, P(n) ∝ 1/q(max(D_an, λ))", "Wu et al., ICCV 2017", "O(B²·D)"},
     options_of<DistanceWeightedOptions>},
    {"rho_distance",
     make<standard<RhoDistanceOptions>, rho_distance_triplets>,
     {"distance_weighted; with chance p_ρ (a, a, p)", "Roth et al., ICML 2020", "O(B²·D)"},
     options_of<RhoDistanceOptions>},
    {"anticollapse_distance",
     make<standard<AnticollapseOptions>, anticollapse_triplets>,
     {"p uniform, P(n) ∝ 1/q(max(D_an, λ)) over all n ≠ a", "the DiVA code", "O(B²·D)"},
     options_of<AnticollapseOptions>},
    {"anticollapse_semihard",
     make<anticollapse_semihard, anticollapse_triplets>,
     {"p as softhard; n uniform in hard negatives and hard positives", "the DiVA code", "O(B²·D)"},
     options_of<anticollapse_semihard>},
    {"parametric",
     make_parametric<standard<ParametricMinerOptions>>,
     {"p uniform, P(n) ∝ w_k, k = bin of D_an", "Roth et al., CVPR 2020 (PADS)", "O(B²·D)"},
     options_of<ParametricMinerOptions>},
    {"npair",
     make<standard<NpairMinerOptions>, npair_pairs>,
     {"p uniform, all n", "Sohn, NIPS 2016", "O(B²)"},
     options_of<NpairMinerOptions>},
    {"lifted",
     make<standard<NoOptions>, mine_lifted>,
     {"all p, all n of anchors with a positive", "Oh Song et al., CVPR 2016", "O(B²)"},
     options_of<NoOptions>},
    {"shared",
     make<standard<SharedOptions>, shared_triplets>,
     {"random: distance_weighted of shuffled labels; standard, full: three classes", "Milbich, Roth et al., ECCV 2020", "O(B²·D)"},
     options_of<SharedOptions>},
    {"intra_class",
     make<standard<IntraClassOptions>, intra_class_triplets>,
     {"a, p, n uniform in one class", "Milbich, Roth et al., ECCV 2020", "O(B²)"},
     options_of<IntraClassOptions>},
    {"pair_margin",
     make<standard<PairMarginMinerOptions>, pair_margin_pairs>,
     {"D_ap > m_pos, D_an < m_neg", "pytorch-metric-learning", "O(B²·D)"},
     options_of<PairMarginMinerOptions>},
    {"multi_similarity",
     make<standard<MultiSimilarityMinerOptions>, multi_similarity_pairs>,
     {"D_ap + ε > min_n D_an, D_an − ε < max_p D_ap", "Wang et al., CVPR 2019", "O(B²·D)"},
     options_of<MultiSimilarityMinerOptions>},
    {"batch_easy_hard",
     make<standard<BatchEasyHardOptions>, batch_easy_hard_pairs>,
     {"one p and one n an anchor: hard, semihard or easy", "Xuan et al., WACV 2020", "O(B²·D)"},
     options_of<BatchEasyHardOptions>},
    {"batch_hard",
     make<standard<BatchHardOptions>, mine_batch_hard>,
     {"argmax_p D_ap, argmin_n D_an", "Hermans et al., 2017", "O(B²·D)"},
     options_of<BatchHardOptions>},
    {"hard_aware",
     make<standard<HardAwareOptions>, mine_hard_aware>,
     {"the hardest share of all positive and of all negative pairs", "Yuan et al., ICCV 2017", "O(B²·(D + log B))"},
     options_of<HardAwareOptions>},
    {"uniform_histogram",
     make<standard<UniformHistogramOptions>, uniform_histogram_pairs>,
     {"equally many pairs of each bin of distances", "pytorch-metric-learning", "O(B²·(D + log B))"},
     options_of<UniformHistogramOptions>},
    {"triplet_margin",
     make<standard<TripletMarginMinerOptions>, triplet_margin_triplets>,
     {"all triplets with D_an − D_ap ≤ m, or one kind of them", "Schroff et al., CVPR 2015", "O(B²·D + pairs·B)"},
     options_of<TripletMarginMinerOptions>},
    {"angular",
     make<standard<AngularMinerOptions>, angular_triplets>,
     {"all triplets with arctan(D_ap / 2‖n − (a + p)/2‖) > α", "Wang et al., ICCV 2017", "O(pairs·B·D)"},
     options_of<AngularMinerOptions>},
    {"packaged_triplets",
     make<standard<NoOptions>, mine_packaged>,
     {"rows 3i, 3i + 1, 3i + 2", "pytorch-metric-learning", "O(B)"},
     options_of<NoOptions>},
    // Names of the DiVA and Revisiting codes.
    {"distance", make<standard<DistanceWeightedOptions>, distance_weighted_triplets>, alias_of("distance_weighted"),
     options_of<DistanceWeightedOptions>},
    {"random_distance", make<standard<SharedOptions>, shared_triplets>, alias_of("shared"), options_of<SharedOptions>},
    {"shared_neg_distance", make<shared_standard, shared_triplets>, alias_of("shared"), options_of<shared_standard>},
    {"shared_full_distance", make<shared_full, shared_triplets>, alias_of("shared"), options_of<shared_full>},
    {"intra_random", make<standard<IntraClassOptions>, intra_class_triplets>, alias_of("intra_class"),
     options_of<IntraClassOptions>},
    {"anticollapse_cdistance", make<standard<RhoDistanceOptions>, rho_distance_triplets>, alias_of("rho_distance"),
     options_of<RhoDistanceOptions>},
    {"pads", make_parametric<pads>, alias_of("parametric"), options_of<pads>},
    // Names of pytorch-metric-learning, with its defaults.
    {"AngularMiner", make<standard<AngularMinerOptions>, angular_triplets>, alias_of("angular"), options_of<AngularMinerOptions>},
    {"BatchEasyHardMiner", make<pml_batch_easy_hard, batch_easy_hard_pairs>, alias_of("batch_easy_hard"),
     options_of<pml_batch_easy_hard>},
    {"BatchHardMiner", make<pml_batch_hard, mine_batch_hard>, alias_of("batch_hard"), options_of<pml_batch_hard>},
    {"DistanceWeightedMiner", make<pml_distance_weighted, distance_weighted_triplets>, alias_of("distance_weighted"),
     options_of<pml_distance_weighted>},
    {"EmbeddingsAlreadyPackagedAsTriplets", make<standard<NoOptions>, mine_packaged>, alias_of("packaged_triplets"),
     options_of<NoOptions>},
    {"HDCMiner", make<pml_hard_aware, mine_hard_aware>, alias_of("hard_aware"), options_of<pml_hard_aware>},
    {"MultiSimilarityMiner", make<standard<MultiSimilarityMinerOptions>, multi_similarity_pairs>, alias_of("multi_similarity"),
     options_of<MultiSimilarityMinerOptions>},
    {"PairMarginMiner", make<pml_pair_margin, pair_margin_pairs>, alias_of("pair_margin"), options_of<pml_pair_margin>},
    {"TripletMarginMiner", make<pml_triplet_margin, triplet_margin_triplets>, alias_of("triplet_margin"),
     options_of<pml_triplet_margin>},
    {"UniformHistogramMiner", make<pml_uniform_histogram, uniform_histogram_pairs>, alias_of("uniform_histogram"),
     options_of<pml_uniform_histogram>},
};

}  // namespace

Miner make_miner(std::string_view name, const std::string& options) {
  return detail::find_line("make_miner", name, miners).make(std::string(name), options);
}

std::vector<std::string> miner_names() { return detail::names(miners); }

std::vector<Listing> miner_listings() { return detail::listings(miners); }

}  // namespace diva::inline v0_1
