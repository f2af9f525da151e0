#include <torch/utils.h>
#include <diva/core/gradient.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/angular_loss.hpp>
#include <diva/losses/pairwise.hpp>

#include "../miners/fused_matrix.hpp"
#include "../miners/fused_relation.hpp"
#include "fused_kernels.hpp"
#include "rows.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace diva::inline v0_1 {
namespace {

// The cross entropy of a pair, the row input, among the negatives of its row.
struct AngularKernel {
  static constexpr int groups = 1;
  double scale;

  template <class L>
  DIVA_INLINE void row(detail::FusedRow<typename L::Number>& row) const {
    using T = typename L::Number;
    const auto sums = detail::sum_exponentials<L>(row, {T(0), T(0)}, detail::negative_side(detail::extremes_of<L>(row), scale));
    const auto [loss, chance] = detail::softplus(sums.log_negative - row.input);
    row.set_loss(loss);
    row.input_slope = -chance;
    detail::multiply_sides<L>(row, 0, row.negative_count == 0 ? 0 : scale * chance / sums.negative);
  }
};

// The angular term of a batch with itself on the CPU, from the products of its rows: those of (u_a + u_p)·u_n are sums of two.
template <class T>
class AngularPairs {
 public:
  AngularPairs(const Comparison& comparison, const AngularLossOptions& options)
      : comparison_(comparison),
        options_(options),
        raw_(options.variant == Variant::pml),
        anchors_(comparison.embeddings, true, false),
        negatives_(comparison.embeddings, !raw_, false) {}

  // Undefined where the relation is none that kernels take, or there is no pair.
  torch::Tensor value(const Tuples& tuples) {
    const detail::FusedRelation relation(comparison_, tuples, false);
    if (!relation.valid()) return {};
    const auto batch = comparison_.size(), stride = detail::padded(batch);
    const double tangent = std::tan(options_.angle * std::numbers::pi / 180), square = tangent * tangent, own = 2 * (1 + square);
    AngularKernel kernel = {4 * square};
    auto products = torch::zeros({batch, stride}, anchors_.rows.options());
    auto inside = products.narrow(1, 0, batch);
    at::mm_out(inside, anchors_.rows, negatives_.rows.t());
    slopes_ = torch::zeros({batch, stride}, products.options());
    shares_.assign(static_cast<std::size_t>(batch), T(0));

    const auto set = detail::best_instruction_set();
    std::vector<T> scratch(static_cast<std::size_t>(3 * stride));
    T *values = scratch.data(), *marks = values + stride, *moves = marks + stride;
    std::vector<std::int32_t> positives;
    double sum = 0, number = 0, active = 0;
    for (std::int64_t a = 0; a < batch; ++a) {
      detail::FusedRow<T> row;
      row.negative_count = relation.row(a, marks, stride, positives);
      row.values = values;
      row.relation = marks;
      row.size = stride;
      row.slopes = moves;
      const double weight = weight_of(a);
      const T *left = row_of(products, a), *lengths = anchors_.lengths.template data_ptr<T>();
      for (const auto p : positives) {
        const T* right = row_of(products, p);
        for (std::int64_t j = 0; j < stride; ++j) values[j] = left[j] + right[j];
        const double length = raw_ ? static_cast<double>(lengths[p]) : 1;
        row.input = own * static_cast<double>(left[p]) / length;
        detail::run_best<detail::KernelBody<AngularKernel>, T>(set, &kernel, &row, 0);
        sum += weight * row.sum[0];
        number += 1;
        active += row.active[0];
        if (weight != 1) detail::scale_row<T>(moves, stride, nullptr, static_cast<T>(weight), static_cast<T>(weight));
        detail::add_row<T>(moves, stride, row_of(slopes_, a));
        detail::add_row<T>(moves, stride, row_of(slopes_, p));
        row_of(slopes_, a)[p] += static_cast<T>(weight * row.input_slope * own / length);
        if (raw_) shares_[static_cast<std::size_t>(p)] += static_cast<T>(weight * row.input_slope * row.input / (length * length));
      }
    }
    if (number == 0) return {};
    divisor_ = detail::divisor_of(options_.reducer, number, active, number);  // each pair is an anchor of one element
    return torch::full({}, sum / divisor_, products.options());
  }

  [[nodiscard]] torch::Tensor gradient() {
    const auto slopes = slopes_.narrow(1, 0, comparison_.size());
    auto of_anchors = torch::mm(slopes, negatives_.rows), of_negatives = torch::mm(slopes.t(), anchors_.rows);
    const auto* lengths = anchors_.lengths.template data_ptr<T>();
    finish(of_anchors, anchors_.rows, nullptr, lengths);
    finish(of_negatives, negatives_.rows, raw_ ? shares_.data() : nullptr, raw_ ? nullptr : lengths);
    return of_anchors.add_(of_negatives).div_(divisor_);
  }

 private:
  static T* row_of(const torch::Tensor& matrix, std::int64_t i) { return matrix.template data_ptr<T>() + i * matrix.stride(0); }
  static void finish(torch::Tensor& gradient, const torch::Tensor& rows, const T* sums, const T* lengths) {
    detail::finish_rows<T>(gradient.data_ptr<T>(), rows.template data_ptr<T>(), rows.size(0), rows.size(1), sums, lengths);
  }

  [[nodiscard]] double weight_of(std::int64_t anchor) const {
    if (options_.reducer.kind != Reduction::class_weighted) return 1;
    const auto label = comparison_.labels.template data_ptr<std::int64_t>()[anchor * comparison_.labels.stride(0)];
    return options_.reducer.class_weights[static_cast<std::size_t>(label)];
  }

  const Comparison& comparison_;
  const AngularLossOptions& options_;
  bool raw_;  // negatives as they are, not normalised
  detail::FusedSide<T> anchors_, negatives_;
  torch::Tensor slopes_;   // by the products, [B, stride]
  std::vector<T> shares_;  // of each row in its own gradient, through the length that its product is divided by
  double divisor_ = 1;
};

template <class T>
torch::Tensor angular_pairs(const Comparison& comparison, const Tuples& tuples, const AngularLossOptions& options) {
  detail::check_reducer("angular loss", options.reducer, comparison.labels);
  torch::Tensor value, gradient;
  {
    const torch::NoGradGuard no_gradient;
    AngularPairs<T> pairs(comparison, options);
    value = pairs.value(tuples);
    if (!value.defined()) return value;
    gradient = pairs.gradient();
  }
  return detail::with_gradient(value, {comparison.embeddings}, [gradient](const torch::Tensor& by_value) {
    return std::vector<torch::Tensor>{gradient * by_value};
  });
}

}  // namespace

AngularLoss::AngularLoss(const AngularLossOptions& options) : options_(options) { validate_fields("AngularLoss", options); }

torch::Tensor AngularLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  auto loss = options_.angular_weight * angular_term(comparison, tuples);
  if (options_.npair_weight > 0) {
    const PairwiseOptions options = {.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
    auto npair = detail::fused_pairs(comparison, tuples, options, detail::PairCrossEntropy<>{1, {1}});
    if (!npair.defined()) {
      npair = pairwise_loss(comparison, tuples, options, {}, [](const PairBlock& block, const std::vector<torch::Tensor>&) {
        return std::vector<Elements>{detail::pair_cross_entropy(block, 1)};
      });
    }
    loss = loss + options_.npair_weight * npair;
  }
  if (options_.norm_penalty > 0) loss = loss + detail::norm_penalty(comparison, tuples, options_.norm_penalty);
  return loss;
}

torch::Tensor AngularLoss::angular_term(const Comparison& comparison, const Tuples& tuples) const {
  const bool listed = std::holds_alternative<Pairs>(tuples) || std::holds_alternative<Triplets>(tuples);
  if (!listed && !comparison.reference &&
      detail::fusible(comparison, tuples, {.distance = {.kind = Distance::dot}, .reducer = options_.reducer})) {
    auto loss = comparison.embeddings.scalar_type() == torch::kFloat32 ? angular_pairs<float>(comparison, tuples, options_)
                                                                       : angular_pairs<double>(comparison, tuples, options_);
    if (loss.defined()) return loss;
  }
  const auto [pair_anchors, positives] = detail::positive_pairs(comparison, tuples);
  const auto anchors = pair_anchors;
  const auto x = l2_normalize(comparison.embeddings);
  const auto r = comparison.reference ? l2_normalize(comparison.reference->embeddings) : x;
  const auto anchor = x.index_select(0, anchors), positive = r.index_select(0, positives);

  // Each positive pair is a row: its two ends added, against every reference.
  Comparison pairs = {.embeddings = anchor + positive,
                      .labels = comparison.labels.defined() ? comparison.labels.index_select(0, anchors) : torch::Tensor(),
                      .reference = Reference{options_.variant == Variant::pml ? comparison.reference_embeddings() : r,
                                             comparison.reference_labels()},
                      .relation = {}};
  if (comparison.relation || !std::holds_alternative<std::monostate>(tuples)) {
    const auto negative = detail::relation_rows(comparison, tuples, 0, comparison.size()).negative.index_select(0, anchors);
    pairs.relation = Relation{torch::zeros_like(negative), negative};
  }
  const double tangent = std::tan(options_.angle * std::numbers::pi / 180), square = tangent * tangent;
  const auto own = 2 * (1 + square) * (anchor * positive).sum(1);
  const PairwiseOptions options = {.distance = {.kind = Distance::dot}, .similarities = true, .reducer = options_.reducer};
  if (auto loss = detail::fused_pairs(pairs, {}, options, AngularKernel{4 * square}, own); loss.defined()) return loss;

  const auto function = [scale = 4 * square](const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto negatives = detail::masked_logsumexp(block.values * scale, block.negative, false);
    return std::vector<Elements>{{detail::log1p_exp(negatives - parameters[0].narrow(0, block.first, block.values.size(0)))}};
  };
  return pairwise_loss(pairs, {}, options, {own}, function);
}

}  // namespace diva::inline v0_1
