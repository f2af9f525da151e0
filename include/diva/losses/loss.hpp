#pragma once

#include <torch/types.h>
#include <diva/core/module.hpp>
#include <diva/miners/comparison.hpp>

#include <functional>
#include <optional>
#include <string_view>

namespace diva::inline v0_1 {

/// A criterion.
class Loss : public Module {
 public:
  /// The loss of a batch.
  ///
  /// Shapes:  embeddings [B, D] floating point, labels [B] int64 on the same device, tuples of indices into the batch (positives
  ///          and negatives: into the reference where there is one) -> scalar of the embeddings' type, float32 at least: half and
  ///          bfloat16 are computed and returned in float32. With the reducer `none` one value an element. A Relation as tuples
  ///          replaces the comparison of labels, which may then be undefined unless the criterion has classes.
  /// Edge:    nothing selected, or an empty batch: 0, with a gradient of zeros. Identical and opposite embeddings: finite value and
  ///          gradient. NaN in the embeddings passes on to the value, so that the training loop can name the batch.
  /// Cost:    without tuples, all that the labels allow are used; see each criterion.
  /// Throws:  ShapeError (shapes, types, devices), DataError (labels or indices out of range; values are read on the CPU only),
  ///          OptionError when the criterion cannot use this kind of tuple, or a reference.
  torch::Tensor forward(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples = {},
                        const std::optional<Reference>& reference = {});

  /// The name under which the registry makes it.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The learning rate that its parameters want, where it is not that of the network.
  [[nodiscard]] virtual std::optional<double> learning_rate() const { return std::nullopt; }
  /// Whether the criterion is a function of what a miner chooses. One that is not compares with the whole batch or with proxies of
  /// its own: the training objective mines nothing for it, and it cannot train the heads shared and intra, which differ from the
  /// discriminative head by their tuples alone.
  [[nodiscard]] virtual bool takes_tuples() const { return true; }

 private:
  /// The value for checked arguments; embeddings are float32 or float64, those of the reference too; a Relation among the tuples is
  /// `comparison.relation`.
  virtual torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) = 0;
  /// Labels must lie in [0, num_classes()); -1 when any label will do.
  [[nodiscard]] virtual std::int64_t num_classes() const { return -1; }
  /// Whether the criterion compares with anything but the batch; proxies are its own and no reference.
  [[nodiscard]] virtual bool takes_reference() const { return true; }
  /// Whether labels must be given where there is no relation; a criterion that reads none sees one class a sample where they are
  /// not.
  [[nodiscard]] virtual bool needs_labels() const { return true; }
};

/// A miner with its options and its generator bound, as wrappers of criteria take it.
using TupleSource = std::function<Tuples(const Comparison& comparison)>;

namespace detail {

/// The tuples as triplets: given ones, or all of the comparison. Pairs cannot be turned into triplets: OptionError.
Triplets as_triplets(std::string_view function, const Comparison& comparison, const Tuples& tuples);

/// The tuples as pairs: given ones, all of the comparison, or of each triplet its positive and its negative pair.
Pairs as_pairs(const Comparison& comparison, const Tuples& tuples);

/// Σ values / max(count, 1): a mean that is 0 over nothing.
torch::Tensor mean_or_zero(const torch::Tensor& values, const torch::Tensor& count);
torch::Tensor mean_or_zero(const torch::Tensor& values);

}  // namespace detail
}  // namespace diva::inline v0_1
