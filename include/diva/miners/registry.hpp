#pragma once

#include <diva/core/generator.hpp>
#include <diva/miners/tuples.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace diva {

/// Any miner with its options bound: embeddings [B, D], labels [B] int64 on the same device -> triplets.
using Miner = std::function<Triplets(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator)>;

/// Makes a miner by its name, with options as a JSON object: `make_miner("distance_weighted", R"({"lower_cutoff": 0.4})")`.
/// The seed's names are known too: distance, random_distance, shared_neg_distance, shared_full_distance, intra_random.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
Miner make_miner(std::string_view name, const std::string& options = "{}");

/// Names that make_miner takes, the library's own first.
std::vector<std::string> miner_names();

}  // namespace diva
