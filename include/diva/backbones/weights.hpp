#pragma once

#include <diva/backbones/backbone.hpp>
#include <diva/core/state.hpp>

#include <string>
#include <vector>

namespace diva {

/// What load_weights found, each list in the order of names.
struct WeightReport {
  std::vector<std::string> missing;     ///< Tensors of the backbone that the state lacks; they kept their values.
  std::vector<std::string> unexpected;  ///< Entries of the state that the backbone does not know; they were not used.
  std::vector<std::string>
      mismatched;  ///< Of another shape, "conv1.weight: [64, 1, 7, 7] … here, [64, 3, 7, 7] … there"; not copied.

  /// Every tensor of the backbone was set, and nothing was left over.
  [[nodiscard]] bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
};

/// Options of load_weights.
struct WeightOptions {
  std::string prefix;  ///< Only entries whose name starts with it are looked at, by the rest of their name: "module.", "backbone.".
};

template <class Visitor>
void describe(WeightOptions& options, Visitor&& visit) {
  visit("prefix", options.prefix, "part of the names before those of the backbone");
}

/// Copies the tensors of another library's state into the backbone, by name, converting their type.
///
/// Two kinds of entries of torchvision's files have no counterpart here and are passed over without a word: the classifier `fc.*`
/// and `*.num_batches_tracked`. Everything else that does not fit is in the report; the caller decides whether that is an error.
/// For checkpoints of this library, which must fit exactly, use `Backbone::restore`.
[[nodiscard]] WeightReport load_weights(Backbone& backbone, const State& state, const WeightOptions& options = {});

}  // namespace diva
