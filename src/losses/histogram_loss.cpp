#include <diva/core/checks.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/soft_rank.hpp>

#include <algorithm>
#include <string>

namespace diva::inline v0_1 {
namespace {

// A pair within the batch is one pair both ways round.
Tuples both_ways(const Tuples& tuples) {
  const auto* triplets = std::get_if<Triplets>(&tuples);
  const auto* given = std::get_if<Pairs>(&tuples);
  if (triplets == nullptr && given == nullptr) return tuples;
  const auto pairs =
      triplets == nullptr ? *given : Pairs{triplets->anchors, triplets->positives, triplets->anchors, triplets->negatives};
  return Pairs{torch::cat({pairs.anchors, pairs.positives}), torch::cat({pairs.positives, pairs.anchors}),
               torch::cat({pairs.negative_anchors, pairs.negatives}), torch::cat({pairs.negatives, pairs.negative_anchors})};
}

// [B] bool: which anchors have a positive.
torch::Tensor paired_anchors(const Comparison& comparison, const Tuples& tuples) {
  const auto step = std::max<std::int64_t>(1, pairs_at_once / std::max<std::int64_t>(1, comparison.reference_size()));
  std::vector<torch::Tensor> parts = {torch::zeros({0}, comparison.embeddings.options().dtype(torch::kBool).requires_grad(false))};
  for (std::int64_t first = 0; first < comparison.size(); first += step) {
    const auto rows = detail::relation_rows(comparison, tuples, first, std::min(step, comparison.size() - first));
    parts.push_back(detail::any_of(rows.positive));
  }
  return torch::cat(parts);
}

torch::Tensor normalized(const torch::Tensor& histogram, const torch::Tensor& number) {
  return histogram / number.masked_fill(number == 0, 1);
}

}  // namespace

HistogramLoss::HistogramLoss(const HistogramLossOptions& options) : options_(options) {
  validate_fields("HistogramLoss", options);
  if (options.distance.kind != Distance::cosine && options.distance.kind != Distance::dot) {
    detail::fail<OptionError>("HistogramLoss", "distance", "cosine or dot", to_string(options.distance.kind));
  }
  if (options.variant != Variant::repo) return;
  // The seed counts an upper share where (node r) − width == −1 + (r − 1)·width holds to the last bit.
  const double width = 2 / static_cast<double>(options.nodes - 1);
  for (std::int64_t r = 0; r < options.nodes; ++r) {
    const double node = r == options.nodes - 1 ? 1 : static_cast<double>(r) * width - 1;
    const double below = static_cast<double>(r - 1) * width - 1;
    kept_.push_back(node - width == below ? 1 : 0);
  }
}

torch::Tensor HistogramLoss::compute(const Comparison& comparison, const Tuples& given) {
  const auto tuples = comparison.reference ? given : both_ways(given);
  const auto nodes = options_.nodes;
  const double width = 2 / static_cast<double>(nodes - 1);
  const auto constants = comparison.embeddings.options().requires_grad(false);
  const PairwiseOptions pairs{.distance = options_.distance, .similarities = true, .reducer = {.kind = Reduction::sum}};
  const auto kept = kept_.empty() ? torch::Tensor() : torch::tensor(kept_, torch::kFloat64).to(constants);
  torch::Tensor paired;
  if (options_.variant == Variant::pml) paired = paired_anchors(comparison, tuples);
  const bool itself = !comparison.reference;

  const auto negatives = [paired, itself](const PairBlock& block) {
    if (!paired.defined()) return block.negative;
    auto of_rows = paired.narrow(0, block.first, block.values.size(0)).unsqueeze(1);
    if (itself) of_rows = of_rows | paired.unsqueeze(0);
    return block.negative.masked_fill(~of_rows.expand_as(block.negative), 0);
  };
  const auto histogram = [nodes, width, kept](const PairBlock& block, const torch::Tensor& mask) {
    const auto shares = detail::histogram_shares(block.values, mask, -1, width, nodes);
    return shares.lower.sum(0) + (kept.defined() ? shares.upper.sum(0) * kept : shares.upper.sum(0));
  };

  // L is a product of sums over all pairs, so first the sums, without a graph …
  auto positive = torch::zeros({nodes}, constants), negative = torch::zeros({nodes}, constants);
  auto positives = torch::zeros({}, constants), number = torch::zeros({}, constants);
  torch::Tensor cumulative, remaining, value;
  {
    const torch::NoGradGuard no_gradient;
    pairwise_loss(comparison, tuples, pairs, {}, [&](const PairBlock& block, const std::vector<torch::Tensor>&) {
      const auto others = negatives(block);
      positive += histogram(block, block.positive);
      negative += histogram(block, others);
      positives += block.positive.sum();
      number += others.sum();
      return std::vector<Elements>{{torch::zeros({1}, block.values.options())}};
    });
    cumulative = normalized(positive, positives).cumsum(0);
    const auto share = normalized(negative, number);
    value = (share * cumulative).sum();
    // … and then their gradient: ∂L/∂h⁻ = cumulative / number, ∂L/∂h⁺_q = Σ_(r ≥ q) h⁻_r / positives.
    remaining = normalized(share.flip(0).cumsum(0).flip(0), positives);
    cumulative = normalized(cumulative, number);
  }
  const auto linear = pairwise_loss(comparison, tuples, pairs, {}, [=](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto sum = (histogram(block, block.positive) * remaining).sum() + (histogram(block, negatives(block)) * cumulative).sum();
    return std::vector<Elements>{{sum.view(1)}};
  });
  return value + (linear - linear.detach());
}

}  // namespace diva::inline v0_1
