#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>

#include <cstdint>

namespace diva {

struct KmeansOptions {
  std::int64_t iterations = 20;  ///< Lloyd's iterations of each start; the seed's `niter`.
  std::int64_t restarts = 1;     ///< Starts from other centroids, of which the best is kept.
};

template <class Visitor>
void describe(KmeansOptions& options, Visitor&& visit) {
  visit("iterations", options.iterations, "iterations of each start", at_least(1));
  visit("restarts", options.restarts, "starts, of which the best is kept", at_least(1));
}

struct Clustering {
  torch::Tensor centroids;    ///< [k, D] float32.
  torch::Tensor assignments;  ///< [N] int64: the nearest centroid, of equally near ones the first.
  double objective = 0;       ///< Σ |x − centroid of x|², in double, of these assignments.
};

/// k-means by FAISS: k different rows drawn at random, then Lloyd's iterations; a cluster that became empty takes half of a large
/// one.
///
/// Source:  Lloyd, Least squares quantization in PCM, IEEE Trans. Information Theory 1982; faiss::Clustering.
/// Differs: all rows are used; FAISS by itself takes a sample of 256 k where there are more. The seed of FAISS comes from
///          `generator`, of which exactly one number is drawn. Assignments and objective belong to the final centroids, where FAISS
///          reports those of the iteration before.
/// Shapes:  features [N, D], any floating type, computed in float32 on the CPU; results are on the features' device.
/// Edge:    k = N: every row is its own centroid. With fewer different rows than k, some clusters are empty.
/// Cost:    O(restarts · iterations · N k D) time, O(N D + k D) memory. Equal generators give equal bits on equal machines.
/// Throws:  OptionError (k < 1, k > N, options), ShapeError, DataError (NaN or infinite features, or what FAISS refuses).
Clustering kmeans(const torch::Tensor& features, std::int64_t k, Generator& generator, const KmeansOptions& options = {});

}  // namespace diva
