#include <diva/core/checks.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace diva::inline v0_1::detail {
namespace {

// Lowest and highest of int64 on the CPU, at least one: in one pass, as indices are checked in each step.
std::pair<std::int64_t, std::int64_t> range_of(const torch::Tensor& values) {
  const auto dense = values.contiguous();
  const auto* at = dense.data_ptr<std::int64_t>();
  auto lowest = at[0], highest = at[0];
  for (std::int64_t i = 1; i < dense.size(0); ++i) {
    lowest = std::min(lowest, at[i]);
    highest = std::max(highest, at[i]);
  }
  return {lowest, highest};
}

}  // namespace

std::string describe(const torch::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::string type = c10::toString(tensor.scalar_type());
  if (type == "Long") type = "int64";
  if (type == "Float") type = "float32";
  if (type == "Double") type = "float64";
  return fmt::format("[{}] {} on {}", fmt::join(tensor.sizes().vec(), ", "), type, tensor.device().str());
}

void check_embeddings(std::string_view function, const torch::Tensor& embeddings, std::string_view argument) {
  if (!embeddings.defined() || embeddings.dim() != 2 || embeddings.size(1) < 1 || !embeddings.is_floating_point()) {
    fail<ShapeError>(function, argument, "[batch, dim] floating point with dim at least 1", describe(embeddings));
  }
}

void check_labels(std::string_view function, const torch::Tensor& labels, const torch::Tensor& embeddings,
                  std::int64_t num_classes) {
  if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != torch::kInt64 || labels.size(0) != embeddings.size(0) ||
      labels.device() != embeddings.device()) {
    fail<ShapeError>(function, "labels", fmt::format("[batch]=[{}] int64 on {}", embeddings.size(0), embeddings.device().str()),
                     describe(labels));
  }
  if (num_classes >= 0 && labels.is_cpu() && labels.numel() > 0) {
    const auto [lowest, highest] = range_of(labels);
    if (lowest < 0 || highest >= num_classes) {
      fail<DataError>(function, "labels", fmt::format("in [0, num_classes) = [0, {})", num_classes),
                      fmt::format("{}", lowest < 0 ? lowest : highest));
    }
  }
}

void check_indices(std::string_view function, std::string_view argument, const torch::Tensor& indices, std::int64_t count) {
  if (!indices.defined() || indices.dim() != 1 || indices.scalar_type() != torch::kInt64) {
    fail<ShapeError>(function, argument, "[n] int64", describe(indices));
  }
  if (indices.is_cpu() && indices.numel() > 0) {
    const auto [lowest, highest] = range_of(indices);
    if (lowest < 0 || highest >= count) {
      fail<DataError>(function, argument, fmt::format("indices in [0, {})", count),
                      fmt::format("{}", lowest < 0 ? lowest : highest));
    }
  }
}

void check_shape(std::string_view function, std::string_view argument, const torch::Tensor& tensor, torch::IntArrayRef shape) {
  if (!tensor.defined() || tensor.sizes() != shape) {
    fail<ShapeError>(function, argument, fmt::format("[{}]", fmt::join(shape.vec(), ", ")), describe(tensor));
  }
}

void check_finite(std::string_view function, std::string_view argument, const torch::Tensor& tensor) {
  if (!tensor.isfinite().all().item<bool>()) {
    const auto bad = tensor.numel() - tensor.isfinite().sum().item<std::int64_t>();
    fail<DataError>(function, argument, "finite", fmt::format("{} values of NaN or infinity in {}", bad, describe(tensor)));
  }
}

}  // namespace diva::inline v0_1::detail
