#pragma once

#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

/// The triplets of a batch that was put together as such: rows 3i, 3i + 1 and 3i + 2 are anchor, positive and negative of triplet
/// i, whatever their labels. Draws nothing.
///
/// Source:  pytorch-metric-learning 2.8.1, EmbeddingsAlreadyPackagedAsTriplets.
/// Shapes:  embeddings [3T, D] -> T triplets. Labels are not read; they may be undefined.
/// Edge:    an empty batch: T = 0.
/// Throws:  ShapeError when the number of rows is no multiple of three, OptionError for a reference, which has no part in it.
Triplets packaged_triplets(const Comparison& comparison);

}  // namespace diva::inline v0_1
