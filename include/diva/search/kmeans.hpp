#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva::inline v0_1 {

/// Where the centroids of k-means begin.
enum class Initialisation {
  random,     ///< k different rows, all sets equally likely.
  plus_plus,  ///< One row after the other, each with a chance proportional to its squared distance to the nearest so far.
};

constexpr auto enumerators(Initialisation) {
  return std::array{std::pair{Initialisation::random, "random"}, std::pair{Initialisation::plus_plus, "plus_plus"}};
}

struct KmeansOptions {
  std::int64_t iterations = 20;  ///< Lloyd's iterations of each start at most; the seed's `niter`.
  std::int64_t restarts = 1;     ///< Starts from other centroids, of which the best is kept.
  Initialisation initialisation = Initialisation::random;
};

template <class Visitor>
void describe(KmeansOptions& options, Visitor&& visit) {
  visit("iterations", options.iterations, "iterations of each start at most", at_least(1));
  visit("restarts", options.restarts, "starts, of which the best is kept", at_least(1));
  visit("initialisation", options.initialisation, "first centroids: random rows, or k-means++");
}

struct Clustering {
  torch::Tensor centroids;    ///< [k, D] float32.
  torch::Tensor assignments;  ///< [N] int64: the nearest centroid, of equally near ones the first.
  double objective = 0;       ///< Σ |x − centroid of x|², in double, of these assignments.
};

/// k-means: Lloyd's iterations, each an exact assignment of all rows, until nothing changes or the iterations are used up.
///
///   assign  a(x) = the first c that minimises |x − μ_c|²       update  μ_c = mean of { x : a(x) = c }, summed in double
///
/// A cluster without rows takes, before the update, the row that lies farthest from its centroid, of a cluster of two or more;
/// several take the farthest, second farthest and so on. It stays empty, and its centroid where it was, once all such rows lie on
/// their centroids.
///
/// How: an iteration compares only what can have changed. Centroids whose rows stayed the same have not moved, and if x's own
/// centroid has not moved away from x either, all that stayed are still no nearer than it, so x is compared with those that moved.
/// Those are skipped as well where even the nearest of them to μ_a(x) is at least 2 |x − μ_a(x)| from it (the triangle inequality);
/// that bound is given up when it spares less than it costs. Neither changes the result.
///
/// Source:  Lloyd, Least squares quantization in PCM, IEEE Trans. Information Theory 1982; Arthur, Vassilvitskii, k-means++: The
///          Advantages of Careful Seeding, SODA 2007; the triangle inequality: Elkan, Using the Triangle Inequality to Accelerate
///          k-Means, ICML 2003, lemma 1.
/// Differs: FAISS, which the seed calls, takes a sample of 256 k rows where there are more, lets an empty cluster take half of
///          a large one, and reports the assignments of the iteration before; here all rows are used, and assignments and
///          objective belong to the final centroids.
/// Shapes:  features [N, D], any floating type, computed in float32; results are on the features' device, and so are the
///          distances to all centroids computed; means on the CPU.
/// Edge:    k = N: every row is its own centroid. With fewer different rows than k, some clusters are empty.
/// Random:  exactly one number of `generator` is drawn. Equal generators give equal bits on equal machines, whatever the threads.
/// Cost:    O(restarts · iterations · N k D) time at most, O(N D + k D) memory; plus_plus adds O(N k D) at worst.
/// Throws:  OptionError (k < 1, k > N, options), ShapeError, DataError (NaN or infinite features, and as nearest_neighbours).
Clustering kmeans(const torch::Tensor& features, std::int64_t k, Generator& generator, const KmeansOptions& options = {});

}  // namespace diva::inline v0_1
