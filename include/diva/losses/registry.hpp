#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/listing.hpp>
#include <diva/losses/loss.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// What a criterion must know beside its options.
struct LossShape {
  std::int64_t num_classes = 0;  ///< Of the training labels; 0 where no criterion of classes is made.
  std::int64_t embed_dim = 0;    ///< D, for those with proxies; 0 where none is made.
};

/// Makes a criterion by its name, with options as a JSON object:
/// `make_loss("proxynca", {.num_classes = 100, .embed_dim = 128}, R"({"scale": 1})", generator)`. Proxies are drawn from
/// `generator`, and so is a generator for those that draw triplets; others draw nothing. Criteria around other criteria
/// (wrappers.hpp) are made by the same function.
///
/// Throws: OptionError for an unknown name or option, with the nearest known one, for values out of range, and for a shape that the
///         criterion cannot be made with.
std::unique_ptr<Loss> make_loss(std::string_view name, const LossShape& shape, const std::string& options, Generator& generator);

/// The same for criteria that draw nothing: `make_loss("margin", num_classes, R"({"boundary": 0.6})")`.
std::unique_ptr<Loss> make_loss(std::string_view name, std::int64_t num_classes, const std::string& options = "{}");

/// The names that make_loss takes, without those of wrappers.
std::vector<std::string> loss_names();

/// The names with formula, source, cost and options, for documentation.
std::vector<Listing> loss_listings();

}  // namespace diva::inline v0_1
