#pragma once

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// How much the embeddings of each two heads tell about each other: what decorrelation is to lower.
struct HeadCorrelation {
  std::vector<std::string> heads;  ///< Names of the rows and columns, in order.
  torch::Tensor cka;               ///< [H, H] float64, symmetric, in [0, 1]: linear centred kernel alignment.
  torch::Tensor cross;  ///< [H, H] float64, symmetric, in [0, 1]: mean |correlation| of a dimension of one with one of the other.
};

/// Both measures of all pairs of heads, from the covariances C of their centred embeddings X_a, X_b over the same samples.
///
///   cka(a, b)   = ‖C_ab‖² / (‖C_aa‖ ‖C_bb‖)                        (Frobenius norms)
///   cross(a, b) = mean over i, j of |C_ab(i, j)| / √(C_aa(i, i) C_bb(j, j)),  without i = j where a = b
///
/// cka does not change when a head is rotated or scaled, so it tells whether two heads hold the same information; cross asks for
/// dimensions that move together, as the decorrelation objective does once its mapping is learned. Independent heads do not score 0
/// on finite samples: cross is then about √(2 / (π N)), cka about D_eff / N, with D_eff = (tr C)² / ‖C‖² dimensions in use.
///
/// Source:  Kornblith et al., Similarity of Neural Network Representations Revisited, ICML 2019, equation 4 (the biased estimate);
///          arXiv 1905.00414. cross: the mean of the absolute cross-correlation matrix of Zbontar et al., Barlow Twins, ICML 2021.
/// Shapes:  embeddings [N, D_h] floating point, by name, on one device; results on it.
/// Edge:    a dimension that is constant correlates with nothing, 0; so does a head in which all are, cka with itself included. A
///          head of one dimension has no pair to itself: cross 0. No heads: [0, 0].
/// Cost:    O(N (Σ D)²) time, O((Σ D)²) memory.
/// Throws:  ShapeError; DataError (NaN or infinite embeddings, no samples).
HeadCorrelation head_correlation(const std::map<std::string, torch::Tensor>& embeddings);

}  // namespace diva::inline v0_1
