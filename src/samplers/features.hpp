#pragma once

// A product must not be cut by the number of threads: batches are planned on as many as there are.
#define EIGEN_DONT_PARALLELIZE
#include <torch/types.h>
#include <Eigen/Core>
#include <diva/core/generator.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace diva::inline v0_1::detail {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// These rows of features [N, D], float32 on the CPU and contiguous.
Matrix rows_of(const torch::Tensor& features, const std::vector<std::int64_t>& rows);

/// All rows of features of any floating type on any device. ShapeError; DataError for values that are not finite.
Matrix matrix_of(std::string_view function, const torch::Tensor& features, std::string_view argument = "features");

/// The rows by random weights N(0, 1/dim) to `dim` dimensions; unchanged where dim is not positive.
Matrix project(Matrix rows, std::int64_t dim, Generator& generator);

/// A random part of the samples of `classes`, of each class at most ⌊size / per_class⌋, so that each can be followed by
/// per_class − 1 others of its class. At most `size`, fewer where there are no more.
std::vector<std::int64_t> capped_pool(const std::vector<std::vector<std::int64_t>>& classes, std::int64_t per_class,
                                      std::int64_t size, Generator& generator);

/// How many samples capped_pool can give: Σ ⌊size / per_class⌋.
std::int64_t capped_pool_limit(const std::vector<std::vector<std::int64_t>>& classes, std::int64_t per_class);

/// Each sample of a capped pool followed by per_class − 1 others of its class, no sample twice.
std::vector<std::int64_t> with_classmates(const std::vector<std::int64_t>& samples,
                                          const std::vector<std::vector<std::int64_t>>& classes,
                                          const std::vector<std::int64_t>& class_of, std::int64_t per_class, Generator& generator);

}  // namespace diva::inline v0_1::detail
