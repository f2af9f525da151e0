#include "rows.hpp"

#include <diva/losses/loss.hpp>

#include <algorithm>

namespace diva::inline v0_1::detail {
namespace {

torch::Tensor any_positive(const Comparison& comparison, const Tuples& tuples) {
  const auto known = [&](bool value) { return torch::full({}, value, comparison.embeddings.options().dtype(torch::kBool)); };
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) return known(triplets->size() > 0);
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) return known(pairs->anchors.size(0) > 0);
  if (comparison.relation) return (relation_rows(comparison).positive != 0).any();
  if (comparison.reference) return torch::isin(comparison.labels, comparison.reference_labels()).any();
  if (comparison.size() < 2) return known(false);
  const auto sorted = std::get<0>(comparison.labels.sort());
  return (sorted.narrow(0, 1, sorted.size(0) - 1) == sorted.narrow(0, 0, sorted.size(0) - 1)).any();
}

}  // namespace

torch::Tensor restrict_to(const torch::Tensor& mask, const torch::Tensor& kept) {
  return mask.scalar_type() == torch::kBool ? mask & kept : mask * kept.to(mask.scalar_type());
}

torch::Tensor either_of(const torch::Tensor& a, const torch::Tensor& b) {
  if (a.scalar_type() == torch::kBool && b.scalar_type() == torch::kBool) return a | b;
  const auto type = a.scalar_type() == torch::kBool ? b.scalar_type() : a.scalar_type();
  return torch::maximum(a.to(type), b.to(type));
}

Elements pair_cross_entropy(const PairBlock& block, double scale) {
  const auto logits = scale == 1 ? block.values : block.values * scale;
  const auto negatives = masked_logsumexp(logits, block.negative, false).unsqueeze(1);
  return {log1p_exp(negatives - logits), block.positive};
}

Elements neighbour_cross_entropy(const PairBlock& block, const torch::Tensor& logits) {
  const auto all = masked_logsumexp(logits, either_of(block.positive, block.negative), false);
  const auto right = masked_logsumexp(logits, block.positive, false);
  // −∞ − −∞ in rows without any: rows without a positive do not count.
  const auto counted = any_of(block.positive);
  return {all.masked_fill(~counted, 0) - right.masked_fill(~counted, 0), counted};
}

std::pair<torch::Tensor, torch::Tensor> positive_pairs(const Comparison& comparison, const Tuples& tuples) {
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) return {triplets->anchors, triplets->positives};
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) return {pairs->anchors, pairs->positives};
  const auto batch = comparison.size(), references = comparison.reference_size();
  const auto rows =
      std::clamp<std::int64_t>(pairs_at_once / std::max<std::int64_t>(references, 1), 1, std::max<std::int64_t>(batch, 1));
  std::vector<torch::Tensor> found = {torch::empty({0, 2}, comparison.embeddings.options().dtype(torch::kInt64))};
  for (std::int64_t first = 0; first < batch; first += rows) {
    auto pairs = relation_rows(comparison, first, std::min(rows, batch - first)).positive.nonzero();
    pairs.select(1, 0).add_(first);
    found.push_back(pairs);
  }
  const auto all = torch::cat(found);
  return {all.select(1, 0).contiguous(), all.select(1, 1).contiguous()};
}

torch::Tensor norm_penalty(const Comparison& comparison, const Tuples& tuples, double weight) {
  const auto& x = comparison.embeddings;
  return weight * mean_or_zero(x.norm(2, 1)) * any_positive(comparison, tuples).to(x.scalar_type());
}

}  // namespace diva::inline v0_1::detail
