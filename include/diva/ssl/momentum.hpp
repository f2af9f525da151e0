#pragma once

#include <diva/core/module.hpp>

namespace diva::inline v0_1 {

/// Moves a key network a step towards the trained one: an exponential moving average of parameters and buffers.
///
///   θ_key ← m·θ_key + (1 − m)·θ,   integer buffers are copied
///
/// Source:  He et al., Momentum Contrast, CVPR 2020, eq. 2.
/// Differs: the seed averages parameters only, so a key network with trainable batch norm keeps its first running statistics for
///          ever (FIELD B4).
/// Throws:  DataError when the two do not have the same tensors; OptionError when m is outside [0, 1].
void momentum_update(const Module& key_network, const Module& network, double momentum);

}  // namespace diva::inline v0_1
