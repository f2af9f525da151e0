#include "candidates.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/parametric.hpp>

#include <string>

namespace diva::inline v0_1 {
namespace {

constexpr double smallest_weight = 1e-25, largest_weight = 1e25;

torch::Tensor starting_weights(const ParametricMinerOptions& options) {
  const auto places = (torch::arange(options.bins, torch::kFloat64) + 0.5) / static_cast<double>(options.bins);
  const auto from_center = options.lower + (options.upper - options.lower) * places - options.start_center;
  switch (options.start) {
    case SamplingStart::window:
      return (from_center.abs() <= options.start_width).to(torch::kFloat64).clamp_min(1e-15);
    case SamplingStart::normal:
      return (-from_center.square() / (2 * options.start_width * options.start_width)).exp().clamp_min(1e-15);
    case SamplingStart::flat:
      break;
  }
  return torch::ones({options.bins}, torch::kFloat64);
}

// Itself marked, where the reference is the batch.
torch::Tensor with_itself(const torch::Tensor& rows, const torch::Tensor& anchors) {
  return rows.scatter(1, anchors.unsqueeze(1), 1);
}

}  // namespace

ParametricMiner::ParametricMiner(const ParametricMinerOptions& options) : options_(options) {
  validate_fields("ParametricMiner", options);
  if (!(options.lower < options.upper)) {
    detail::fail<OptionError>("ParametricMiner", "upper", "greater than lower = " + std::to_string(options.lower),
                              std::to_string(options.upper));
  }
  weights_ = starting_weights(options);
}

Triplets ParametricMiner::operator()(const Comparison& comparison, Generator& generator) const {
  constexpr auto function = "ParametricMiner";
  if (options_.include_anchor && comparison.reference)
    detail::fail<OptionError>(function, "reference", "none: anchors are to be their own positives", "one");
  auto [anchors, positive, negative] = detail::candidates(function, comparison);
  auto others = negative != 0;
  if (options_.include_positives) others = others | (positive != 0);
  if (options_.include_anchor) {
    positive = with_itself(positive, anchors);
    if (options_.include_positives) others = with_itself(others, anchors);
  }
  const auto distances = detail::mining_distances(comparison, anchors);
  const auto edges = torch::linspace(options_.lower, options_.upper, options_.bins + 1, distances.options());
  const auto bin = torch::bucketize(distances, edges.narrow(0, 1, options_.bins).contiguous()).clamp_max(options_.bins - 1);
  const auto table = distribution().to(distances.device());
  const auto chances = table.index_select(0, bin.view(-1)).view(bin.sizes()).masked_fill(~others, 0);
  const auto positives = detail::draw(positive, generator);
  return {anchors, positives, detail::draw(chances, generator)};
}

torch::Tensor ParametricMiner::distribution() const { return weights_ / weights_.sum(); }

void ParametricMiner::adjust(const torch::Tensor& factors) {
  detail::check_shape("ParametricMiner::adjust", "factors", factors, {options_.bins});
  detail::check_finite("ParametricMiner::adjust", "factors", factors);
  const auto values = factors.detach().to(torch::kCPU, torch::kFloat64);
  if (!(values > 0).all().item<bool>()) {
    detail::fail<DataError>("ParametricMiner::adjust", "factors", "greater than 0", std::to_string(values.min().item<double>()));
  }
  weights_ = (weights_ * values).clamp(smallest_weight, largest_weight);
}

State ParametricMiner::state() const {
  State state;
  state.put("weights", weights_);
  return state;
}

void ParametricMiner::restore(const State& state) {
  const auto& weights = state.tensor("weights");
  if (weights.dim() != 1 || weights.size(0) != options_.bins) {
    detail::fail<DataError>("ParametricMiner::restore", "weights", "[" + std::to_string(options_.bins) + "]",
                            detail::describe(weights));
  }
  weights_ = weights.to(torch::kCPU, torch::kFloat64).clone();
}

}  // namespace diva::inline v0_1
