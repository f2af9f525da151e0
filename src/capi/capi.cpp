#include <diva/capi.h>
#include <diva/core/error.hpp>
#include <diva/core/normalize.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>
#include <diva/version.hpp>

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace {

std::string& last_error() {
  thread_local std::string text;
  return text;
}

diva_status failed(diva_status status, const char* text) noexcept {
  try {
    last_error() = text;
  } catch (...) {
    last_error().clear();
  }
  return status;
}

/// Nothing that `work` throws leaves; the place where exceptions become numbers.
template <class Work>
diva_status guarded(Work&& work) noexcept {
  try {
    const torch::NoGradGuard no_gradient;
    work();
    return DIVA_OK;
  } catch (const diva::OptionError& error) {
    return failed(DIVA_OPTION_ERROR, error.what());
  } catch (const diva::ShapeError& error) {
    return failed(DIVA_SHAPE_ERROR, error.what());
  } catch (const diva::DataError& error) {
    return failed(DIVA_DATA_ERROR, error.what());
  } catch (const c10::Error& error) {
    return failed(DIVA_INTERNAL_ERROR, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return failed(DIVA_INTERNAL_ERROR, error.what());
  } catch (...) {
    return failed(DIVA_INTERNAL_ERROR, "an exception of unknown type");
  }
}

void check_size(const char* function, const char* argument, std::int64_t size, std::int64_t least) {
  if (size < least)
    diva::detail::fail<diva::ShapeError>(function, argument, fmt::format("at least {}", least), fmt::format("{}", size));
}

void check_pointer(const char* function, const char* argument, const void* pointer, std::int64_t size) {
  if (pointer == nullptr && size > 0) diva::detail::fail<diva::ShapeError>(function, argument, "a pointer to values", "null");
}

// The caller's array seen as a tensor; LibTorch's interface has no constant tensors, and nothing here writes to them.
template <class Value>
torch::Tensor view(const char* function, const char* argument, const Value* values, const std::vector<std::int64_t>& shape) {
  std::int64_t count = sizeof(Value);
  for (const auto size : shape) {
    check_size(function, argument, size, 0);
    if (size > 0 && count > std::numeric_limits<std::int64_t>::max() / size) {
      diva::detail::fail<diva::ShapeError>(function, argument, "of a size that memory can hold", fmt::format("{} and more", size));
    }
    count *= size;
  }
  check_pointer(function, argument, values, count);
  const auto type = c10::CppTypeToScalarType<Value>::value;
  return count == 0 ? torch::empty(shape, type) : torch::from_blob(const_cast<Value*>(values), shape, type);
}

torch::Tensor optional_view(const char* function, const char* argument, const std::int64_t* values, std::int64_t size) {
  return values == nullptr ? torch::Tensor() : view(function, argument, values, {size});
}

template <class Value>
void copy_out(const torch::Tensor& tensor, Value* target) {
  const auto values = tensor.to(torch::kCPU, c10::CppTypeToScalarType<Value>::value).contiguous();
  std::copy_n(values.template data_ptr<Value>(), values.numel(), target);
}

diva::Similarity similarity_of(const char* function, diva_similarity value) {
  switch (value) {
    case DIVA_EUCLIDEAN:
      return diva::Similarity::euclidean;
    case DIVA_COSINE:
      return diva::Similarity::cosine;
    case DIVA_DOT:
      return diva::Similarity::dot;
    default:
      diva::detail::fail<diva::OptionError>(function, "similarity", "0 (euclidean), 1 (cosine) or 2 (dot)",
                                            fmt::format("{}", value));
  }
}

diva::LabelledFeatures labelled(const char* name, const diva_samples& samples, std::int64_t dim) {
  constexpr auto function = "diva_evaluate";
  check_size(function, "dim", dim, 1);
  return {.features = view(function, fmt::format("{}.features", name).c_str(), samples.features, {samples.size, dim}),
          .labels = view(function, fmt::format("{}.labels", name).c_str(), samples.labels, {samples.size}),
          .ids = optional_view(function, fmt::format("{}.ids", name).c_str(), samples.ids, samples.size)};
}

}  // namespace

int32_t diva_c_version(void) { return DIVA_C_VERSION; }

const char* diva_version(void) {
  static const auto text = fmt::format("{}.{}.{}", diva::version_major, diva::version_minor, diva::version_patch);
  return text.c_str();
}

const char* diva_last_error(void) { return last_error().c_str(); }

diva_status diva_set_num_threads(int32_t threads) {
  return guarded([&] {
    if (threads < 1)
      diva::detail::fail<diva::OptionError>("diva_set_num_threads", "threads", "at least 1", fmt::format("{}", threads));
    at::set_num_threads(threads);
  });
}

diva_status diva_nearest_neighbours(const float* queries, int64_t num_queries, const float* gallery, int64_t num_gallery,
                                    int64_t dim, int64_t k, const int64_t* query_ids, const int64_t* gallery_ids,
                                    diva_similarity similarity, int64_t* indices, float* distances) {
  return guarded([&] {
    constexpr auto function = "diva_nearest_neighbours";
    check_size(function, "dim", dim, 1);
    check_pointer(function, "indices", indices, num_queries);
    check_pointer(function, "distances", distances, num_queries);
    const auto found = diva::nearest_neighbours(
        view(function, "queries", queries, {num_queries, dim}), view(function, "gallery", gallery, {num_gallery, dim}), k,
        optional_view(function, "query_ids", query_ids, num_queries),
        optional_view(function, "gallery_ids", gallery_ids, num_gallery), {.similarity = similarity_of(function, similarity)});
    copy_out(found.indices, indices);
    copy_out(found.distances, distances);
  });
}

diva_evaluate_options diva_evaluate_defaults(void) {
  const diva::KmeansOptions clustering;
  return {DIVA_EUCLIDEAN, 0, clustering.iterations, clustering.restarts, 0};
}

diva_status diva_evaluate(const diva_samples* queries, const diva_samples* gallery, int64_t dim, const char* const* metrics,
                          int64_t num_metrics, const diva_evaluate_options* options, double* values) {
  return guarded([&] {
    constexpr auto function = "diva_evaluate";
    check_pointer(function, "queries", queries, 1);
    check_size(function, "num_metrics", num_metrics, 0);
    check_pointer(function, "metrics", metrics, num_metrics);
    check_pointer(function, "values", values, num_metrics);
    std::vector<std::string> names;
    for (std::int64_t i = 0; i < num_metrics; ++i) {
      check_pointer(function, "metrics", metrics[i], 1);
      names.emplace_back(metrics[i]);
    }
    const auto chosen = options == nullptr ? diva_evaluate_defaults() : *options;
    diva::EvaluateOptions settings;
    settings.num_clusters = chosen.num_clusters;
    settings.search.similarity = similarity_of(function, chosen.similarity);
    settings.clustering.iterations = chosen.kmeans_iterations;
    settings.clustering.restarts = chosen.kmeans_restarts;
    auto first = labelled("queries", *queries, dim);
    if (gallery == nullptr && !first.ids.defined()) first.ids = torch::arange(queries->size, torch::kInt64);
    const auto second = gallery == nullptr ? first : labelled("gallery", *gallery, dim);
    diva::Generator generator(chosen.seed);
    const auto result = diva::evaluate(first, second, names, generator, settings);
    for (const auto& [name, value] : result) *values++ = value;
  });
}

const char* diva_metric_name(int64_t index) {
  const auto& forms = diva::metric_forms();
  return index >= 0 && index < static_cast<std::int64_t>(forms.size()) ? forms[static_cast<std::size_t>(index)].name.c_str()
                                                                       : nullptr;
}

const char* diva_metric_meaning(int64_t index) {
  const auto& forms = diva::metric_forms();
  return index >= 0 && index < static_cast<std::int64_t>(forms.size()) ? forms[static_cast<std::size_t>(index)].meaning.c_str()
                                                                       : nullptr;
}

diva_status diva_kmeans(const float* features, int64_t size, int64_t dim, int64_t k, int64_t iterations, int64_t restarts,
                        uint64_t seed, float* centroids, int64_t* assignments, double* objective) {
  return guarded([&] {
    constexpr auto function = "diva_kmeans";
    check_size(function, "dim", dim, 1);
    diva::Generator generator(seed);
    const auto found = diva::kmeans(view(function, "features", features, {size, dim}), k, generator,
                                    {.iterations = iterations, .restarts = restarts});
    if (centroids != nullptr) copy_out(found.centroids, centroids);
    if (assignments != nullptr) copy_out(found.assignments, assignments);
    if (objective != nullptr) *objective = found.objective;
  });
}

diva_status diva_normalise(float* features, int64_t size, int64_t dim) {
  return guarded([&] {
    check_size("diva_normalise", "dim", dim, 1);
    auto rows = view("diva_normalise", "features", features, {size, dim});
    rows.copy_(diva::l2_normalize(rows.to(torch::kFloat64)));  // squares of floats do not overflow in double
  });
}
