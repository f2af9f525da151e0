#pragma once

#include <diva/core/generator.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

/// One triplet an anchor: a uniform positive and a uniform negative.
///
/// Source:  the seed's `random` (DiVA code, batchminer/random.py).
/// Differs: the seed draws B of all triplets without replacement, so an anchor may come twice or never; here each anchor comes
///          once. For classes of equal size both give every triplet the same chance.
/// Shapes:  labels [B] int64, or a relation -> T ≤ B triplets, one for each sample with a positive and a negative.
/// Edge:    no such sample: T = 0.
/// Cost:    O(B²).
Triplets random_triplets(const Comparison& comparison, Generator& generator);

}  // namespace diva::inline v0_1
