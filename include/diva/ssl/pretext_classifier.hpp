#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <cstdint>
#include <string_view>

namespace diva::inline v0_1 {

struct PretextClassifierOptions {
  double learning_rate_factor = 10;  ///< The classifier learns this many times as fast as the network; ≥ 0. The seed's 10.
};

template <class Visitor>
void describe(PretextClassifierOptions& options, Visitor&& visit) {
  visit("learning_rate_factor", options.learning_rate_factor, "learning rate of the classifier over that of the network",
        non_negative);
}

/// A linear classifier on a backbone's features whose labels come from the data themselves: deep clusters, rotations.
///
///   L = 1/B Σ_i −log softmax_(y_i)( W f_i )
///
/// Reference: the seed's criteria/dc.py and criteria/imrot.py.
class PretextClassifier : public Module {
 public:
  /// Shapes:  features [B, F] floating point, labels [B] int64 in [0, classes), on one device -> scalar.
  /// Edge:    empty batch: 0, with a gradient of zeros. NaN passes on. Half and bfloat16 are computed in float32.
  /// Cost:    O(B·F·classes). Gradient reaches features and W.
  /// Throws:  ShapeError, DataError (labels out of range; values are read on the CPU only).
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& features, const torch::Tensor& labels) const;

  /// `classifier.weight` [classes, F].
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] double learning_rate_factor() const { return learning_rate_factor_; }
  [[nodiscard]] std::int64_t num_classes() const { return weight_.size(0); }
  [[nodiscard]] std::int64_t feature_dim() const { return weight_.size(1); }

 protected:
  /// W is drawn uniformly in ±1/√F, as torch's Linear draws it.
  PretextClassifier(std::string_view function, std::int64_t feature_dim, std::int64_t classes, Generator& initialisation,
                    const PretextClassifierOptions& options);

  /// Writes new weights into W.
  void set_weight(const torch::Tensor& weight);

 private:
  torch::Tensor weight_;
  double learning_rate_factor_;
};

}  // namespace diva::inline v0_1
