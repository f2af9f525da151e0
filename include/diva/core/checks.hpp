#pragma once

#include <torch/types.h>
#include <diva/core/error.hpp>

#include <string>
#include <string_view>

/// Checks of arguments, for the library's own functions: each throws with the function, the argument, what was expected and what
/// came.
namespace diva::inline v0_1::detail {

/// "[112, 128] float32 on cpu", or "an undefined tensor".
std::string describe(const torch::Tensor& tensor);

/// [batch, dim] with dim ≥ 1, floating point.
void check_embeddings(std::string_view function, const torch::Tensor& embeddings, std::string_view argument = "embeddings");

/// [batch] int64 on the device of the embeddings. `num_classes` ≥ 0 also demands values in [0, num_classes); that check reads the
/// values, so it is left out on CUDA, where the index operation that follows reports them.
void check_labels(std::string_view function, const torch::Tensor& labels, const torch::Tensor& embeddings,
                  std::int64_t num_classes = -1);

/// [n] int64 with values in [0, count); the values are read on the CPU only.
void check_indices(std::string_view function, std::string_view argument, const torch::Tensor& indices, std::int64_t count);

/// Exactly this shape.
void check_shape(std::string_view function, std::string_view argument, const torch::Tensor& tensor, torch::IntArrayRef shape);

/// All values finite; reads every value.
void check_finite(std::string_view function, std::string_view argument, const torch::Tensor& tensor);

}  // namespace diva::inline v0_1::detail
