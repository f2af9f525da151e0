#pragma once

#include <torch/types.h>
#include <diva/core/error.hpp>

#include <string_view>

namespace diva::inline v0_1::detail {

/// The rows divided by their lengths, in their own type; DataError where one has the length 0 and so no direction.
torch::Tensor unit_rows(std::string_view function, std::string_view argument, const torch::Tensor& rows);

}  // namespace diva::inline v0_1::detail
