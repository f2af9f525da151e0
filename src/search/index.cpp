#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/core/json.hpp>
#include <diva/search/index.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "index_engine.hpp"
#include "index_file.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr std::int64_t most_on_gpu = 2048;  // neighbours that FAISS's GPU part can list

bool has_codes(IndexKind kind) { return kind == IndexKind::pq || kind == IndexKind::ivf_pq; }
bool has_lists(IndexKind kind) { return kind == IndexKind::ivf || kind == IndexKind::ivf_pq; }

void check_options(std::string_view function, std::int64_t dim, const IndexOptions& options) {
  validate_fields(function, options);
  if (dim < 1 || dim > 1 << 20) detail::fail<OptionError>(function, "dim", "in [1, 1048576]", std::to_string(dim));
  if (has_codes(options.kind) && dim % options.code_bytes != 0) {
    detail::fail<OptionError>(function, "code_bytes", fmt::format("a divisor of dim = {}", dim),
                              std::to_string(options.code_bytes));
  }
}

// What FAISS takes: float32 on the CPU, finite, and of length 1 under cosine, where a flat index keeps the rows as they are.
torch::Tensor prepared(std::string_view function, std::string_view argument, const torch::Tensor& features, std::int64_t dim,
                       const IndexOptions& options) {
  detail::check_embeddings(function, features, argument);
  if (features.size(1) != dim)
    detail::fail<ShapeError>(function, argument, fmt::format("[rows, {}]", dim), detail::describe(features));
  auto rows = features.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  detail::check_finite(function, argument, rows);
  if (options.similarity != Similarity::cosine) return rows;
  const auto lengths = rows.to(torch::kFloat64).norm(2, 1, true);
  if (const auto zeros = (lengths == 0).sum().item<std::int64_t>(); zeros > 0) {
    detail::fail<DataError>(function, argument, "rows of a length above 0, which have a cosine",
                            fmt::format("{} rows of length 0", zeros));
  }
  return options.kind == IndexKind::flat ? rows : (rows / lengths).to(torch::kFloat32);
}

std::vector<std::int64_t> checked_ids(std::string_view function, const torch::Tensor& ids) {
  if (!ids.defined() || ids.dim() != 1 || ids.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(function, "ids", "[n] int64", detail::describe(ids));
  }
  const auto values = ids.cpu().contiguous();
  return {values.data_ptr<std::int64_t>(), values.data_ptr<std::int64_t>() + values.numel()};
}

}  // namespace

struct Index::Impl {
  std::int64_t dim = 0;
  IndexOptions options;
  std::unique_ptr<faiss::Index> index;
  std::vector<std::int64_t> ids;                             // by position
  std::vector<char> removed;                                 // by position
  std::int64_t dead = 0;                                     // how many of them
  std::unordered_map<std::int64_t, std::int64_t> positions;  // of the ids that a search can find
  std::shared_ptr<faiss::Index> on_gpu;                      // a copy, or
  torch::Tensor gpu_rows;                                    // of a flat index, its rows

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(ids.size()) - dead; }

  void changed() {
    on_gpu.reset();
    gpu_rows = torch::Tensor();
  }

  void find_positions() {
    positions.clear();
    positions.reserve(ids.size());
    dead = 0;
    for (std::size_t position = 0; position < ids.size(); ++position) {
      if (removed[position] != 0) {
        ++dead;
      } else {
        positions.emplace(ids[position], static_cast<std::int64_t>(position));
      }
    }
  }

  void compact(std::string_view function) {
    if (dead == 0) return;
    detail::with_faiss(function, [&] { detail::remove_rows(*index, removed, options); });
    std::size_t kept = 0;
    for (std::size_t position = 0; position < ids.size(); ++position) {
      if (removed[position] == 0) ids[kept++] = ids[position];
    }
    ids.resize(kept);
    removed.assign(kept, 0);
    find_positions();
  }

  // By position.
  [[nodiscard]] Neighbours search_once(const torch::Tensor& queries, std::int64_t k, const IndexOptions& wanted) const {
    return detail::with_faiss("Index::search", [&]() -> Neighbours {
      if (gpu_rows.defined()) {
        auto found = nearest_neighbours(queries.to(gpu_rows.device()), gpu_rows, k, {}, {}, {.similarity = options.similarity});
        return {found.indices.cpu(), found.distances.cpu()};
      }
      const bool copied = on_gpu && k <= most_on_gpu && wanted.probes == options.probes;
      return detail::search_rows(copied ? *on_gpu : *index, queries, k, removed, wanted);
    });
  }

  // Candidates that are removed rows leave less room for others, so a list that is not full is searched again, twice as broadly,
  // until it is, or all of the graph that can be reached was a candidate.
  [[nodiscard]] Neighbours search(const torch::Tensor& queries, std::int64_t k, IndexOptions wanted) const {
    const auto count = queries.size(0), total = static_cast<std::int64_t>(ids.size()), width = std::min(k, size());
    auto indices = torch::full({count, k}, -1, torch::kInt64);
    auto distances = torch::full({count, k}, std::numeric_limits<double>::infinity(), torch::kFloat32);
    auto* out = indices.data_ptr<std::int64_t>();
    auto* out_distances = distances.data_ptr<float>();
    std::vector<std::int64_t> waiting(count);  // queries whose lists are not complete yet
    std::iota(waiting.begin(), waiting.end(), 0);
    while (width > 0 && !waiting.empty()) {
      const auto asking = std::ssize(waiting) == count ? queries : queries.index_select(0, torch::tensor(waiting, torch::kInt64));
      const auto found = search_once(asking, width, wanted);
      const auto listed = found.indices.contiguous(), measured = found.distances.contiguous();
      const bool last = dead == 0 || wanted.search_breadth >= total;
      std::vector<std::int64_t> still;
      for (std::int64_t i = 0; i < std::ssize(waiting); ++i) {
        const auto query = waiting[i];
        const auto* position = listed.data_ptr<std::int64_t>() + i * width;
        for (std::int64_t rank = 0; rank < width && position[rank] >= 0; ++rank) {
          out[query * k + rank] = ids[position[rank]];
          out_distances[query * k + rank] = measured.data_ptr<float>()[i * width + rank];
        }
        if (!last && position[width - 1] < 0) still.push_back(query);
      }
      waiting = std::move(still);
      wanted.search_breadth *= 2;
    }
    return {indices, distances};
  }
};

Index::Index(std::int64_t dim, const IndexOptions& options) : impl_(std::make_unique<Impl>()) {
  check_options("Index", dim, options);
  impl_->dim = dim;
  impl_->options = options;
  impl_->index = detail::with_faiss("Index", [&] { return detail::make_index(dim, options); });
}

Index::Index(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Index::~Index() = default;
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;

std::int64_t Index::dim() const { return impl_->dim; }
std::int64_t Index::size() const { return impl_->size(); }
const IndexOptions& Index::options() const { return impl_->options; }
bool Index::trained() const { return impl_->index->is_trained; }

torch::Tensor Index::ids() const {
  std::vector<std::int64_t> result;
  for (std::size_t position = 0; position < impl_->ids.size(); ++position) {
    if (impl_->removed[position] == 0) result.push_back(impl_->ids[position]);
  }
  return torch::tensor(result, torch::kInt64);
}

void Index::train(const torch::Tensor& features) {
  constexpr auto function = "Index::train";
  const torch::NoGradGuard no_gradient;
  const auto& options = impl_->options;
  const auto rows = prepared(function, "features", features, impl_->dim, options);
  if (!has_lists(options.kind) && !has_codes(options.kind)) return;
  if (!impl_->ids.empty()) {
    detail::fail<DataError>(function, "index", "without rows, which depend on what was learnt",
                            fmt::format("{} rows", impl_->ids.size()));
  }
  const auto needed = std::max<std::int64_t>(has_lists(options.kind) ? options.lists : 0, has_codes(options.kind) ? 256 : 0);
  if (rows.size(0) < needed) {
    detail::fail<DataError>(function, "features",
                            fmt::format("at least {} rows, one for each list and each value of a code byte", needed),
                            detail::describe(features));
  }
  impl_->changed();
  detail::with_faiss(function, [&] { detail::train_index(*impl_->index, rows, options); });
}

void Index::add(const torch::Tensor& features, const torch::Tensor& ids) {
  constexpr auto function = "Index::add";
  const torch::NoGradGuard no_gradient;
  const auto rows = prepared(function, "features", features, impl_->dim, impl_->options);
  const auto names = checked_ids(function, ids);
  if (std::ssize(names) != rows.size(0)) {
    detail::fail<ShapeError>(function, "ids", fmt::format("[{}] int64, as features", rows.size(0)), detail::describe(ids));
  }
  std::unordered_set<std::int64_t> fresh;
  for (const auto id : names) {
    if (id < 0) detail::fail<DataError>(function, "ids", "at least 0", std::to_string(id));
    if (impl_->positions.contains(id) || !fresh.insert(id).second) {
      detail::fail<DataError>(function, "ids", "each of one row", fmt::format("{} again", id));
    }
  }
  if (!trained()) detail::fail<DataError>(function, "index", "trained first", "none");
  if (names.empty()) return;
  impl_->changed();
  detail::with_faiss(function, [&] { detail::add_rows(*impl_->index, rows, impl_->options); });
  for (const auto id : names) {
    impl_->positions.emplace(id, std::ssize(impl_->ids));
    impl_->ids.push_back(id);
    impl_->removed.push_back(0);
  }
}

std::int64_t Index::remove(const torch::Tensor& ids) {
  constexpr auto function = "Index::remove";
  std::int64_t taken = 0;
  for (const auto id : checked_ids(function, ids)) {
    const auto found = impl_->positions.find(id);
    if (found == impl_->positions.end()) continue;
    impl_->removed[found->second] = 1;
    impl_->positions.erase(found);
    ++taken;
  }
  if (taken == 0) return 0;
  impl_->changed();
  impl_->dead += taken;
  if (impl_->options.kind != IndexKind::hnsw || 2 * impl_->dead > std::ssize(impl_->ids)) impl_->compact(function);
  return taken;
}

void Index::compact() {
  if (impl_->dead == 0) return;
  impl_->changed();
  impl_->compact("Index::compact");
}

Neighbours Index::search(const torch::Tensor& queries, std::int64_t k, const IndexSearchOptions& options) const {
  constexpr auto function = "Index::search";
  const torch::NoGradGuard no_gradient;
  validate_fields(function, options);
  if (k < 1) detail::fail<OptionError>(function, "k", "at least 1", std::to_string(k));
  auto wanted = impl_->options;
  if (options.probes > 0) wanted.probes = options.probes;
  if (options.search_breadth > 0) wanted.search_breadth = options.search_breadth;
  const auto found = impl_->search(prepared(function, "queries", queries, impl_->dim, impl_->options), k, wanted);
  return {found.indices.to(queries.device()), found.distances.to(queries.device())};
}

void Index::search_on(torch::Device device) {
  constexpr auto function = "Index::search_on";
  impl_->changed();
  if (device.is_cpu()) return;
  const auto kind = impl_->options.kind;
  if (!device.is_cuda() || !torch::cuda::is_available() || kind == IndexKind::hnsw || kind == IndexKind::pq) {
    detail::fail<OptionError>(
        function, "device",
        fmt::format("the CPU{}", kind == IndexKind::hnsw || kind == IndexKind::pq ? ", where FAISS has this kind"
                                                                                  : " or a GPU that LibTorch finds"),
        device.str());
  }
  if (kind == IndexKind::flat) {
    impl_->gpu_rows = detail::flat_rows(*impl_->index).to(device);
    return;
  }
  const int number = device.has_index() ? device.index() : 0;
  detail::with_faiss(function, [&] { impl_->on_gpu = detail::copy_to_gpu(*impl_->index, number, impl_->options); });
}

void Index::save(const std::string& path) const {
  nlohmann::ordered_json description{{"dim", impl_->dim}, {"options", to_json(impl_->options)}};
  detail::write_index_file(path, {description.dump(), impl_->ids, impl_->removed}, *impl_->index);
}

Index Index::load(const std::string& path) {
  auto file = detail::read_index_file(path);
  const auto refuse = [&](std::string_view expected, std::string_view got) {
    detail::fail<IoError>("Index::load", fmt::format("'{}'", path), expected, got);
  };
  auto impl = std::make_unique<Impl>();
  try {
    const auto description = nlohmann::ordered_json::parse(file.frame.description);
    impl->dim = description.at("dim").get<std::int64_t>();
    from_json(description.at("options"), impl->options);
    check_options("Index::load", impl->dim, impl->options);
  } catch (const nlohmann::json::exception& error) {
    refuse("an index with a description", error.what());
  } catch (const OptionError& error) {
    refuse("an index with valid options", error.what());
  }
  impl->index = std::move(file.index);
  impl->ids = std::move(file.frame.ids);
  impl->removed = std::move(file.frame.removed);
  if (!detail::is_index_of(*impl->index, impl->dim, impl->options) || impl->index->ntotal != std::ssize(impl->ids)) {
    refuse("an index as its description says", "another one of FAISS's");
  }
  impl->find_positions();
  if (std::ssize(impl->positions) != impl->size() || (impl->dead > 0 && impl->options.kind != IndexKind::hnsw)) {
    refuse("an index in which each id is that of one row", "ids that occur twice");
  }
  return Index(std::move(impl));
}

}  // namespace diva::inline v0_1
