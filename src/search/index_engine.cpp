#include "index_engine.hpp"

#include <ATen/Parallel.h>
#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexPQ.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/invlists/InvertedLists.h>
#include <fmt/format.h>
#include <omp.h>
#include <diva/core/checks.hpp>
#include <diva/search/kmeans.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace diva::inline v0_1::detail {
namespace {

constexpr std::int64_t code_values = 256;  // that a byte tells apart
constexpr std::int64_t code_bits = 8;
constexpr std::int64_t rows_a_list = 256;
constexpr std::int64_t rows_for_codes = 65536;

faiss::MetricType metric_of(Similarity similarity) {
  return similarity == Similarity::dot ? faiss::METRIC_INNER_PRODUCT : faiss::METRIC_L2;
}

// Under cosine rows have length 1.
Similarity measured(Similarity similarity) { return similarity == Similarity::dot ? similarity : Similarity::euclidean; }

// OpenMP's loops of this thread run on one thread while it lives.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// The rows that are removed, or those that are not.
struct Marked : faiss::IDSelector {
  Marked(const std::vector<char>& removed, bool wanted) : removed_(removed), wanted_(wanted) {}
  bool is_member(std::int64_t position) const override { return (removed_[position] != 0) == wanted_; }

 private:
  const std::vector<char>& removed_;
  bool wanted_;
};

torch::Tensor centroids_of(const faiss::IndexIVF& index) { return flat_rows(*index.quantizer); }

torch::Tensor nearest_lists(const faiss::IndexIVF& index, const torch::Tensor& rows) {
  return nearest_neighbours(rows, centroids_of(index), 1).indices;
}

torch::Tensor sample(const torch::Tensor& rows, std::int64_t most, Generator generator) {
  if (rows.size(0) <= most) return rows;
  return rows.index_select(0, std::get<0>(generator.permutation(rows.size(0)).slice(0, 0, most).sort()));
}

faiss::ProductQuantizer& quantizer_of(faiss::Index& index) {
  if (auto* with_lists = dynamic_cast<faiss::IndexIVFPQ*>(&index)) return with_lists->pq;
  return dynamic_cast<faiss::IndexPQ&>(index).pq;
}

void train_codes(faiss::ProductQuantizer& quantizer, const torch::Tensor& rows, const Generator& generator) {
  const auto width = static_cast<std::int64_t>(quantizer.dsub);
  // One part a thread: the loops of a k-means of a few columns are too short to be shared.
  at::parallel_for(0, static_cast<std::int64_t>(quantizer.M), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto part = begin; part < end; ++part) {
      auto draw = generator.fork(static_cast<std::uint64_t>(part));
      const auto columns = rows.slice(1, part * width, (part + 1) * width);
      const auto codes = kmeans(columns, code_values, draw, {.iterations = 25}).centroids.contiguous();
      std::copy_n(codes.data_ptr<float>(), codes.numel(), quantizer.get_centroids(static_cast<std::size_t>(part), 0));
    }
  });
}

// Squared distances or products of FAISS, and its −1, as Neighbours has them.
Neighbours as_neighbours(torch::Tensor positions, torch::Tensor distances, Similarity similarity) {
  if (similarity == Similarity::dot) {
    distances = -distances;
  } else if (similarity == Similarity::cosine) {
    distances = distances.clamp_min(0) / 2;
  } else {
    distances = distances.clamp_min(0).sqrt();
  }
  distances.masked_fill_(positions < 0, std::numeric_limits<double>::infinity());
  return {std::move(positions), std::move(distances)};
}

}  // namespace

std::unique_ptr<faiss::Index> make_index(std::int64_t dim, const IndexOptions& options) {
  const auto metric = metric_of(options.similarity);
  const auto width = static_cast<int>(dim);
  const auto lists = static_cast<std::size_t>(options.lists), bytes = static_cast<std::size_t>(options.code_bytes);
  const auto with_lists = [&](auto make) -> std::unique_ptr<faiss::Index> {
    auto centroids = std::make_unique<faiss::IndexFlat>(dim, metric);
    std::unique_ptr<faiss::IndexIVF> index = make(centroids.get());
    static_cast<void>(centroids.release());  // the index deletes them
    index->own_fields = true;
    index->is_trained = false;
    return index;
  };
  switch (options.kind) {
    case IndexKind::flat:
      return std::make_unique<faiss::IndexFlat>(dim, metric);
    case IndexKind::pq:
      return std::make_unique<faiss::IndexPQ>(width, bytes, code_bits, metric);
    case IndexKind::ivf:
      return with_lists([&](auto* centroids) { return std::make_unique<faiss::IndexIVFFlat>(centroids, dim, lists, metric); });
    case IndexKind::ivf_pq:
      return with_lists(
          [&](auto* centroids) { return std::make_unique<faiss::IndexIVFPQ>(centroids, dim, lists, bytes, code_bits, metric); });
    case IndexKind::hnsw:
      break;
  }
  auto index = std::make_unique<faiss::IndexHNSWFlat>(width, static_cast<int>(options.links), metric);
  index->hnsw.efConstruction = static_cast<int>(options.construction_breadth);
  return index;
}

bool is_index_of(const faiss::Index& index, std::int64_t dim, const IndexOptions& options) {
  if (index.d != dim || index.metric_type != metric_of(options.similarity)) return false;
  const auto has_rows = [](const faiss::Index* rows, std::int64_t width) {
    const auto* flat = dynamic_cast<const faiss::IndexFlat*>(rows);
    return flat != nullptr && flat->d == width &&
           flat->codes.size() == static_cast<std::size_t>(flat->ntotal * width) * sizeof(float);
  };
  const auto has_lists_of = [&](const faiss::IndexIVF* lists) {
    return lists != nullptr && static_cast<std::int64_t>(lists->nlist) == options.lists && has_rows(lists->quantizer, dim) &&
           lists->quantizer->ntotal == (lists->is_trained ? options.lists : 0) &&
           dynamic_cast<faiss::ArrayInvertedLists*>(lists->invlists);
  };
  const auto has_codes = [&](const faiss::ProductQuantizer& quantizer) {
    return static_cast<std::int64_t>(quantizer.M) == options.code_bytes && quantizer.nbits == code_bits &&
           static_cast<std::int64_t>(quantizer.d) == dim;
  };
  switch (options.kind) {
    case IndexKind::flat:
      return has_rows(&index, dim);
    case IndexKind::ivf:
      return has_lists_of(dynamic_cast<const faiss::IndexIVFFlat*>(&index));
    case IndexKind::hnsw: {
      const auto* graph = dynamic_cast<const faiss::IndexHNSWFlat*>(&index);
      return graph != nullptr && has_rows(graph->storage, dim) && graph->storage->ntotal == graph->ntotal;
    }
    case IndexKind::pq: {
      const auto* codes = dynamic_cast<const faiss::IndexPQ*>(&index);
      return codes != nullptr && has_codes(codes->pq);
    }
    case IndexKind::ivf_pq: {
      const auto* codes = dynamic_cast<const faiss::IndexIVFPQ*>(&index);
      return codes != nullptr && has_lists_of(codes) && has_codes(codes->pq);
    }
  }
  return false;
}

torch::Tensor flat_rows(const faiss::Index& index) {
  const auto& flat = dynamic_cast<const faiss::IndexFlat&>(index);
  if (flat.ntotal == 0) return torch::empty({0, flat.d}, torch::kFloat32);
  return torch::from_blob(const_cast<float*>(flat.get_xb()), {flat.ntotal, flat.d}, torch::kFloat32);
}

void train_index(faiss::Index& index, const torch::Tensor& rows, const IndexOptions& options) {
  const Generator generator(static_cast<std::uint64_t>(options.seed));
  auto* lists = dynamic_cast<faiss::IndexIVF*>(&index);
  if (lists != nullptr) {
    auto draw = generator.fork(0);
    const auto centroids =
        kmeans(sample(rows, rows_a_list * options.lists, generator.fork(1)), options.lists, draw, {.iterations = 10})
            .centroids.contiguous();
    lists->quantizer->reset();
    lists->quantizer->add(options.lists, centroids.data_ptr<float>());
  }
  if (options.kind == IndexKind::pq || options.kind == IndexKind::ivf_pq) {
    auto learnt = sample(rows, rows_for_codes, generator.fork(2));
    if (lists != nullptr) learnt = learnt - centroids_of(*lists).index_select(0, nearest_lists(*lists, learnt).flatten());
    train_codes(quantizer_of(index), learnt, generator.fork(3));
  }
  if (auto* coded = dynamic_cast<faiss::IndexIVFPQ*>(&index)) coded->precompute_table();
  index.is_trained = true;
}

void add_rows(faiss::Index& index, const torch::Tensor& rows, const IndexOptions& options) {
  const auto count = rows.size(0);
  const float* x = rows.data_ptr<float>();
  if (auto* lists = dynamic_cast<faiss::IndexIVF*>(&index)) {
    std::vector<std::int64_t> positions(count);
    std::iota(positions.begin(), positions.end(), index.ntotal);
    const auto assigned = nearest_lists(*lists, rows).contiguous();
    lists->add_core(count, x, positions.data(), assigned.data_ptr<std::int64_t>());
  } else if (auto* graph = dynamic_cast<faiss::IndexHNSW*>(&index)) {
    // A function of the rows so far, so that an index from a file goes on as the one that was saved.
    auto levels = Generator(static_cast<std::uint64_t>(options.seed)).fork(static_cast<std::uint64_t>(index.ntotal));
    graph->hnsw.rng = faiss::RandomGenerator(static_cast<std::int64_t>(levels.next() >> 1));
    const OneThread deterministic;
    graph->add(count, x);
  } else {
    index.add(count, x);
  }
}

void remove_rows(faiss::Index& index, const std::vector<char>& removed, const IndexOptions& options) {
  const Marked selector(removed, true);
  if (auto* lists = dynamic_cast<faiss::IndexIVF*>(&index)) {
    lists->remove_ids(selector);
    std::vector<std::int64_t> moved(removed.size());
    std::int64_t next = 0;
    for (std::size_t position = 0; position < removed.size(); ++position) {
      moved[position] = next;
      next += removed[position] == 0 ? 1 : 0;
    }
    for (auto& ids : dynamic_cast<faiss::ArrayInvertedLists&>(*lists->invlists).ids) {
      for (auto& id : ids) id = moved[id];
    }
  } else if (auto* graph = dynamic_cast<faiss::IndexHNSW*>(&index)) {
    std::vector<std::int64_t> kept;
    for (std::size_t position = 0; position < removed.size(); ++position) {
      if (removed[position] == 0) kept.push_back(static_cast<std::int64_t>(position));
    }
    const auto rows = flat_rows(*graph->storage).index_select(0, torch::tensor(kept, torch::kInt64));
    index.reset();
    if (!kept.empty()) add_rows(index, rows, options);
  } else {
    index.remove_ids(selector);
  }
}

Neighbours search_rows(const faiss::Index& index, const torch::Tensor& queries, std::int64_t k, const std::vector<char>& removed,
                       const IndexOptions& options) {
  if (options.kind == IndexKind::flat)
    return nearest_neighbours(queries, flat_rows(index), k, {}, {}, {.similarity = options.similarity});
  // FAISS 1.7.3 keeps as many candidates as it lists rows, whatever breadth it is asked for.
  const auto width = options.kind == IndexKind::hnsw ? std::max(k, std::min(options.search_breadth, index.ntotal)) : k;
  const auto count = queries.size(0);
  const float* x = queries.data_ptr<float>();
  const auto positions = torch::full({count, width}, -1, torch::kInt64), distances = torch::zeros({count, width}, torch::kFloat32);
  auto* labels = positions.data_ptr<std::int64_t>();
  auto* found = distances.data_ptr<float>();
  if (const auto* lists = dynamic_cast<const faiss::IndexIVF*>(&index)) {
    const auto probes = std::min(options.probes, options.lists);
    const auto read =
        nearest_neighbours(queries, centroids_of(*lists), probes, {}, {}, {.similarity = measured(options.similarity)});
    const auto scores = (options.similarity == Similarity::dot ? -read.distances : read.distances.square()).contiguous();
    faiss::IVFSearchParameters parameters;
    parameters.nprobe = static_cast<std::size_t>(probes);
    lists->search_preassigned(count, x, k, read.indices.contiguous().data_ptr<std::int64_t>(), scores.data_ptr<float>(), found,
                              labels, false, &parameters);
  } else if (options.kind == IndexKind::hnsw) {
    Marked present(removed, false);
    faiss::SearchParametersHNSW parameters;
    parameters.efSearch = static_cast<int>(width);
    parameters.sel = &present;
    index.search(count, x, width, found, labels, &parameters);
  } else {
    index.search(count, x, k, found, labels);
  }
  return as_neighbours(positions.slice(1, 0, k), distances.slice(1, 0, k), options.similarity);
}

}  // namespace diva::inline v0_1::detail
