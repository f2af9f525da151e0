#pragma once

#include <diva/core/listing.hpp>
#include <diva/samplers/batch_matching_sampler.hpp>
#include <diva/samplers/hard_mining_sampler.hpp>
#include <diva/samplers/sampler.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// What samplers may know of the training data.
struct SamplerData {
  std::vector<std::int64_t> labels;           ///< Of all samples, any integers.
  std::vector<std::int64_t> categories = {};  ///< Of all samples, for those that choose by categories.
  BatchCriterion criterion = {};              ///< For criterion_batchmatch.
  SampleHardness hardness = {};               ///< For hard_mining.
};

/// A sampler by name, as a recipe has it.
struct SamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;  ///< Read by the samplers that have it.
  std::string name = "class_random";   ///< A name that make_sampler takes.
  std::string options = "{}";          ///< JSON, its other options.
};

template <class Visitor>
void describe(SamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch, where the sampler has it", at_least(1));
  visit("name", options.name, "which sampler", any_value);
  visit("options", options.options, "its other options, JSON", any_value);
}

/// Makes a sampler by its name, with options as a JSON object: `make_sampler("fid_batchmatch", {labels}, R"({"pool_size": 256})",
/// generator)`. The names are those of the DiVA code's `--data_sampler`, and those of ours that it does not have; classes of
/// pytorch-metric-learning and open-metric-learning are known by their names too.
///
/// Throws:  OptionError for an unknown name or option, with the nearest known one; what the sampler throws, DataError where it
///          needs categories that are not given.
std::unique_ptr<Sampler> make_sampler(std::string_view name, const SamplerData& data, const std::string& options,
                                      Generator generator);

/// The same from a recipe. Options that the JSON names count before batch_size and samples_per_class.
std::unique_ptr<Sampler> make_sampler(const SamplerOptions& options, const SamplerData& data, Generator generator);

/// The names that make_sampler takes, the library's own first.
std::vector<std::string> sampler_names();

/// The names with what they draw, source, cost and options, for documentation.
std::vector<Listing> sampler_listings();

}  // namespace diva::inline v0_1
