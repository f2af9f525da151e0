#pragma once

#include <diva/backbones/backbone.hpp>
#include <diva/core/state.hpp>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// What load_weights found, each list in the order of names.
struct WeightReport {
  std::string prefix;                   ///< What stood before the backbone's names in the state.
  std::vector<std::string> loaded;      ///< Tensors of the backbone that were set.
  std::vector<std::string> missing;     ///< Tensors of the backbone that the state lacks; they kept their values.
  std::vector<std::string> unexpected;  ///< Entries of the state that the backbone does not know; they were not used.
  std::vector<std::string>
      mismatched;  ///< Of another shape, "conv1.weight: [64, 1, 7, 7] … here, [64, 3, 7, 7] … there"; not copied.

  /// Every tensor of the backbone was set, and nothing was left over.
  [[nodiscard]] bool complete() const { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  /// Every tensor of the backbone was set.
  [[nodiscard]] bool whole() const { return missing.empty() && mismatched.empty(); }
  /// "159 tensors loaded; 2 missing: bn1.bias, bn1.weight; …", at most a few names of each list.
  [[nodiscard]] std::string text() const;
};

/// Options of load_weights.
struct WeightOptions {
  std::string prefix;  ///< Part of the names before the backbone's, such as "backbone."; empty: the one that fits most names.
};

template <class Visitor>
void describe(WeightOptions& options, Visitor&& visit) {
  visit("prefix", options.prefix, "part of the names before those of the backbone; empty: found");
}

/// Copies the tensors of another library's state into the backbone, by name, converting their type.
///
/// Names are those of torchvision, timm, pretrainedmodels, DINO, DINOv2 and of this library's own checkpoints, wherever in the
/// state they stand: behind "state_dict.", "model.", DataParallel's "module.", "teacher.backbone." and any other prefix that most
/// of them have in common. Entries elsewhere are not looked at. What differs from the names here is translated:
///
/// | from                | what                                                                                              |
/// |---------------------|---------------------------------------------------------------------------------------------------|
/// | torchvision's ViT   | class_token, conv_proj, encoder.pos_embedding, encoder.layers.encoder_layer_N.…, encoder.ln       |
/// | DINOv2              | register_tokens; blocks in chunks (blocks.0.N.…); where there are registers, the class token's     |
/// |                     | position is added to the class token                                                              |
/// | old batch norms     | pretrainedmodels' vectors of shape [1, C]                                                          |
///
/// Entries that other libraries have and no backbone here are passed over without a word: classifiers (`fc.`, `last_linear.`,
/// `head.`, `heads.`, `fc_norm.`, `aux1.`, `aux2.`), `mask_token` and `num_batches_tracked`. Everything else that does not fit is
/// in the report; the caller decides whether that is an error. For checkpoints of this library, which must fit exactly, use
/// `Backbone::restore`; to write weights that others read, `write_safetensors` or `write_torch_checkpoint` of `Backbone::state()`.
///
/// Edge:    a state without any of the names: everything is missing and nothing is changed. Of equally good prefixes the shortest.
/// Cost:    O(names·dots), and one copy of each tensor.
[[nodiscard]] WeightReport load_weights(Backbone& backbone, const State& state, const WeightOptions& options = {});

}  // namespace diva::inline v0_1
