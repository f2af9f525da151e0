#pragma once

#include <diva/core/listing.hpp>
#include <diva/losses/loss.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva {

/// Makes a criterion by its name, with options as a JSON object: `make_loss("margin", num_classes, R"({"boundary": 0.6})")`.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, and for values out of range.
std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options = "{}");

/// The names that make_loss takes.
std::vector<std::string> loss_names();

/// The names with formula, source, cost and options, for documentation.
std::vector<Listing> loss_listings();

}  // namespace diva
