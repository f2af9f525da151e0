#include "features.hpp"

#include "deck.hpp"

#include <diva/core/checks.hpp>

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace diva::inline v0_1::detail {

Matrix rows_of(const torch::Tensor& features, const std::vector<std::int64_t>& rows) {
  const auto dim = features.size(1);
  const auto* values = features.data_ptr<float>();
  Matrix result(std::ssize(rows), dim);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(values + rows[i] * dim, dim, result.data() + static_cast<std::int64_t>(i) * dim);
  return result;
}

Matrix matrix_of(std::string_view function, const torch::Tensor& features, std::string_view argument) {
  check_embeddings(function, features, argument);
  check_finite(function, argument, features);
  const auto values = features.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return Eigen::Map<const Matrix>(values.data_ptr<double>(), values.size(0), values.size(1));
}

Matrix project(Matrix rows, std::int64_t dim, Generator& generator) {
  if (dim <= 0) return rows;
  Matrix weights(rows.cols(), dim);
  const double scale = 1 / std::sqrt(static_cast<double>(dim));
  for (Eigen::Index i = 0; i < weights.size(); ++i) weights.data()[i] = scale * generator.normal();
  return rows * weights;
}

std::vector<std::int64_t> capped_pool(const std::vector<std::vector<std::int64_t>>& classes, std::int64_t per_class,
                                      std::int64_t size, Generator& generator) {
  std::vector<std::int64_t> pool;
  for (const auto& samples : classes) {
    const auto part = draw_different(samples, std::ssize(samples) / per_class, generator);
    pool.insert(pool.end(), part.begin(), part.end());
  }
  return draw_different(std::move(pool), size, generator);
}

std::int64_t capped_pool_limit(const std::vector<std::vector<std::int64_t>>& classes, std::int64_t per_class) {
  std::int64_t limit = 0;
  for (const auto& samples : classes) limit += std::ssize(samples) / per_class;
  return limit;
}

std::vector<std::int64_t> with_classmates(const std::vector<std::int64_t>& samples,
                                          const std::vector<std::vector<std::int64_t>>& classes,
                                          const std::vector<std::int64_t>& class_of, std::int64_t per_class, Generator& generator) {
  std::unordered_set<std::int64_t> held(samples.begin(), samples.end());
  std::vector<std::int64_t> batch;
  for (const auto sample : samples) {
    auto others = classes[static_cast<std::size_t>(class_of[static_cast<std::size_t>(sample)])];
    std::erase_if(others, [&](std::int64_t other) { return held.count(other) == 1; });
    batch.push_back(sample);
    for (const auto other : draw_different(std::move(others), per_class - 1, generator)) {
      held.insert(other);
      batch.push_back(other);
    }
  }
  return batch;
}

}  // namespace diva::inline v0_1::detail
