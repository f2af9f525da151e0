#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/multiple_losses.hpp>
#include <diva/losses/sub_dimensions_loss.hpp>

#include <algorithm>
#include <string>

namespace diva::inline v0_1 {
namespace {

// Names, state and restoring are those of a sum.
MultipleLosses as_sum(const std::vector<std::shared_ptr<Loss>>& losses) {
  std::vector<WeightedLoss> parts;
  for (std::size_t i = 0; i < losses.size(); ++i) parts.push_back({.name = std::to_string(i), .loss = losses[i]});
  return MultipleLosses(std::move(parts));
}

}  // namespace

SubDimensionsLoss::SubDimensionsLoss(std::vector<std::shared_ptr<Loss>> losses, const SubDimensionsLossOptions& options)
    : losses_(std::move(losses)), options_(options) {
  validate_fields("SubDimensionsLoss", options);
  const auto terms = options.dims.size();
  if (terms == 0) detail::fail<OptionError>("SubDimensionsLoss", "dims", "at least one number of dimensions", "none");
  if (!options.weights.empty() && options.weights.size() != terms) {
    detail::fail<OptionError>("SubDimensionsLoss", "weights", "one for each of dims, or none",
                              std::to_string(options.weights.size()));
  }
  if (losses_.empty() || (losses_.size() != 1 && losses_.size() != terms)) {
    detail::fail<OptionError>("SubDimensionsLoss", "losses", "one, or one for each of dims", std::to_string(losses_.size()));
  }
  as_sum(losses_);  // refuses a missing criterion
}

torch::Tensor SubDimensionsLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto largest = *std::max_element(options_.dims.begin(), options_.dims.end());
  if (comparison.embeddings.size(1) < largest) {
    detail::fail<ShapeError>("sub_dimensions loss", "embeddings", "[batch, at least " + std::to_string(largest) + "]",
                             detail::describe(comparison.embeddings));
  }
  const auto leading = [&](const torch::Tensor& rows, std::int64_t dims) {
    const auto cut = rows.narrow(1, 0, dims);
    return options_.normalize ? l2_normalize(cut) : cut;
  };
  torch::Tensor total;
  for (std::size_t i = 0; i < options_.dims.size(); ++i) {
    auto reference = comparison.reference;
    if (reference) reference->embeddings = leading(reference->embeddings, options_.dims[i]);
    const auto value = losses_[losses_.size() == 1 ? 0 : i]->forward(leading(comparison.embeddings, options_.dims[i]),
                                                                     comparison.labels, tuples, reference);
    const auto term = options_.weights.empty() ? value : options_.weights[i] * value;
    total = total.defined() ? total + term : term;
  }
  return total;
}

std::vector<NamedTensor> SubDimensionsLoss::named_parameters() const { return as_sum(losses_).named_parameters(); }
std::vector<NamedTensor> SubDimensionsLoss::named_buffers() const { return as_sum(losses_).named_buffers(); }
State SubDimensionsLoss::state() const { return as_sum(losses_).state(); }
void SubDimensionsLoss::restore(const State& state) { as_sum(losses_).restore(state); }

}  // namespace diva::inline v0_1
