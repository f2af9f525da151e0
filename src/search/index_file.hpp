#pragma once

#include <faiss/Index.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The file of an Index: what FAISS writes, within a frame that shows damage before FAISS reads it.
namespace diva::inline v0_1::detail {

/// Everything but FAISS's own index. `description` is JSON.
struct IndexFrame {
  std::string description;
  std::vector<std::int64_t> ids;  ///< By position.
  std::vector<char> removed;      ///< By position: 1 where the row is only in the graph still.
};

struct IndexFile {
  IndexFrame frame;
  std::unique_ptr<faiss::Index> index;
};

/// Through AtomicFile. IoError.
void write_index_file(const std::string& path, const IndexFrame& frame, const faiss::Index& index);

/// IoError with the path.
IndexFile read_index_file(const std::string& path);

}  // namespace diva::inline v0_1::detail
