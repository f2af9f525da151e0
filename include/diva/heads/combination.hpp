#pragma once

#include <diva/heads/heads.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1 {

/// Which heads are concatenated at test time, and with what weights.
struct Combination {
  std::vector<std::string> heads;
  std::vector<double> weights;  ///< One for each head, ≥ 0, not all 0.

  /// The seed's name: one head of weight 1 by its name, otherwise `Combined_a_b-0.5-1`.
  [[nodiscard]] std::string name() const;
  bool operator==(const Combination&) const = default;
};

/// Reads the seed's `--evaltypes` names: `discriminative`, `Combined_discriminative_shared-0.5-1`. Names of heads are matched
/// against `heads`, so they may hold underscores. Throws OptionError for an unknown head or a wrong number of weights.
Combination parse_combination(std::string_view name, const std::vector<std::string>& heads);

/// Each head's embedding (L2-normalised) times its weight, concatenated, L2-normalised.
///
///   φ = normalise( [ w_1 φ_1 … w_n φ_n ] ),   so ‖φ(x) − φ(y)‖² = Σ w_i² ‖φ_i(x) − φ_i(y)‖² / Σ w_i²
///
/// Source:  the seed's metrics/__init__.py (`Combined_`).
/// Shapes:  n tensors [B, D] -> [B, n·D].
/// Throws:  OptionError when a head is missing from `embeddings` or the weights do not fit.
torch::Tensor combine(const Embeddings& embeddings, const Combination& combination);

/// What the seed's `--evaltypes all` evaluates for these heads: each head alone, and for two to four heads the seed's fixed
/// weightings in the order of `heads`. `published_sop` selects the list that the seed uses for Stanford Online Products.
///
/// Differs: the seed evaluates single heads only when there is one, no equal weights for two heads, and nothing for five or more
///          (FIELD A17); here single heads and equal weights are always there.
std::vector<Combination> all_combinations(const std::vector<std::string>& heads, bool published_sop = false);

}  // namespace diva::inline v0_1
