#pragma once

#include <diva/search/neighbours.hpp>

#include "neighbour_kernels.hpp"

namespace diva::inline v0_1::detail {

enum class CodeWidth { automatic, eight, sixteen };

/// How the CPU does nearest_neighbours; none of it changes the result.
struct ExactMethod {
  Kernel kernel = best_kernel();
  CodeWidth codes = CodeWidth::automatic;
  bool guess = true;                                  ///< Whether limits may be guessed, and checked afterwards.
  std::int64_t list_bytes = std::int64_t{640} << 20;  ///< For the candidates of all queries that are worked on together.
};

/// nearest_neighbours on the CPU; the arguments are contiguous, of type T, and checked but for their values.
template <class T>
Neighbours exact_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
                            const ExactMethod& method = {});

/// visit_neighbours on the CPU likewise, as many neighbours at once.
template <class T>
void visit_exact_neighbours(const torch::Tensor& queries, const torch::Tensor& gallery, std::int64_t k,
                            const torch::Tensor& query_ids, const torch::Tensor& gallery_ids, const NeighbourOptions& options,
                            std::int64_t listed_at_once, const NeighbourVisitor& visit, const ExactMethod& method = {});

}  // namespace diva::inline v0_1::detail
