#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/module.hpp>

#include <map>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// The embeddings of one batch, [B, embed_dim] each, by the name of their head.
using Embeddings = std::map<std::string, torch::Tensor>;

/// Several linear embedding heads on the pooled features of one backbone.
///
///   φ_h(x) = normalise( W_h f(x) + b_h )
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, section 3.3. Reference: the seed's architectures/multifeature_*.py.
/// Shapes:  features [B, feature_dim] -> for each head [B, embed_dim], L2-normalised (a row of zeros stays zero).
/// Cost:    O(B·feature_dim·embed_dim·heads). Gradient reaches features, W and b.
class Heads : public Module {
 public:
  /// W and b are drawn uniformly in ±1/√feature_dim, as torch's Linear draws them.
  Heads(std::vector<std::string> names, std::int64_t feature_dim, std::int64_t embed_dim, Generator& initialisation);

  [[nodiscard]] Embeddings forward(const torch::Tensor& features) const;
  /// Only the head of that name; OptionError when there is none.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& features, const std::string& name) const;

  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::int64_t embed_dim() const { return embed_dim_; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  /// The same heads with copied parameters, for a momentum network.
  [[nodiscard]] Heads clone() const;

 private:
  [[nodiscard]] torch::Tensor project(const torch::Tensor& features, std::size_t head) const;

  std::vector<std::string> names_;
  std::int64_t embed_dim_;
  std::vector<torch::Tensor> weights_;
  std::vector<torch::Tensor> biases_;
};

}  // namespace diva::inline v0_1
