#pragma once

#include <torch/types.h>
#include <diva/core/options.hpp>
#include <diva/search/neighbours.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace diva::inline v0_1 {

/// How an Index holds its rows. N rows of D values; the last column is what a search reads.
enum class IndexKind {
  flat,    ///< All rows: exact. 4 D bytes a row; everything.
  ivf,     ///< All rows in lists around k-means centroids: exact within the lists read. 4 D + 8 bytes; probes / lists of the rows.
  hnsw,    ///< All rows in a graph of near ones (Malkov, Yashunin, TPAMI 2018). 4 D + 8 links bytes; search_breadth · links rows.
  pq,      ///< Codes instead of rows, product quantisation (Jégou et al., TPAMI 2011). code_bytes bytes; all codes.
  ivf_pq,  ///< Codes, of what is left after subtracting the centroid, in lists. code_bytes + 8 bytes; probes / lists of the codes.
};

constexpr auto enumerators(IndexKind) {
  return std::array{std::pair{IndexKind::flat, "flat"}, std::pair{IndexKind::ivf, "ivf"}, std::pair{IndexKind::hnsw, "hnsw"},
                    std::pair{IndexKind::pq, "pq"}, std::pair{IndexKind::ivf_pq, "ivf_pq"}};
}

struct IndexOptions {
  IndexKind kind = IndexKind::flat;
  Similarity similarity = Similarity::euclidean;
  std::int64_t lists = 1024;                ///< ivf, ivf_pq: about 4 √N to 16 √N, and at most the training rows.
  std::int64_t probes = 16;                 ///< ivf, ivf_pq: lists that a search reads; all of them make ivf exact.
  std::int64_t links = 32;                  ///< hnsw: neighbours of a row, twice as many on the lowest level; at least 2.
  std::int64_t construction_breadth = 200;  ///< hnsw: candidates kept while a row is added.
  std::int64_t search_breadth = 64;         ///< hnsw: candidates kept while searching; at least k are.
  std::int64_t code_bytes = 16;  ///< pq, ivf_pq: bytes of a code; each stands for D / code_bytes values, so it divides D.
  std::int64_t seed = 0;         ///< What training and the levels of the graph draw from.
};

template <class Visitor>
void describe(IndexOptions& options, Visitor&& visit) {
  visit("kind", options.kind, "how rows are held: flat, ivf, hnsw, pq or ivf_pq");
  visit("similarity", options.similarity, "what near means");
  visit("lists", options.lists, "lists of ivf and ivf_pq", between(1, 1 << 24));
  visit("probes", options.probes, "lists that a search reads", at_least(1));
  visit("links", options.links, "neighbours of a row in the graph of hnsw", between(2, 1024));
  visit("construction_breadth", options.construction_breadth, "candidates of hnsw while adding", between(1, 1 << 24));
  visit("search_breadth", options.search_breadth, "candidates of hnsw while searching", between(1, 1 << 24));
  visit("code_bytes", options.code_bytes, "bytes of a code of pq and ivf_pq", between(1, 4096));
  visit("seed", options.seed, "what training and the graph's levels draw from");
}

/// What one search may change; 0: as in IndexOptions.
struct IndexSearchOptions {
  std::int64_t probes = 0;
  std::int64_t search_breadth = 0;
};

template <class Visitor>
void describe(IndexSearchOptions& options, Visitor&& visit) {
  visit("probes", options.probes, "lists that a search reads; 0: as the index says", non_negative);
  visit("search_breadth", options.search_breadth, "candidates of hnsw while searching; 0: as the index says", between(0, 1 << 24));
}

/// A gallery to be searched many times, changed, saved and loaded: one interface to FAISS's indexes. Rows have the user's ids.
///
///   Index index(512, {.kind = IndexKind::hnsw, .similarity = Similarity::cosine});
///   index.add(features, ids);                      // ivf, pq and ivf_pq: index.train(features) first
///   Neighbours found = index.search(queries, 10);  // found.indices holds ids
///
/// Rows are float32 on the CPU. Under cosine they are scaled to length 1, and 1 − cos is half the squared distance; rows of
/// length 0 are refused. `flat` searches by nearest_neighbours, and its results are those, ties by order of adding. The lists a
/// row goes to and a query reads are found by nearest_neighbours too; a query reads those whose centroids are most similar. PQ
/// distances are those to what the code stands for.
///
/// Random:  equal options, seed and calls give equal bits on equal machines, whatever the threads. The graph of hnsw is
///          therefore built by one thread, since with more it depends on which came first.
/// Threads: several may search at once, but not while the index changes.
/// Throws:  OptionError, ShapeError; DataError (NaN or infinite rows, ids, what FAISS refuses); IoError.
class Index {
 public:
  /// An index of rows of `dim` values, without rows. OptionError: options out of range, code_bytes that do not divide `dim`.
  explicit Index(std::int64_t dim, const IndexOptions& options = {});
  ~Index();
  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;

  [[nodiscard]] std::int64_t dim() const;
  [[nodiscard]] std::int64_t size() const;  ///< Rows that a search can find.
  [[nodiscard]] const IndexOptions& options() const;
  [[nodiscard]] bool trained() const;       ///< flat and hnsw always are.
  [[nodiscard]] torch::Tensor ids() const;  ///< [size] int64, in the order of adding.

  /// Learns centroids and codes by k-means, from [n, dim] rows like those to come: 10 iterations for the lists, on at most 256
  /// rows a list, and 25 for the codes, on at most 65,536 rows, drawn at random.
  ///
  /// Edge:    flat and hnsw have nothing to learn.
  /// Throws:  DataError (n < lists; n < 256 where there are codes; the index has rows already).
  void train(const torch::Tensor& features);

  /// Adds [n, dim] rows under [n] int64 ids ≥ 0, each of which the index does not have yet.
  /// Cost:    O(n) for flat; n · lists products for ivf; hnsw about n · construction_breadth · links, on one thread.
  /// Throws:  DataError (an id that is negative or known; not trained), and then nothing was added.
  void add(const torch::Tensor& features, const torch::Tensor& ids);

  /// Takes rows out by their ids [n] int64; ids that the index does not have do nothing. Returns how many were taken out. The
  /// ids may be added again.
  ///
  /// hnsw: a row that others lead through cannot leave the graph by itself, so it stays there, unseen by every search, and in
  /// files; once more than half of the graph is such rows it is built anew without them, which `compact` does at once.
  /// Cost:    O(size) for the others.
  std::int64_t remove(const torch::Tensor& ids);

  /// Builds the graph of hnsw anew where rows were removed; the others hold no removed rows.
  void compact();

  /// The k nearest rows of each query [Q, dim], the nearest first.
  ///
  /// Neighbours::indices [Q, k] holds ids and distances [Q, k] float32, as Similarity says, both on the queries' device. Where
  /// fewer than k are found, id −1 and distance +∞ fill the row: an index of fewer rows, lists that hold fewer, a graph that
  /// does not reach them.
  [[nodiscard]] Neighbours search(const torch::Tensor& queries, std::int64_t k, const IndexSearchOptions& options = {}) const;

  /// Searches on a copy on this GPU, or on the CPU again. Rows that are added or removed afterwards end the copy: the CPU
  /// searches until the next call. FAISS's copies (ivf, ivf_pq) are for one thread at a time, and k > 2048 is left to the CPU.
  /// Throws:  OptionError (pq and hnsw, which FAISS has on the CPU only; ivf and ivf_pq where `faiss_on_gpu` is false).
  void search_on(torch::Device device);

  /// Writes the index to a file that appears under its name only when it is complete (AtomicFile).
  void save(const std::string& path) const;

  /// The index of a file of `save`, which searches and grows as the one that was saved.
  ///
  /// The file ends with a checksum of all its bytes, which is checked first, so a file that is truncated or changed is refused
  /// before FAISS reads it.
  /// Cost:    the file's size in memory twice while it is read.
  /// Throws:  IoError with the path: no such file, not an index, of another version, damaged.
  static Index load(const std::string& path);

 private:
  struct Impl;
  explicit Index(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether the FAISS of this build can search on GPUs (CMake option DIVA_FAISS_GPU).
bool faiss_on_gpu();

}  // namespace diva::inline v0_1
