#pragma once

#include <diva/search/neighbours.hpp>

namespace diva::inline v0_1::detail {

/// nearest_neighbours by tensor operations alone, on whatever device the arguments are; they are already checked, and the ids are
/// given on both sides or on neither.
Neighbours neighbours_by_tensor_operations(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                                           const torch::Tensor& query_ids, const torch::Tensor& gallery_ids,
                                           const NeighbourOptions& options);

}  // namespace diva::inline v0_1::detail
