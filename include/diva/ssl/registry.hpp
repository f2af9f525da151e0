#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/listing.hpp>
#include <diva/ssl/pretext_classifier.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// Makes a self-similarity criterion by its name (moco, dance; the seed's fast_moco is dance), with options as a JSON object.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
std::unique_ptr<SelfSimilarityLoss> make_self_similarity(std::string_view name, const std::string& options = "{}");

/// The names that make_self_similarity takes.
std::vector<std::string> self_similarity_names();

/// Makes a classifier of labels that come from the data by its name (dc, imrot).
///
/// Throws: as make_self_similarity; OptionError for feature_dim < 1.
std::unique_ptr<PretextClassifier> make_pretext_classifier(std::string_view name, std::int64_t feature_dim,
                                                           Generator& initialisation, const std::string& options = "{}");

/// The names that make_pretext_classifier takes.
std::vector<std::string> pretext_classifier_names();

/// All self-supervised tasks: those of the two registries above, and invariantspread, which is InvariantSpreadLoss.
std::vector<std::string> ssl_names();

/// The same with formula, source, cost and options, for documentation.
std::vector<Listing> ssl_listings();

}  // namespace diva::inline v0_1
