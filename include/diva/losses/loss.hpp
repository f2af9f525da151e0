#pragma once

#include <torch/types.h>
#include <diva/core/module.hpp>
#include <diva/miners/tuples.hpp>

#include <optional>
#include <string_view>

namespace diva {

/// A criterion.
class Loss : public Module {
 public:
  /// The loss of a batch.
  ///
  /// Shapes:  embeddings [B, D] floating point, labels [B] int64 on the same device, tuples of indices into the batch -> scalar of
  /// the
  ///          embeddings' type, float32 at least: half and bfloat16 are computed and returned in float32.
  /// Edge:    nothing selected, or an empty batch: 0, with a gradient of zeros. Identical and opposite embeddings: finite value and
  ///          gradient. NaN in the embeddings passes on to the value, so that the training loop can name the batch.
  /// Cost:    without tuples, all that the labels allow are used (`all_triplets`, `all_pairs`): O(T·D) time and memory.
  /// Throws:  ShapeError (shapes, types, devices), DataError (labels or indices out of range; values are read on the CPU only),
  ///          OptionError when the criterion cannot use this kind of tuple.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                      const Tuples& tuples = {}) const;

  /// The name under which the registry makes it.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// The learning rate that its parameters want, where it is not that of the network.
  [[nodiscard]] virtual std::optional<double> learning_rate() const { return std::nullopt; }

 private:
  /// The value for checked arguments; embeddings are float32 or float64.
  [[nodiscard]] virtual torch::Tensor compute(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                              const Tuples& tuples) const = 0;
  /// Labels must lie in [0, num_classes()); -1 when any label will do.
  [[nodiscard]] virtual std::int64_t num_classes() const { return -1; }
};

namespace detail {

/// The tuples as triplets: given ones, or all of the batch. Pairs cannot be turned into triplets: OptionError.
Triplets as_triplets(std::string_view function, const Tuples& tuples, const torch::Tensor& labels);

/// The tuples as pairs: given ones, all of the batch, or of each triplet its positive and its negative pair.
Pairs as_pairs(const Tuples& tuples, const torch::Tensor& labels);

/// Σ values / max(count, 1): a mean that is 0 over nothing.
torch::Tensor mean_or_zero(const torch::Tensor& values, const torch::Tensor& count);
torch::Tensor mean_or_zero(const torch::Tensor& values);

}  // namespace detail
}  // namespace diva
