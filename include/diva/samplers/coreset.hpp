#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// How far two samples are from one another, for a coreset.
enum class CoresetMeasure {
  euclidean,  ///< |x − y|
  cosine,     ///< 1 − cos(x, y); rows of length 0 are at distance 1 from all.
  square,     ///< |x − y|²
};

constexpr auto enumerators(CoresetMeasure) {
  return std::array{std::pair{CoresetMeasure::euclidean, "euclidean"}, std::pair{CoresetMeasure::cosine, "cosine"},
                    std::pair{CoresetMeasure::square, "square"}};
}

struct GreedyCoresetOptions {
  CoresetMeasure measure = CoresetMeasure::euclidean;  ///< The seed's `--data_sim_measure`.
  bool softened = false;  ///< Draw among the farthest 3 % instead of taking the farthest: `--data_gc_softened`.
  double limit = 1e-9;    ///< Where no row is farther, rows are equal and any will do: `--data_gc_coreset_lim`.
};

template <class Visitor>
void describe(GreedyCoresetOptions& options, Visitor&& visit) {
  visit("measure", options.measure, "distance between samples", any_value);
  visit("softened", options.softened, "draw among the farthest 3 % instead of taking the farthest", any_value);
  visit("limit", options.limit, "distance up to which the set is covered and the rest is drawn at random", non_negative);
}

/// `count` rows that cover all rows: the first at random, each next one the farthest from those chosen (k-center, greedily).
///
///   next = argmax_i min_(j chosen) d(x_i, x_j)      of equal ones the first
///
/// `softened` draws the next uniformly among the ⌈3 %⌉ of the rows not yet chosen that are farthest. Once the largest distance is
/// at most `limit`, the remaining ones are drawn uniformly among those not yet chosen.
///
/// Source:  Sinha et al., Small-GAN: Speeding up GAN Training using Core-Sets, ICML 2020; the DiVA code,
///          datasampler/full_greedy_coreset_sampler.py.
/// Differs: there `cosine` takes the most similar row next, a chosen row may be chosen again, and `limit` is not read; `euclidean`
///          is the square and `square` the root, which chooses the same.
/// Shapes:  features [P, D], any floating type -> `count` different rows in the order of their choice. Computed in double.
/// Edge:    count = 0: nothing.
/// Cost:    O(count·P·D) time.
/// Throws:  ShapeError; OptionError (options, count not in [0, P]); DataError for features that are not finite.
std::vector<std::int64_t> greedy_coreset(const torch::Tensor& features, std::int64_t count, Generator& generator,
                                         const GreedyCoresetOptions& options = {});

/// `count` rows that are far from one another but typical: each next one is drawn with a chance that grows with its squared
/// distances from those chosen and with its density under the normal distribution of all rows.
///
///   P(i) ∝ N(x_i; μ, Σ) · ( Σ_(j chosen) |x_i − x_j|² )^λ
///
/// The first is the row nearest to a draw from N(μ, Σ), Σ by n − 1. Where Σ has directions without variance, the density is that on
/// the space that the rows span.
///
/// Source:  the DiVA code, datasampler/d2_coreset_sampler.py; after k-means++ (Arthur, Vassilvitskii, SODA 2007), whose D² is the
///          least of the squared distances instead of their sum.
/// Differs: that code computes densities themselves, which are all 0 in many dimensions, and stops at a singular Σ. Here they are
///          relative to the largest, by logarithms.
/// Shapes:  as greedy_coreset.
/// Edge:    no row with a positive chance (all equal to those chosen): uniform. λ = 0: by density alone.
/// Cost:    O(count·P·D + P·D² + D³) time.
/// Throws:  as greedy_coreset; OptionError for λ < 0.
std::vector<std::int64_t> d2_coreset(const torch::Tensor& features, std::int64_t count, Generator& generator, double lambda = 1);

}  // namespace diva::inline v0_1
