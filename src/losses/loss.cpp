#include <diva/core/checks.hpp>
#include <diva/losses/loss.hpp>

#include <algorithm>

namespace diva::inline v0_1 {
namespace {

void check_tuples(std::string_view function, const Tuples& tuples, std::int64_t batch, std::int64_t references) {
  const auto check = [&](const char* anchors_name, const torch::Tensor& anchors, const char* others_name,
                         const torch::Tensor& others) {
    detail::check_indices(function, anchors_name, anchors, batch);
    detail::check_indices(function, others_name, others, references);
    detail::check_shape(function, others_name, others, anchors.sizes());
  };
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    check("anchors", triplets->anchors, "positives", triplets->positives);
    check("anchors", triplets->anchors, "negatives", triplets->negatives);
  } else if (const auto* pairs = std::get_if<Pairs>(&tuples)) {
    check("anchors", pairs->anchors, "positives", pairs->positives);
    check("negative_anchors", pairs->negative_anchors, "negatives", pairs->negatives);
  }
}

}  // namespace

torch::Tensor Loss::forward(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples,
                            const std::optional<Reference>& reference) {
  const auto function = std::string(name()) + " loss";
  Comparison comparison{.embeddings = embeddings, .labels = labels, .reference = reference, .relation = {}};
  if (const auto* relation = std::get_if<Relation>(&tuples)) comparison.relation = *relation;
  if (!needs_labels()) {
    const auto number = [](torch::Tensor& missing, const torch::Tensor& rows) {
      if (!missing.defined() && rows.defined() && rows.dim() > 0)
        missing = torch::arange(rows.size(0), torch::TensorOptions(rows.device()).dtype(torch::kInt64));
    };
    number(comparison.labels, embeddings);
    if (reference) number(comparison.reference->labels, reference->embeddings);
  }
  detail::check_comparison(function, comparison, num_classes() >= 0, num_classes());
  if (reference && !takes_reference())
    detail::fail<OptionError>(function, "reference", "none: it compares a batch with itself or with its own proxies", "one");
  check_tuples(function, tuples, embeddings.size(0), comparison.reference_size());
  const auto widened = [](const torch::Tensor& x) { return x.element_size() < 4 ? x.to(torch::kFloat32) : x; };
  comparison.embeddings = widened(embeddings);
  if (reference) comparison.reference->embeddings = widened(reference->embeddings).to(comparison.embeddings.scalar_type());
  return compute(comparison, tuples);
}

namespace detail {

Triplets as_triplets(std::string_view function, const Comparison& comparison, const Tuples& tuples) {
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) return *triplets;
  if (std::holds_alternative<Pairs>(tuples))
    fail<OptionError>(function, "tuples", "triplets, a relation, or none (all of the batch)", "pairs");
  return all_triplets(comparison);
}

Pairs as_pairs(const Comparison& comparison, const Tuples& tuples) {
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) return *pairs;
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    return {triplets->anchors, triplets->positives, triplets->anchors, triplets->negatives};
  }
  return all_pairs(comparison);
}

torch::Tensor mean_or_zero(const torch::Tensor& values, const torch::Tensor& count) { return values.sum() / count.clamp_min(1); }

torch::Tensor mean_or_zero(const torch::Tensor& values) {
  return values.sum() / static_cast<double>(std::max<std::int64_t>(values.numel(), 1));
}

}  // namespace detail
}  // namespace diva::inline v0_1
