#include <diva/core/checks.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/snr_loss.hpp>

#include "triplet_rows.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr DistanceOptions ratio = {.kind = Distance::snr};

}  // namespace

SnrLoss::SnrLoss(const SnrLossOptions& options, std::int64_t num_classes) : options_(options) {
  validate_fields("SnrLoss", options);
  if (options.boundary <= 0) return;
  if (num_classes < 1)
    detail::fail<OptionError>("SnrLoss", "num_classes", "at least 1 for a boundary a class", std::to_string(num_classes));
  boundary_ = torch::full({num_classes}, options.boundary, torch::kFloat32).requires_grad_();
}

std::vector<NamedTensor> SnrLoss::named_parameters() const {
  if (!boundary_.defined()) return {};
  return {{"beta", boundary_}};
}

torch::Tensor SnrLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto& x = comparison.embeddings;
  const auto sums = x.sum(1).abs();
  const bool by_triplets = options_.counting == Variant::repo;
  if (!std::holds_alternative<Triplets>(tuples) && !std::holds_alternative<Pairs>(tuples)) {
    const auto function = [margin = options_.margin, by_triplets](const PairBlock& block,
                                                                  const std::vector<torch::Tensor>& parameters) {
      if (parameters.empty()) return std::vector<Elements>{detail::triplet_rows(block, {.margin = margin})};
      const auto boundary = parameters[0].to(block.values.scalar_type()).index_select(0, block.labels).unsqueeze(1);
      return std::vector<Elements>{detail::margin_rows(block.values, block, boundary, margin, by_triplets)};
    };
    std::vector<torch::Tensor> parameters;
    if (boundary_.defined()) parameters.push_back(boundary_);
    auto loss =
        pairwise_loss(comparison, tuples, {.distance = ratio, .reducer = {.kind = Reduction::non_zero_mean}}, parameters, function);
    if (options_.regularizer > 0) {
      // The number of each anchor's triplets, from its pairs alone.
      const auto number = detail::triplets_of_rows(comparison).to(x.scalar_type());
      loss = loss + options_.regularizer * (sums * number).sum() / number.sum().clamp_min(1);
    }
    return loss;
  }
  const auto [anchors, positives, negatives] = detail::as_triplets("snr loss", comparison, tuples);
  const auto anchor = x.index_select(0, anchors);
  const auto near = distance(anchor, comparison.reference_embeddings().index_select(0, positives), ratio);
  const auto far = distance(anchor, comparison.reference_embeddings().index_select(0, negatives), ratio);
  torch::Tensor losses, active;
  if (boundary_.defined()) {
    const auto boundary = boundary_.to(x.scalar_type()).index_select(0, comparison.labels.index_select(0, anchors));
    const auto pull = (near - boundary + options_.margin).relu(), push = (boundary - far + options_.margin).relu();
    losses = pull + push;
    active = by_triplets ? ((pull > 0) | (push > 0)).sum() : (pull > 0).sum() + (push > 0).sum();
  } else {
    losses = (near - far + options_.margin).relu();
    active = (losses > 0).sum();
  }
  return detail::mean_or_zero(losses, active) + options_.regularizer * detail::mean_or_zero(sums.index_select(0, anchors));
}

}  // namespace diva::inline v0_1
