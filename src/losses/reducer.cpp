#include <diva/core/checks.hpp>
#include <diva/losses/reducer.hpp>

#include <string>

namespace diva::inline v0_1 {
namespace {

// Losses with those that do not count set to 0, times their weights.
torch::Tensor counted(const Elements& elements) {
  if (!elements.mask.defined()) return elements.losses;
  if (elements.mask.scalar_type() == torch::kBool) return elements.losses.masked_fill(~elements.mask, 0);
  // Zeros first: 0 · ∞ is no 0.
  return elements.losses.masked_fill(elements.mask == 0, 0) * elements.mask.to(elements.losses.scalar_type());
}

torch::Tensor count(const Elements& elements) {
  if (elements.number.defined()) return elements.number.sum();
  if (!elements.mask.defined())
    return torch::full({}, elements.losses.numel(), torch::TensorOptions(elements.losses.device()).dtype(torch::kInt64));
  return (elements.mask != 0).sum();
}

// One row an anchor: its sum and the number of its losses above 0.
std::pair<torch::Tensor, torch::Tensor> by_anchor(const Elements& elements, const torch::Tensor& losses, std::int64_t anchors) {
  const auto above = (elements.active.defined() ? elements.active : losses.detach() > 0).to(losses.scalar_type());
  if (elements.anchors.defined()) {
    const auto zeros = torch::zeros({anchors}, losses.options().requires_grad(false));
    return {zeros.index_add(0, elements.anchors, losses), zeros.index_add(0, elements.anchors, above)};
  }
  if (losses.dim() == 1) return {losses, above};
  return {losses.sum(1), above.sum(1)};
}

torch::Tensor weights_of_classes(const Elements& elements, const torch::Tensor& labels, const ReducerOptions& options,
                                 const torch::Tensor& losses) {
  const auto weights = torch::tensor(options.class_weights, torch::kFloat64).to(losses.options().requires_grad(false));
  const auto of_rows = weights.index_select(0, labels);
  if (elements.anchors.defined()) return of_rows.index_select(0, elements.anchors);
  return losses.dim() == 2 ? of_rows.unsqueeze(1) : of_rows;
}

}  // namespace

namespace detail {

void check_reducer(std::string_view function, const ReducerOptions& options, const torch::Tensor& labels) {
  if (options.kind != Reduction::class_weighted) return;
  const auto classes = static_cast<std::int64_t>(options.class_weights.size());
  if (!labels.defined()) fail<ShapeError>(function, "labels", "given for the reducer class_weighted", "none");
  if (!labels.is_cuda() && labels.numel() > 0 &&
      (labels.min().item<std::int64_t>() < 0 || labels.max().item<std::int64_t>() >= classes)) {
    fail<OptionError>(function, "reducer.class_weights",
                      "one weight for each label, up to " + std::to_string(labels.max().item<std::int64_t>()),
                      std::to_string(classes) + " weights");
  }
}

Fraction reduce_block(const Elements& elements, const torch::Tensor& labels, std::int64_t anchors, const ReducerOptions& options) {
  const auto losses = counted(elements);
  const auto constant = [&](double value) { return torch::full({}, value, losses.options().requires_grad(false)); };
  switch (options.kind) {
    case Reduction::sum:
      return {losses.sum(), constant(1)};
    case Reduction::divisor:
      return {losses.sum() / options.divisor, constant(1)};
    case Reduction::non_zero_mean:
      return {losses.sum(), elements.active.defined() ? elements.active.sum() : (losses.detach() > 0).sum()};
    case Reduction::class_weighted:
      return {(losses * weights_of_classes(elements, labels, options, losses)).sum(), count(elements)};
    case Reduction::threshold: {
      if (elements.active.defined()) return {losses.sum(), elements.active.sum()};
      const auto values = losses.detach();
      const auto outside = (values <= options.low) | (values >= options.high);  // NaN is in neither
      return {losses.masked_fill(outside, 0).sum(), (~outside).sum()};
    }
    case Reduction::per_anchor: {
      const auto [sums, numbers] = by_anchor(elements, losses, anchors);
      return {(sums / numbers.clamp_min(1)).sum(), constant(static_cast<double>(anchors))};
    }
    case Reduction::mean:
    case Reduction::none:
      break;
  }
  return {losses.sum(), count(elements)};
}

}  // namespace detail

torch::Tensor reduce(const std::vector<Elements>& groups, const torch::Tensor& labels, std::int64_t anchors,
                     const ReducerOptions& options) {
  detail::check_reducer("reduce", options, labels);
  torch::Tensor total;
  std::vector<torch::Tensor> values;
  for (const auto& group : groups) {
    if (options.kind == Reduction::none) {
      if (group.number.defined()) detail::fail<OptionError>("reduce", "reducer", "other than none for sums of elements", "none");
      const auto losses = counted(group);
      values.push_back(group.mask.defined() ? losses.masked_select(group.mask != 0) : losses.flatten());
      continue;
    }
    const auto [numerator, denominator] = detail::reduce_block(group, labels, anchors, options);
    const auto value = numerator / denominator.clamp_min(1);
    total = total.defined() ? total + value : value;
  }
  return options.kind == Reduction::none ? torch::cat(values) : total;
}

std::vector<Listing> reducer_listings() {
  constexpr std::pair<Reduction, Summary> summaries[] = {
      {Reduction::mean, {"Σ l / n", "pytorch-metric-learning: MeanReducer", "O(n)"}},
      {Reduction::sum, {"Σ l", "pytorch-metric-learning: SumReducer", "O(n)"}},
      {Reduction::non_zero_mean, {"Σ l / #(l > 0)", "pytorch-metric-learning: AvgNonZeroReducer", "O(n)"}},
      {Reduction::per_anchor, {"1/B Σ_anchors (Σ l / #(l > 0))", "pytorch-metric-learning: PerAnchorReducer", "O(n)"}},
      {Reduction::class_weighted, {"Σ w_y l / n", "pytorch-metric-learning: ClassWeightedReducer", "O(n)"}},
      {Reduction::threshold, {"Σ l / #l over low < l < high", "pytorch-metric-learning: ThresholdReducer", "O(n)"}},
      {Reduction::divisor, {"Σ l / d", "pytorch-metric-learning: DivisorReducer", "O(n)"}},
      {Reduction::none, {"l, one value an element", "pytorch-metric-learning: DoNothingReducer", "O(n)"}},
  };
  std::vector<Listing> listings;
  for (const auto& [kind, summary] : summaries) listings.push_back({std::string(to_string(kind)), summary, {}});
  return listings;
}

}  // namespace diva::inline v0_1
