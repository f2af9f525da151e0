#pragma once

#include <diva/core/options.hpp>
#include <diva/miners/comparison.hpp>

namespace diva::inline v0_1 {

struct AngularMinerOptions {
  double angle = 20;  ///< α in degrees: triplets with a larger angle are kept; in [0, 90).
};

template <class Visitor>
void describe(AngularMinerOptions& options, Visitor&& visit) {
  visit("angle", options.angle, "degrees: triplets with a larger angle at the negative are kept",
        Bounds{.lower = 0, .upper = 90, .upper_open = true});
}

/// All triplets whose negative sees anchor and positive at more than an angle. Draws nothing.
///
///   arctan( ‖x_a − x_p‖ / (2 ‖x_n − c‖) ) > α,   c = (x_a + x_p) / 2
///
/// Source:  Wang et al., Deep Metric Learning with Angular Loss, ICCV 2017, section 3.3; arXiv 1708.01682. Reference:
///          pytorch-metric-learning 2.8.1, AngularMiner, which like this takes the embeddings as they are.
/// Shapes:  embeddings [B, D], labels [B] int64, or a relation -> T triplets, ordered by anchor, positive and negative.
/// Edge:    none: T = 0. A negative on the centre is at 90°, unless the positive lies on the anchor: such triplets have no angle
///          and are left out. NaN distances satisfy no inequality.
/// Cost:    O(pairs·R·D) time, O(B·R + T) memory.
/// Throws:  DataError when T exceeds 2^27, OptionError, ShapeError.
Triplets angular_triplets(const Comparison& comparison, const AngularMinerOptions& options = {});

}  // namespace diva::inline v0_1
