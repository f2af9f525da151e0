#include <diva/core/normalize.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/proxy_anchor_loss.hpp>

#include <cmath>

#include "fused_pairs.hpp"

namespace diva::inline v0_1 {
namespace {

// One proxy against the batch: log(1 + Σ_p exp(−α⁺(s − δ⁺))) where it has a sample, and log(1 + Σ_n exp(α⁻(s − δ⁻))).
struct ProxyRowOfBatch {
  static constexpr int groups = 2;
  double positive_scale, positive_margin, negative_scale, negative_margin;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    const T scale = static_cast<T>(negative_scale), margin = static_cast<T>(negative_margin);
    auto largest = L::all(T(0));  // the 1 of the sum
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto z = (L::load(row.values + j) - margin) * scale;
      largest = L::where((L::load(row.relation + j) < T(0)) & (z > largest), z, largest);
    }
    const T shift = L::largest(largest);
    typename L::Vector sums = {};
    for (std::int64_t j = 0; j < row.size; j += L::count) {
      const auto z = (L::load(row.values + j) - margin) * scale - shift;
      const auto power = L::where(L::load(row.relation + j) < T(0), L::exp(z));
      sums += power;
      L::store(row.slopes + j, power);
    }
    row.set_loss(logarithm(static_cast<double>(shift), L::sum(sums)), 1);
    const T share = static_cast<T>(negative_scale / (std::exp(-static_cast<double>(shift)) + L::sum(sums)));
    for (std::int64_t j = 0; j < row.size; j += L::count) L::store(row.slopes + j, L::load(row.slopes + j) * share);

    if (row.positive_count == 0) return;
    const auto pulled = [&](std::int64_t k) {
      return -positive_scale * (static_cast<double>(row.values[row.positives[k]]) - positive_margin);
    };
    double farthest = 0, sum = 0;
    for (std::int64_t k = 0; k < row.positive_count; ++k) farthest = pulled(k) > farthest ? pulled(k) : farthest;
    for (std::int64_t k = 0; k < row.positive_count; ++k) sum += std::exp(pulled(k) - farthest);
    row.set_loss(logarithm(farthest, sum), 0);
    const double steep = -positive_scale / (std::exp(-farthest) + sum);
    for (std::int64_t k = 0; k < row.positive_count; ++k)
      row.slopes[row.positives[k]] = static_cast<T>(steep * std::exp(pulled(k) - farthest));
  }

  // log(1 + e^shift · sum) for shift ≥ 0.
  static double logarithm(double shift, double sum) {
    return shift > 0 ? shift + std::log(std::exp(-shift) + sum) : std::log1p(sum);
  }
};

// log(1 + e^x). torch's returns x itself above a threshold, which shows at 20, where the seed has it, but not at 40.
torch::Tensor softplus(const torch::Tensor& x, Variant variant) {
  return torch::softplus(x, 1, variant == Variant::repo ? 20 : 40);
}

torch::Tensor pull(const torch::Tensor& similarities, const ProxyAnchorLossOptions& options) {
  return (similarities - options.positive_margin) * -options.positive_scale;
}

torch::Tensor push(const torch::Tensor& similarities, const ProxyAnchorLossOptions& options) {
  return (similarities - options.negative_margin) * options.negative_scale;
}

// How many samples the batch has of each class.
torch::Tensor members_of(std::int64_t classes, const torch::Tensor& targets, const torch::Tensor& embeddings) {
  const auto options = embeddings.options().requires_grad(false);
  return torch::zeros({classes}, options).index_add(0, targets, torch::ones(targets.sizes(), options));
}

}  // namespace

ProxyAnchorLoss::ProxyAnchorLoss(const ProxyAnchorLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
                                 Generator& generator)
    : ProxyLoss("ProxyAnchorLoss", options.proxies, num_classes, embed_dim, generator), options_(options) {
  validate_fields("ProxyAnchorLoss", options);
}

torch::Tensor ProxyAnchorLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  if (options_.mode == ProxyMode::anchor && options_.variant != Variant::repo && !now.weights.defined()) {
    const auto fused = detail::fused_pairs(
        {.embeddings = now.rows, .labels = now.classes, .reference = Reference{comparison.embeddings, now.labels}}, {},
        {.distance = options_.distance, .similarities = true, .reducer = options_.reducer},
        ProxyRowOfBatch{options_.positive_scale, options_.positive_margin, options_.negative_scale, options_.negative_margin});
    if (fused.defined()) return fused;
  }
  auto distance = options_.distance;
  const bool unit = distance.normalize || distance.kind == Distance::cosine;
  // Once for all blocks.
  const auto x = unit ? l2_normalize(comparison.embeddings) : comparison.embeddings;
  const auto rows = unit ? l2_normalize(now.rows) : now.rows;
  distance.normalize = false;
  if (distance.kind == Distance::cosine && distance.power == 1) distance.kind = Distance::dot;
  return options_.mode == ProxyMode::anchor ? by_proxy(x, rows, now, distance) : by_anchor(x, rows, now, distance);
}

torch::Tensor ProxyAnchorLoss::by_proxy(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& now,
                                        const DistanceOptions& distance) const {
  torch::Tensor shares;  // repo: of the samples, times the number of classes present
  if (options_.variant == Variant::repo && embeddings.size(0) > 0) {
    const auto members = members_of(now.classes.size(0), now.targets, embeddings);
    shares = members * (members > 0).sum().to(members.scalar_type()) / static_cast<double>(embeddings.size(0));
  }
  return pairwise_loss(
      {.embeddings = rows, .labels = now.classes, .reference = Reference{embeddings, now.labels}}, {},
      {.distance = distance, .similarities = true, .reducer = options_.reducer}, {},
      [options = options_, weights = now.weights, shares](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto weighted = [&](const torch::Tensor& mask) { return weights.defined() ? mask * weights : mask; };
        const auto positive = weighted(block.positive), negative = weighted(block.negative);
        const auto with_positive = detail::any_of(positive);
        const auto up = pull(block.values, options), down = push(block.values, options);
        if (options.variant != Variant::repo) {
          return std::vector<Elements>{{detail::masked_logsumexp(up, positive, true), with_positive},
                                       {detail::masked_logsumexp(down, negative, true)}};
        }
        const auto pulled = softplus(detail::masked_logsumexp(up, positive, false), options.variant);
        return std::vector<Elements>{
            {pulled * shares.narrow(0, block.first, pulled.size(0)), with_positive},
            {softplus(detail::masked_logsumexp(down, negative, false), options.variant), detail::any_of(negative)}};
      });
}

torch::Tensor ProxyAnchorLoss::by_anchor(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& now,
                                         const DistanceOptions& distance) const {
  torch::Tensor repeats;  // repo: log of how many samples of the batch have the same class
  if (options_.variant == Variant::repo)
    repeats = members_of(now.classes.size(0), now.targets, embeddings).index_select(0, now.targets).log();
  return pairwise_loss({.embeddings = embeddings, .labels = now.labels, .reference = Reference{rows, now.classes}}, {},
                       {.distance = distance, .similarities = true, .reducer = options_.reducer}, {},
                       [options = options_, targets = now.targets, weights = now.weights, repeats](
                           const PairBlock& block, const std::vector<torch::Tensor>&) {
                         const auto count = block.values.size(0);
                         const auto own = targets.narrow(0, block.first, count).unsqueeze(1);
                         auto pulled = pull(block.values.gather(1, own).squeeze(1), options);
                         if (repeats.defined()) pulled = pulled + repeats.narrow(0, block.first, count);
                         pulled = softplus(pulled, options.variant);
                         auto pushed = softplus(detail::masked_logsumexp(push(block.values, options), block.negative, false),
                                                options.variant);
                         if (weights.defined()) {
                           const auto of_rows = weights.narrow(0, block.first, count);
                           pulled = pulled * of_rows;
                           pushed = pushed * of_rows;
                         }
                         return std::vector<Elements>{{pulled}, {pushed, detail::any_of(block.negative)}};
                       });
}

torch::Tensor ProxyAnchorLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return pairwise_similarities(embeddings, rows, options_.distance);
}

}  // namespace diva::inline v0_1
