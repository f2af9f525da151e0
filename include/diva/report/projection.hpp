#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>

namespace diva::inline v0_1 {

/// The two directions in which the features vary most; the sign of each is such that its far end is positive.
///
/// Shapes:  features [N, D] with D ≥ 2 -> [N, 2] float64.
/// Cost:    O(N·D² + D³).
/// Throws: ShapeError; DataError for features that are not finite.
torch::Tensor pca_2d(const torch::Tensor& features);

struct TsneOptions {
  double perplexity = 20;         ///< Effective number of neighbours; at most a third of the points is used.
  std::int64_t iterations = 400;  ///< Gradient steps, the first quarter with exaggerated attraction.
};

template <class Visitor>
void describe(TsneOptions& options, Visitor&& visit) {
  visit("perplexity", options.perplexity, "effective number of neighbours", Bounds{.lower = 1, .lower_open = true});
  visit("iterations", options.iterations, "gradient steps", at_least(1));
}

/// A map on which near features stay near: t-SNE, exact.
///
/// Source: van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 2008; started at the PCA map, so that it differs little
///         from one run to the next.
/// Shapes: features [N, D] -> [N, 2] float64. A function of the generator.
/// Edge:   fewer than 8 points: the PCA map.
/// Cost:   O(N²·iterations) time, O(N²) memory: meant for about 1,000 points (a few seconds).
/// Throws: as pca_2d, and ShapeError above 5,000 rows.
torch::Tensor tsne_2d(const torch::Tensor& features, Generator& generator, const TsneOptions& options = {});

}  // namespace diva::inline v0_1
