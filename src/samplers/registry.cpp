#include <diva/core/json.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/samplers/class_random_sampler.hpp>
#include <diva/samplers/coreset_sampler.hpp>
#include <diva/samplers/fixed_triplets_sampler.hpp>
#include <diva/samplers/full_random_sampler.hpp>
#include <diva/samplers/hierarchical_sampler.hpp>
#include <diva/samplers/m_per_class_sampler.hpp>
#include <diva/samplers/random_sampler.hpp>
#include <diva/samplers/registry.hpp>

namespace diva::inline v0_1 {
namespace {

// Samplers by their options, each with the part of the data that it takes.
auto build(const SamplerData& data, const ClassRandomSamplerOptions& options, Generator generator) {
  return std::make_unique<ClassRandomSampler>(data.labels, options, generator);
}
auto build(const SamplerData& data, const RandomSamplerOptions& options, Generator generator) {
  return std::make_unique<RandomSampler>(data.labels, options, generator);
}
auto build(const SamplerData& data, const FullRandomSamplerOptions& options, Generator generator) {
  return std::make_unique<FullRandomSampler>(std::ssize(data.labels), options, generator);
}
auto build(const SamplerData& data, const MPerClassSamplerOptions& options, Generator generator) {
  return std::make_unique<MPerClassSampler>(data.labels, options, generator);
}
auto build(const SamplerData& data, const CategorySamplerOptions& options, Generator generator) {
  return std::make_unique<CategorySampler>(data.labels, data.categories, options, generator);
}
auto build(const SamplerData& data, const HierarchicalSamplerOptions& options, Generator generator) {
  return std::make_unique<HierarchicalSampler>(data.labels, data.categories, options, generator);
}
auto build(const SamplerData& data, const FixedTripletsSamplerOptions& options, Generator generator) {
  return std::make_unique<FixedTripletsSampler>(data.labels, options, generator);
}
auto build(const SamplerData& data, const HardMiningSamplerOptions& options, Generator generator) {
  return std::make_unique<HardMiningSampler>(data.labels, data.hardness, options, generator);
}
auto build(const SamplerData& data, const BatchMatchingSamplerOptions& options, Generator generator) {
  return std::make_unique<BatchMatchingSampler>(data.labels, options, generator, data.criterion);
}
auto build(const SamplerData& data, const CoresetSamplerOptions& options, Generator generator) {
  return std::make_unique<CoresetSampler>(data.labels, options, generator);
}

// The sizes that a recipe gives to all samplers.
struct Shape {
  std::int64_t batch_size;
  std::int64_t samples_per_class;
};

using Factory = std::unique_ptr<Sampler> (*)(const std::string& name, const SamplerData& data, const Shape* shape,
                                             const std::string& options, Generator generator);

template <auto preset>
std::unique_ptr<Sampler> make(const std::string& name, const SamplerData& data, const Shape* shape, const std::string& text,
                              Generator generator) {
  auto options = preset();
  if (shape) {
    options.batch_size = shape->batch_size;
    if constexpr (requires { options.samples_per_class; }) options.samples_per_class = shape->samples_per_class;
  }
  from_json(parse_json(text, "sampler " + name), options, "sampler " + name);
  return build(data, options, generator);
}

template <class Options>
Options standard() {
  return {};
}

RandomSamplerOptions rrandom() { return {.positive = true}; }
CategorySamplerOptions distinct_category() { return {.choice = CategoryChoice::distinct}; }
template <BatchMatching matching>
BatchMatchingSamplerOptions matching_by() {
  return {.matching = matching};
}
template <Coreset coreset>
CoresetSamplerOptions coreset_by() {
  return {.coreset = coreset};
}

template <auto preset>
constexpr detail::RegistryLine<Factory> line(const char* name, Summary summary) {
  return {name, make<preset>, summary, detail::options_of<preset>};
}

constexpr auto diva_code = "the DiVA code";
constexpr detail::RegistryLine<Factory> samplers[] = {
    line<standard<ClassRandomSamplerOptions>>("class_random",
                                              {"m classes, n samples of each, dealt from shuffled decks", diva_code, "O(B)"}),
    line<standard<RandomSamplerOptions>>("random", {"a random class, then a random sample of it", diva_code, "O(B)"}),
    line<standard<FullRandomSamplerOptions>>("full_random", {"all samples in random order, each once an epoch", "", "O(B)"}),
    line<rrandom>("rrandom", {"random, and the last is a positive of another", diva_code, "O(B)"}),
    line<standard<MPerClassSamplerOptions>>("m_per_class", {"m classes, n samples of each, every sample at least once an epoch",
                                                            "pytorch-metric-learning", "O(B·log C)"}),
    line<standard<CategorySamplerOptions>>(
        "category", {"several categories, classes of each, n samples of each", "open-metric-learning", "O(B + categories)"}),
    line<distinct_category>("distinct_category",
                            {"category, with every class in an epoch", "open-metric-learning", "O(B + categories)"}),
    line<standard<HierarchicalSamplerOptions>>(
        "hierarchical", {"every choice of S categories makes equally many batches", "pytorch-metric-learning", "O(B)"}),
    line<standard<FixedTripletsSamplerOptions>>("fixed_triplets",
                                                {"the same triplets in every epoch, shuffled", "pytorch-metric-learning", "O(B)"}),
    line<standard<HardMiningSamplerOptions>>(
        "hard_mining", {"P(i) ∝ places of i in tuples mined from all samples before an epoch", "pytorch-metric-learning",
                        "that of the miner an epoch, O(N·log N) a batch"}),
    line<matching_by<BatchMatching::frechet>>(
        "fid_batchmatch", {"of several, the m samples nearest to a pool by Fréchet's distance; n − 1 others of each class",
                           diva_code, "O(P·D² + candidates·m·D·(D + m))"}),
    line<matching_by<BatchMatching::class_frechet>>(
        "spc_fid_batchmatch",
        {"of several batches, the nearest to a pool by Fréchet's distance", diva_code, "O(P·D² + candidates·B·D·(D + B))"}),
    line<matching_by<BatchMatching::distance_moments>>(
        "distmoment_batchmatch",
        {"of several batches, that whose features and distances have the pool's means and spreads", diva_code, "O(P²·D)"}),
    line<matching_by<BatchMatching::distance_histogram>>(
        "disthist_batchmatch", {"of several batches, that whose distances have the pool's histogram", diva_code, "O(P²·D)"}),
    line<matching_by<BatchMatching::criterion>>(
        "criterion_batchmatch", {"of several batches, that with the least loss", diva_code, "O(candidates · loss)"}),
    line<coreset_by<Coreset::greedy>>("greedy_coreset",
                                      {"m samples of a pool, each the farthest from those before; n − 1 others of each class",
                                       "Sinha et al., ICML 2020; the DiVA code", "O(P·m·D)"}),
    line<coreset_by<Coreset::full_greedy>>("full_greedy_coreset",
                                           {"B − 1 samples of a pool, each the farthest from those before, and a positive",
                                            "Sinha et al., ICML 2020; the DiVA code", "O(P·B·D)"}),
    line<coreset_by<Coreset::d2>>(
        "d2_coreset", {"m samples of a pool, P(i) ∝ N(x_i; μ, Σ)·(Σ_j |x_i − x_j|²)^λ; n − 1 others of each class", diva_code,
                       "O(P·D·(m + D) + D³)"}),
    // Names of other libraries.
    line<standard<MPerClassSamplerOptions>>("MPerClassSampler", alias_of("m_per_class")),
    line<standard<HierarchicalSamplerOptions>>("HierarchicalSampler", alias_of("hierarchical")),
    line<standard<FixedTripletsSamplerOptions>>("FixedSetOfTriplets", alias_of("fixed_triplets")),
    line<standard<HardMiningSamplerOptions>>("TuplesToWeightsSampler", alias_of("hard_mining")),
    line<standard<CategorySamplerOptions>>("CategoryBalanceSampler", alias_of("category")),
    line<distinct_category>("DistinctCategoryBalanceSampler", alias_of("distinct_category")),
};

}  // namespace

std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerData& data, const std::string& options,
                                      Generator generator) {
  return detail::find_line("make_sampler", name, samplers).make(std::string(name), data, nullptr, options, generator);
}

std::unique_ptr<Sampler> make_sampler(const SamplerOptions& options, const SamplerData& data, Generator generator) {
  validate_fields("make_sampler", options);
  const Shape shape{options.batch_size, options.samples_per_class};
  return detail::find_line("make_sampler", options.name, samplers).make(options.name, data, &shape, options.options, generator);
}

std::vector<std::string> sampler_names() { return detail::names(samplers); }

std::vector<Listing> sampler_listings() { return detail::listings(samplers); }

}  // namespace diva::inline v0_1
