#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/listing.hpp>
#include <diva/core/module.hpp>
#include <diva/core/options.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// One direction a→b of decorrelation: a network predicts head `target` from head `source`.
struct DecorrelationEdge {
  std::string source;
  std::string target;
  double weight = 1500;  ///< ρ; ≥ 0. The published runs use 100 to 1500, since the mean over dimensions makes the term small.

  [[nodiscard]] std::string name() const { return source + "-" + target; }
};

/// Reads the seed's `source-target`; OptionError when it is not of that form.
DecorrelationEdge parse_edge(std::string_view text, double weight);

/// What the seed decorrelates for these heads: with four, each other head with the first of them that is `discriminative`.
///
/// Differs: the seed overwrites or clears the user's list by the number of heads (FIELD B20); here this is only a default, every
///          auxiliary head against `discriminative`, for any number of heads.
std::vector<DecorrelationEdge> default_edges(const std::vector<std::string>& heads, double weight);

struct AdversarialSeparationOptions {
  std::int64_t hidden_dim = 512;  ///< Hidden units of each edge's network; the seed's `--diva_decorrnet_dim`.
  double learning_rate = 1e-5;    ///< Of the networks; the seed's `--diva_decorrnet_lr`.
};

template <class Visitor>
void describe(AdversarialSeparationOptions& options, Visitor&& visit) {
  visit("hidden_dim", options.hidden_dim, "hidden units of each edge's network", at_least(1));
  visit("learning_rate", options.learning_rate, "learning rate of the networks", non_negative);
}

/// Heads that cannot be predicted from each other. For each edge a two-layer network maps head a into head b's space and is trained
/// to agree with it; the gradients that reach both heads are reversed, so they learn to disagree.
///
///   L = − Σ_(a→b) ρ_ab · mean_(batch, dimension) ( n(ψ_b) ⊙ n(MLP_ab(n(ψ_a))) )²,
///   ψ = gradient_reversal(φ),   n = L2 normalisation
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, section 3.3, after MIC (Roth, Brattoli, Ommer, ICCV 2019).
///          Reference: the seed's criteria/adversarial_separation.py.
/// Differs: the paper writes a squared norm of the product, the code takes the mean over the dimensions; so do we, since the
///          published ρ belong to it. The seed pairs edges with a list of ρ by zip and drops the rest (FIELD B19); here each edge
///          has its own.
/// Shapes:  embeddings [B, D] a head -> scalar ≤ 0.
/// Edge:    empty batch: 0. Rows of zeros contribute 0.
/// Cost:    O(B·D·hidden) an edge. Gradient reaches the networks, and reversed the heads.
class AdversarialSeparation : public Module {
 public:
  /// Weights are drawn uniformly in ±1/√fan_in, as torch's Linear draws them.
  AdversarialSeparation(std::vector<DecorrelationEdge> edges, std::int64_t embed_dim, Generator& initialisation,
                        const AdversarialSeparationOptions& options = {});

  /// Throws OptionError when a head of an edge is missing, ShapeError when its dimension differs.
  [[nodiscard]] torch::Tensor forward(const std::map<std::string, torch::Tensor>& embeddings) const;

  [[nodiscard]] const std::vector<DecorrelationEdge>& edges() const { return edges_; }
  [[nodiscard]] double learning_rate() const { return learning_rate_; }
  /// Named as in the seed: `regressors.a-b.0.weight`, `….0.bias`, `….2.weight`, `….2.bias`.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;

 private:
  struct Regressor {
    torch::Tensor weight0, bias0, weight2, bias2;
  };

  std::vector<DecorrelationEdge> edges_;
  std::vector<Regressor> regressors_;
  std::int64_t embed_dim_;
  double learning_rate_;
};

/// What decorrelates heads, for documentation.
std::vector<Listing> decorrelation_listings();

}  // namespace diva::inline v0_1
