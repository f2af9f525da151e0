#include <diva/core/checks.hpp>
#include <diva/losses/npair_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "fused_kernels.hpp"
#include "rows.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace diva::inline v0_1 {
namespace {

// The first two of each class, on the CPU.
std::pair<torch::Tensor, torch::Tensor> first_two(const torch::Tensor& labels) {
  const auto* label = labels.data_ptr<std::int64_t>();
  const auto n = static_cast<std::size_t>(labels.size(0));
  std::vector<std::int64_t> order(n), first, second;
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [label](std::int64_t a, std::int64_t b) { return label[a] < label[b]; });
  for (std::size_t begin = 0, end = 0; begin < n; begin = end) {
    while (end < n && label[order[end]] == label[order[begin]]) ++end;
    if (end - begin < 2) continue;
    first.push_back(order[begin]);
    second.push_back(order[begin + 1]);
  }
  return {torch::tensor(first, torch::kInt64), torch::tensor(second, torch::kInt64)};
}

// Of each class the first positive pair: anchors and positives [C].
std::pair<torch::Tensor, torch::Tensor> first_pairs(const Comparison& comparison, const Tuples& tuples) {
  const auto starts = [](const torch::Tensor& sorted) {  // whether each begins a run of equal ones
    return torch::cat({torch::ones({1}, sorted.options().dtype(torch::kBool)),
                       sorted.narrow(0, 1, sorted.size(0) - 1) != sorted.narrow(0, 0, sorted.size(0) - 1)});
  };
  const auto& labels = comparison.labels;
  if (std::holds_alternative<std::monostate>(tuples)) {
    // Without a list of all pairs: the first two of each class.
    const auto n = labels.size(0);
    if (n < 2) return {labels.narrow(0, 0, 0), labels.narrow(0, 0, 0)};
    if (labels.is_cpu()) return first_two(labels.contiguous());
    const auto [sorted, order] = labels.sort(true, 0, false);
    const auto first = starts(sorted);
    const auto at = (first.narrow(0, 0, n - 1) & ~first.narrow(0, 1, n - 1)).nonzero().view(-1);
    return {order.index_select(0, at), order.index_select(0, at + 1)};
  }
  const auto [anchors, positives] = detail::positive_pairs(comparison, tuples);
  if (anchors.size(0) == 0) return {anchors, positives};
  const auto [sorted, order] = labels.index_select(0, anchors).sort(true, 0, false);
  const auto chosen = order.index_select(0, starts(sorted).nonzero().view(-1));
  return {anchors.index_select(0, chosen), positives.index_select(0, chosen)};
}

}  // namespace

NPairLoss::NPairLoss(const NPairLossOptions& options) : options_(options) { validate_fields("NPairLoss", options); }

torch::Tensor NPairLoss::compute(const Comparison& given, const Tuples& tuples) {
  auto comparison = given;
  if (options_.embedding_scale != 1) {
    comparison.embeddings = given.embeddings * options_.embedding_scale;
    if (given.reference) comparison.reference->embeddings = given.reference->embeddings * options_.embedding_scale;
  }
  const PairwiseOptions options = {.distance = options_.distance, .similarities = true, .reducer = options_.reducer};
  const auto either = [&](const Comparison& compared, const Tuples& chosen, const auto& kernel, const PairFunction& function) {
    auto loss = detail::fused_pairs(compared, chosen, options, kernel);
    return loss.defined() ? loss : pairwise_loss(compared, chosen, options, {}, function);
  };
  // Among all others of the row, of which with one pair a class there is one positive.
  const auto among_all = [](const PairBlock& block, const std::vector<torch::Tensor>&) {
    const auto others = detail::masked_logsumexp(block.values, detail::either_of(block.positive, block.negative), false);
    return std::vector<Elements>{{others.unsqueeze(1) - block.values, block.positive}};
  };
  const detail::CrossEntropyAmongAll kernel_among_all = {.scale = 1, .mean = false};
  torch::Tensor loss;
  if (one_pair_a_class()) {
    detail::check_labels("npair loss", comparison.labels, comparison.embeddings);
    const auto [anchors, positives] = first_pairs(comparison, tuples);
    const auto labels = comparison.labels.index_select(0, anchors);
    const Comparison pairs = {.embeddings = comparison.embeddings.index_select(0, anchors),
                              .labels = labels,
                              .reference = Reference{comparison.embeddings.index_select(0, positives), labels},
                              .relation = {}};
    loss = either(pairs, {}, kernel_among_all, among_all);
  } else if (options_.variant == Variant::repo) {
    loss = either(comparison, tuples, kernel_among_all, among_all);
  } else {
    loss = either(comparison, tuples, detail::PairCrossEntropy<>{1, {1}},
                  [](const PairBlock& block, const std::vector<torch::Tensor>&) {
                    return std::vector<Elements>{detail::pair_cross_entropy(block, 1)};
                  });
  }
  return options_.norm_penalty > 0 ? loss + detail::norm_penalty(comparison, tuples, options_.norm_penalty) : loss;
}

}  // namespace diva::inline v0_1
