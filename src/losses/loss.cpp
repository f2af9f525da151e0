#include <diva/core/checks.hpp>
#include <diva/losses/loss.hpp>

#include <algorithm>

namespace diva {
namespace {

void check_tuples(std::string_view function, const Tuples& tuples, std::int64_t batch) {
  const auto check = [&](std::initializer_list<std::pair<const char*, const torch::Tensor*>> indices) {
    const auto size = indices.begin()->second->defined() ? indices.begin()->second->numel() : 0;
    for (const auto& [argument, tensor] : indices) {
      detail::check_indices(function, argument, *tensor, batch);
      detail::check_shape(function, argument, *tensor, {size});
    }
  };
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    check({{"anchors", &triplets->anchors}, {"positives", &triplets->positives}, {"negatives", &triplets->negatives}});
  } else if (const auto* pairs = std::get_if<Pairs>(&tuples)) {
    check({{"anchors", &pairs->anchors}, {"positives", &pairs->positives}});
    check({{"negative_anchors", &pairs->negative_anchors}, {"negatives", &pairs->negatives}});
  }
}

}  // namespace

torch::Tensor Loss::forward(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples) const {
  const auto function = std::string(name()) + " loss";
  detail::check_embeddings(function, embeddings);
  detail::check_labels(function, labels, embeddings, num_classes());
  check_tuples(function, tuples, embeddings.size(0));
  const bool narrow = embeddings.element_size() < 4;
  return compute(narrow ? embeddings.to(torch::kFloat32) : embeddings, labels, tuples);
}

namespace detail {

Triplets as_triplets(std::string_view function, const Tuples& tuples, const torch::Tensor& labels) {
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) return *triplets;
  if (std::holds_alternative<Pairs>(tuples)) fail<OptionError>(function, "tuples", "triplets or none (all of the batch)", "pairs");
  return all_triplets(labels);
}

Pairs as_pairs(const Tuples& tuples, const torch::Tensor& labels) {
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) return *pairs;
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    return {triplets->anchors, triplets->positives, triplets->anchors, triplets->negatives};
  }
  return all_pairs(labels);
}

torch::Tensor mean_or_zero(const torch::Tensor& values, const torch::Tensor& count) { return values.sum() / count.clamp_min(1); }

torch::Tensor mean_or_zero(const torch::Tensor& values) {
  return values.sum() / static_cast<double>(std::max<std::int64_t>(values.numel(), 1));
}

}  // namespace detail
}  // namespace diva
