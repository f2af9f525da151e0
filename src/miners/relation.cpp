#include <diva/core/checks.hpp>
#include <diva/miners/relation.hpp>

#include <cmath>
#include <numeric>
#include <string>

namespace diva::inline v0_1 {
namespace {

void check_table(const char* function, const char* argument, const torch::Tensor& table, torch::ScalarType type,
                 const torch::Tensor& labels) {
  if (!table.defined() || table.dim() != 2 || table.scalar_type() != type || table.size(1) < 1 || table.size(1) != labels.size(1) ||
      table.device() != labels.device()) {
    const bool first = table.is_same(labels);
    const auto columns = first ? std::string("L") : std::to_string(labels.size(1));
    detail::fail<ShapeError>(
        function, argument,
        "[samples, " + columns + "] " + (type == torch::kBool ? "bool" : "int64") + (first ? "" : " on the device of the labels"),
        detail::describe(table));
  }
}

// The labels of both sides, checked.
std::pair<torch::Tensor, torch::Tensor> both_sides(const char* function, const torch::Tensor& labels,
                                                   const torch::Tensor& reference_labels, torch::ScalarType type) {
  check_table(function, "labels", labels, type, labels);
  if (!reference_labels.defined()) return {labels, labels};
  check_table(function, "reference_labels", reference_labels, type, labels);
  return {labels, reference_labels};
}

}  // namespace

Relation multi_label_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels, std::int64_t min_shared) {
  const auto [own, others] = both_sides("multi_label_relation", labels, reference_labels, torch::kBool);
  if (min_shared < 1) {
    detail::fail<OptionError>("multi_label_relation", "min_shared", "at least 1", std::to_string(min_shared));
  }
  const auto shared = own.to(torch::kFloat32).mm(others.to(torch::kFloat32).t());
  return {shared >= static_cast<double>(min_shared) - 0.5, shared < 0.5};
}

Relation graded_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels, const torch::Tensor& label_weights) {
  constexpr auto function = "graded_relation";
  const auto [own, others] = both_sides(function, labels, reference_labels, torch::kBool);
  // In double: the difference of sums below must be 0 where it should be.
  auto weights = torch::ones({own.size(1)}, own.options().dtype(torch::kFloat64));
  if (label_weights.defined()) {
    detail::check_shape(function, "label_weights", label_weights, {own.size(1)});
    detail::check_finite(function, "label_weights", label_weights);
    if ((label_weights < 0).any().item<bool>()) {
      detail::fail<DataError>(function, "label_weights", "at least 0", std::to_string(label_weights.min().item<double>()));
    }
    weights = label_weights.to(weights.options());
  }
  const auto a = own.to(torch::kFloat64), b = others.to(torch::kFloat64);
  const auto shared = (a * weights).mm(b.t());
  const auto either = a.mv(weights).unsqueeze(1) + b.mv(weights).unsqueeze(0) - shared;
  const auto jaccard = (shared / either.masked_fill(either <= 0, 1)).clamp(0, 1).to(torch::kFloat32);
  return {jaccard, 1 - jaccard};
}

Relation hierarchical_relation(const torch::Tensor& labels, const torch::Tensor& reference_labels,
                               const std::vector<double>& level_weights) {
  constexpr auto function = "hierarchical_relation";
  const auto [own, others] = both_sides(function, labels, reference_labels, torch::kInt64);
  const auto levels = own.size(1);
  auto weights = level_weights;
  if (weights.empty()) weights.assign(static_cast<std::size_t>(levels), 1 / static_cast<double>(levels));
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  bool negative = false;
  for (const double weight : weights) negative = negative || !(weight >= 0);
  if (static_cast<std::int64_t>(weights.size()) != levels || negative || std::abs(sum - 1) > 1e-6) {
    detail::fail<OptionError>(function, "level_weights", std::to_string(levels) + " numbers of at least 0 and of sum 1",
                              std::to_string(weights.size()) + " of sum " + std::to_string(sum));
  }
  auto agree = torch::ones({own.size(0), others.size(0)}, own.options().dtype(torch::kBool));
  auto grade = torch::zeros({own.size(0), others.size(0)}, own.options().dtype(torch::kFloat64));
  for (std::int64_t level = 0; level < levels; ++level) {
    agree = agree & (own.select(1, level).unsqueeze(1) == others.select(1, level).unsqueeze(0));
    grade = grade + agree.to(torch::kFloat64) * weights[static_cast<std::size_t>(level)];
  }
  const auto positive = grade.masked_fill(agree, 1).to(torch::kFloat32);  // exactly, whatever the rounding of the weights
  return {positive, 1 - positive};
}

}  // namespace diva::inline v0_1
