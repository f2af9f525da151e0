#pragma once

#include <diva/ssl/self_similarity_loss.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva {

/// Makes a self-similarity criterion by its name (moco, dance; the seed's fast_moco is dance), with options as a JSON object.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
std::unique_ptr<SelfSimilarityLoss> make_self_similarity(std::string_view name, const std::string& options = "{}");

/// The names that make_self_similarity takes.
std::vector<std::string> self_similarity_names();

}  // namespace diva
