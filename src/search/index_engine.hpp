#pragma once

#include <faiss/Index.h>
#include <faiss/impl/FaissException.h>
#include <diva/search/index.hpp>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

/// What Index asks of FAISS. Rows are float32 [n, dim], contiguous, on the CPU, finite, and of length 1 under cosine unless flat;
/// they go by their position, the order of adding.
namespace diva::inline v0_1::detail {

/// Calls FAISS; what it throws becomes a DataError.
template <class Call>
decltype(auto) with_faiss(std::string_view function, Call&& call) {
  try {
    return std::forward<Call>(call)();
  } catch (const faiss::FaissException& error) {
    fail<DataError>(function, "index", "what FAISS can hold and search", error.what());
  }
}

std::unique_ptr<faiss::Index> make_index(std::int64_t dim, const IndexOptions& options);

/// Whether it is what make_index makes; for files.
bool is_index_of(const faiss::Index& index, std::int64_t dim, const IndexOptions& options);

void train_index(faiss::Index& index, const torch::Tensor& rows, const IndexOptions& options);

void add_rows(faiss::Index& index, const torch::Tensor& rows, const IndexOptions& options);

/// Takes out the rows of these positions; those that remain move up and keep their order.
void remove_rows(faiss::Index& index, const std::vector<char>& removed, const IndexOptions& options);

/// The rows of a flat index, without a copy.
torch::Tensor flat_rows(const faiss::Index& index);

/// The k nearest positions; probes and search_breadth are taken from `options`. Only a graph may hold removed rows, which it does
/// not list. A copy on a GPU searches as it was made.
Neighbours search_rows(const faiss::Index& index, const torch::Tensor& queries, std::int64_t k, const std::vector<char>& removed,
                       const IndexOptions& options);

/// A copy on a GPU with what it needs there, of ivf and ivf_pq. OptionError where FAISS has no GPU part.
std::shared_ptr<faiss::Index> copy_to_gpu(const faiss::Index& index, int device, const IndexOptions& options);

}  // namespace diva::inline v0_1::detail
