#include "classes.hpp"
#include "deck.hpp"
#include "one_thread.hpp"

#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/samplers/hard_mining_sampler.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace diva::inline v0_1 {

torch::Tensor occurrence_weights(const std::vector<torch::Tensor>& indices, std::int64_t count) {
  if (count < 0) detail::fail<OptionError>("occurrence_weights", "count", "at least 0", std::to_string(count));
  auto weights = torch::zeros({count}, torch::kFloat64);
  auto* weight = weights.data_ptr<double>();
  for (const auto& tensor : indices) {
    const auto values = tensor.defined() ? tensor.to(torch::kCPU).contiguous() : tensor;
    detail::check_indices("occurrence_weights", "indices", values, count);
    for (std::int64_t i = 0; i < values.numel(); ++i) ++weight[values.data_ptr<std::int64_t>()[i]];
  }
  const double most = count == 0 ? 0 : *std::max_element(weight, weight + count);
  return most > 0 ? weights / most : weights;
}

HardMiningSampler::HardMiningSampler(std::vector<std::int64_t> labels, SampleHardness hardness, HardMiningSamplerOptions options,
                                     Generator generator)
    : FeatureSampler(std::max<std::int64_t>(std::ssize(labels), 1), options.store, generator),
      labels_(std::move(labels)),
      hardness_(std::move(hardness)),
      options_(options) {
  validate_fields("HardMiningSampler", options_);
  if (!hardness_) detail::fail<OptionError>("HardMiningSampler", "hardness", "a function", "none");
  detail::check_samples("HardMiningSampler", std::ssize(labels_), options_.batch_size);
  if (options_.subset_size > 0 && options_.subset_size < options_.batch_size) {
    detail::fail<OptionError>("HardMiningSampler", "subset_size", fmt::format("0 or at least batch_size = {}", options_.batch_size),
                              std::to_string(options_.subset_size));
  }
  batch_size_ = options_.batch_size;
  const auto subset = options_.subset_size == 0 ? std::ssize(labels_) : std::min(options_.subset_size, std::ssize(labels_));
  batches_per_epoch_ = subset / batch_size_;
}

std::vector<std::int64_t> HardMiningSampler::plan(const torch::Tensor& features, Generator generator) const {
  auto draws = generator.fork(0), mining = generator.fork(1);
  auto subset = detail::numbers(std::ssize(labels_));
  if (options_.subset_size > 0) subset = detail::draw_different(std::move(subset), options_.subset_size, draws);
  std::vector<std::int64_t> subset_labels;
  for (const auto sample : subset) subset_labels.push_back(labels_[static_cast<std::size_t>(sample)]);

  const auto rows = torch::tensor(subset, torch::kInt64);
  torch::Tensor weights;
  detail::on_one_thread([&] {
    torch::NoGradGuard no_grad;
    weights = hardness_(features.index_select(0, rows), torch::tensor(subset_labels, torch::kInt64), mining);
  });
  if (!weights.defined() || !weights.sizes().equals({std::ssize(subset)}))
    detail::fail<DataError>("HardMiningSampler", "hardness", fmt::format("[{}]", subset.size()), detail::describe(weights));
  const auto values = weights.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  const auto* weight = values.data_ptr<double>();
  for (std::size_t i = 0; i < subset.size(); ++i) {
    if (!(weight[i] >= 0) || std::isinf(weight[i]))
      detail::fail<DataError>("HardMiningSampler", "hardness", "finite and at least 0", std::to_string(weight[i]));
  }

  return plan_batches(generator.fork(2), [&](Generator& own) {
    // Exponential waiting times, the shortest first; those that wait for ever stand last, in random order.
    std::vector<std::pair<double, double>> keys(subset.size());
    std::vector<std::size_t> order(subset.size());
    for (std::size_t i = 0; i < subset.size(); ++i) {
      const double wait = -std::log(1 - own.uniform());
      keys[i] = weight[i] > 0 ? std::pair{wait / weight[i], 0.0} : std::pair{std::numeric_limits<double>::infinity(), wait};
      order[i] = i;
    }
    std::partial_sort(order.begin(), order.begin() + batch_size(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::pair{keys[a], a} < std::pair{keys[b], b};
    });
    std::vector<std::int64_t> batch;
    for (std::int64_t i = 0; i < batch_size(); ++i) batch.push_back(subset[order[static_cast<std::size_t>(i)]]);
    return batch;
  });
}

}  // namespace diva::inline v0_1
