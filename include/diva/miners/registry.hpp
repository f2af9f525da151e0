#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/listing.hpp>
#include <diva/miners/comparison.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// Any miner with its options bound: a batch, perhaps with a reference and a relation -> triplets or pairs. Miners that draw
/// nothing leave the generator as it is.
using Miner = std::function<Tuples(const Comparison& comparison, Generator& generator)>;

/// Makes a miner by its name, with options as a JSON object: `make_miner("distance_weighted", R"({"lower_cutoff": 0.4})")`.
/// The names of the DiVA and Revisiting codes (distance, random_distance, shared_neg_distance, …) and pytorch-metric-learning's
/// classes (TripletMarginMiner, …) are known too, with their defaults. The seed's `semihard` is `softhard` here.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
Miner make_miner(std::string_view name, const std::string& options = "{}");

/// Names that make_miner takes, the library's own first.
std::vector<std::string> miner_names();

/// The names with what they choose, source, cost and options, for documentation.
std::vector<Listing> miner_listings();

}  // namespace diva::inline v0_1
