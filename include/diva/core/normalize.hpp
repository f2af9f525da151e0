#pragma once

#include <torch/types.h>

namespace diva::inline v0_1 {

/// Rows of length 1:  x / max(‖x‖, 1e-12), so that a row of zeros stays zero.
///
/// Shapes:  rows [N, D] floating point -> [N, D].
/// Edge:    the gradient of a row of zeros is that of x / 1e-12; NaN passes through.
/// Throws:  ShapeError.
torch::Tensor l2_normalize(const torch::Tensor& rows);

}  // namespace diva::inline v0_1
