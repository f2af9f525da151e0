#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/clustering_metrics.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace diva::inline v0_1 {
namespace {

std::vector<std::int64_t> to_vector(const torch::Tensor& values) {
  const auto* data = values.data_ptr<std::int64_t>();
  return {data, data + values.numel()};
}

double entropy(const std::vector<std::int64_t>& sizes, double total) {
  double result = 0;
  for (const auto size : sizes) result -= static_cast<double>(size) / total * std::log(static_cast<double>(size) / total);
  return result;
}

double mutual_information(const Contingency& table) {
  const auto total = static_cast<double>(table.total);
  double result = 0;
  for (const auto& [row, column, count] : table.cells) {
    const double expected = static_cast<double>(table.class_sizes[row]) * static_cast<double>(table.cluster_sizes[column]) / total;
    result += static_cast<double>(count) / total * std::log(static_cast<double>(count) / expected);
  }
  return std::max(result, 0.0);
}

double mean_entropy(const Contingency& table, EntropyMean mean = EntropyMean::arithmetic) {
  const auto total = static_cast<double>(table.total);
  const double classes = entropy(table.class_sizes, total), clusters = entropy(table.cluster_sizes, total);
  switch (mean) {
    case EntropyMean::minimum:
      return std::min(classes, clusters);
    case EntropyMean::geometric:
      return std::sqrt(classes * clusters);
    case EntropyMean::maximum:
      return std::max(classes, clusters);
    default:
      return (classes + clusters) / 2;
  }
}

// E[I] over all ways to deal the samples into clusters of these sizes: a cell of a class of a and a cluster of b samples is
// hypergeometric. Sizes that occur several times are computed once.
double expected_mutual_information(const Contingency& table) {
  const auto count = table.total;
  const auto total = static_cast<double>(count);
  std::vector<double> log_factorial(count + 1, 0.0);
  for (std::int64_t n = 2; n <= count; ++n) log_factorial[n] = std::lgamma(static_cast<double>(n) + 1);
  std::map<std::int64_t, std::int64_t> class_sizes, cluster_sizes;
  for (const auto size : table.class_sizes) ++class_sizes[size];
  for (const auto size : table.cluster_sizes) ++cluster_sizes[size];

  double result = 0;
  for (const auto& [a, classes] : class_sizes) {
    for (const auto& [b, clusters] : cluster_sizes) {
      const double fixed =
          log_factorial[a] + log_factorial[b] + log_factorial[count - a] + log_factorial[count - b] - log_factorial[count];
      const double product = static_cast<double>(a) * static_cast<double>(b);
      double sum = 0;
      for (std::int64_t n = std::max<std::int64_t>(1, a + b - count); n <= std::min(a, b); ++n) {
        const double log_chance =
            fixed - log_factorial[n] - log_factorial[a - n] - log_factorial[b - n] - log_factorial[count - a - b + n];
        sum += static_cast<double>(n) / total * std::log(total * static_cast<double>(n) / product) * std::exp(log_chance);
      }
      result += sum * static_cast<double>(classes) * static_cast<double>(clusters);
    }
  }
  return result;
}

// Every class is one cluster and the reverse.
bool equal_partitions(const Contingency& table) {
  return table.cells.size() == table.class_sizes.size() && table.cells.size() == table.cluster_sizes.size();
}

double pairs(std::int64_t count) { return static_cast<double>(count) * static_cast<double>(count - 1) / 2; }

}  // namespace

Contingency contingency(const torch::Tensor& labels, const torch::Tensor& assignments) {
  constexpr auto function = "contingency";
  if (!labels.defined() || labels.dim() != 1 || labels.scalar_type() != torch::kInt64) {
    detail::fail<ShapeError>(function, "labels", "[n] int64", detail::describe(labels));
  }
  if (!assignments.defined() || assignments.scalar_type() != torch::kInt64 || assignments.sizes() != labels.sizes()) {
    detail::fail<ShapeError>(function, "assignments", fmt::format("[{}] int64, as labels", labels.size(0)),
                             detail::describe(assignments));
  }
  if (labels.size(0) == 0) detail::fail<DataError>(function, "labels", "at least one sample", "none");

  const auto [classes, rows, class_sizes] =
      at::_unique2(labels.cpu(), /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
  const auto [clusters, columns, cluster_sizes] = at::_unique2(assignments.cpu(), true, true, true);
  const auto width = clusters.size(0);
  const auto [keys, inverse, counts] = at::_unique2(rows * width + columns, true, false, true);
  Contingency table{
      .class_sizes = to_vector(class_sizes), .cluster_sizes = to_vector(cluster_sizes), .cells = {}, .total = labels.size(0)};
  for (std::int64_t i = 0; i < keys.size(0); ++i) {
    const auto key = keys.data_ptr<std::int64_t>()[i];
    table.cells.push_back({key / width, key % width, counts.data_ptr<std::int64_t>()[i]});
  }
  return table;
}

double nmi(const Contingency& table, EntropyMean mean) {
  if (equal_partitions(table)) return 1;
  if (table.class_sizes.size() == 1 || table.cluster_sizes.size() == 1) return 0;
  return std::min(1.0, mutual_information(table) / mean_entropy(table, mean));
}

double ami(const Contingency& table) {
  if (equal_partitions(table)) return 1;
  const double expected = expected_mutual_information(table);
  return (mutual_information(table) - expected) / (mean_entropy(table) - expected);
}

double pairwise_f1(const Contingency& table) {
  if (equal_partitions(table)) return 1;
  double both = 0, either = 0;
  for (const auto& cell : table.cells) both += pairs(cell.count);
  for (const auto size : table.class_sizes) either += pairs(size);
  for (const auto size : table.cluster_sizes) either += pairs(size);
  return 2 * both / either;
}

}  // namespace diva::inline v0_1
