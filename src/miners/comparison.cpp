#include <diva/core/checks.hpp>
#include <diva/miners/comparison.hpp>

#include <string>

namespace diva::inline v0_1 {
namespace detail {
namespace {

void check_matrix(std::string_view function, std::string_view argument, const torch::Tensor& matrix, const Comparison& comparison) {
  check_shape(function, argument, matrix, {comparison.size(), comparison.reference_size()});
  if ((matrix.scalar_type() != torch::kBool && !matrix.is_floating_point()) || matrix.device() != comparison.embeddings.device()) {
    fail<ShapeError>(function, argument, "bool or floating point on the device of the embeddings", describe(matrix));
  }
}

// No pair of a sample with itself: the diagonal of these rows becomes zero.
torch::Tensor without_itself(const torch::Tensor& rows, std::int64_t first) {
  auto cleared = rows.clone();
  cleared.narrow(1, first, rows.size(0)).diagonal().zero_();
  return cleared;
}

torch::Tensor mark(const torch::Tensor& anchors, const torch::Tensor& others, std::int64_t references, std::int64_t first,
                   std::int64_t count) {
  auto marked = torch::zeros({count, references}, anchors.options().dtype(torch::kBool));
  const auto inside = ((anchors >= first) & (anchors < first + count)).nonzero().view(-1);
  const auto rows = anchors.index_select(0, inside) - first, columns = others.index_select(0, inside);
  marked.view(-1).index_fill_(0, rows * references + columns, true);
  return marked;
}

}  // namespace

void check_comparison(std::string_view function, const Comparison& comparison, bool needs_labels, std::int64_t num_classes) {
  const auto& x = comparison.embeddings;
  check_embeddings(function, x);
  const bool by_labels = !comparison.relation;
  if (by_labels || needs_labels || comparison.labels.defined()) check_labels(function, comparison.labels, x, num_classes);
  if (comparison.reference) {
    const auto& reference = *comparison.reference;
    check_embeddings(function, reference.embeddings, "reference.embeddings");
    if (reference.embeddings.size(1) != x.size(1) || reference.embeddings.device() != x.device()) {
      fail<ShapeError>(function, "reference.embeddings", "[R, " + std::to_string(x.size(1)) + "] on the device of the embeddings",
                       describe(reference.embeddings));
    }
    if (by_labels || reference.labels.defined()) check_labels(function, reference.labels, reference.embeddings);
  }
  if (comparison.relation) {
    check_matrix(function, "relation.positive", comparison.relation->positive, comparison);
    if (comparison.relation->negative.defined())
      check_matrix(function, "relation.negative", comparison.relation->negative, comparison);
  }
}

Relation relation_rows(const Comparison& comparison, std::int64_t first, std::int64_t count) {
  Relation rows;
  if (comparison.relation) {
    rows.positive = comparison.relation->positive.narrow(0, first, count);
    rows.negative =
        comparison.relation->negative.defined() ? comparison.relation->negative.narrow(0, first, count) : rows.positive == 0;
  } else {
    rows.positive = comparison.labels.narrow(0, first, count).unsqueeze(1) == comparison.reference_labels().unsqueeze(0);
    rows.negative = ~rows.positive;
  }
  if (!comparison.reference) {
    rows.positive = without_itself(rows.positive, first);
    if (comparison.relation) rows.negative = without_itself(rows.negative, first);
  }
  return rows;
}

Relation relation_rows(const Comparison& comparison, const Tuples& tuples, std::int64_t first, std::int64_t count) {
  const auto references = comparison.reference_size();
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    return {mark(triplets->anchors, triplets->positives, references, first, count),
            mark(triplets->anchors, triplets->negatives, references, first, count)};
  }
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) {
    return {mark(pairs->anchors, pairs->positives, references, first, count),
            mark(pairs->negative_anchors, pairs->negatives, references, first, count)};
  }
  return relation_rows(comparison, first, count);
}

}  // namespace detail

namespace {

// Relations do not read embeddings: any of the right number will do.
Comparison of_labels(std::string_view function, const torch::Tensor& labels) {
  detail::check_labels(function, labels, labels);
  return {.embeddings = torch::empty({labels.size(0), 1}, labels.options().dtype(torch::kFloat32)),
          .labels = labels,
          .reference = {},
          .relation = {}};
}

}  // namespace

Triplets all_triplets(const torch::Tensor& labels) { return all_triplets(of_labels("all_triplets", labels)); }
Pairs all_pairs(const torch::Tensor& labels) { return all_pairs(of_labels("all_pairs", labels)); }

Triplets all_triplets(const Comparison& comparison) {
  detail::check_comparison("all_triplets", comparison);
  const auto relation = detail::relation_rows(comparison);
  const auto positive = relation.positive != 0, negative = relation.negative != 0;
  constexpr std::int64_t limit = std::int64_t{1} << 27;
  const auto count = (positive.sum(1) * negative.sum(1)).sum().item<std::int64_t>();
  if (count > limit) {
    detail::fail<DataError>("all_triplets", "labels", "of at most 2^27 triplets (use a miner)",
                            std::to_string(count) + " triplets");
  }
  const auto pairs = positive.nonzero();  // [P, 2]: anchor, positive
  const auto members = negative.index_select(0, pairs.select(1, 0)).nonzero();
  const auto chosen = pairs.index_select(0, members.select(1, 0));
  return {chosen.select(1, 0).contiguous(), chosen.select(1, 1).contiguous(), members.select(1, 1).contiguous()};
}

Pairs all_pairs(const Comparison& comparison) {
  detail::check_comparison("all_pairs", comparison);
  const auto relation = detail::relation_rows(comparison);
  const auto positive = relation.positive.nonzero(), negative = relation.negative.nonzero();
  return {positive.select(1, 0).contiguous(), positive.select(1, 1).contiguous(), negative.select(1, 0).contiguous(),
          negative.select(1, 1).contiguous()};
}

}  // namespace diva::inline v0_1
