#include "fused_pairs.hpp"

#include <ATen/Parallel.h>
#include <torch/utils.h>
#include <diva/core/gradient.hpp>

#include "../miners/fused_matrix.hpp"
#include "../miners/fused_relation.hpp"

#include <algorithm>

namespace diva::inline v0_1::detail {

double divisor_of(const ReducerOptions& reducer, double number, double active, double anchors) {
  switch (reducer.kind) {
    case Reduction::sum:
      return 1;
    case Reduction::divisor:
      return reducer.divisor;
    case Reduction::non_zero_mean:
      return std::max(active, 1.0);
    case Reduction::per_anchor:
      return anchors;
    default:
      return std::max(number, 1.0);
  }
}

namespace {

thread_local bool tensor_form = false;

struct RowTotals {
  double sum[2], number[2], active[2], input_slope;
};

// What the slopes of a row's groups are multiplied by.
struct RowFactors {
  double of[2];
};

template <class T>
class FusedLoss {
 public:
  FusedLoss(const Comparison& comparison, FusedRelation relation, const PairwiseOptions& options, const FusedKernel& kernel,
            const torch::Tensor& row_input)
      : comparison_(comparison),
        relation_(std::move(relation)),
        reducer_(options.reducer),
        kernel_(kernel),
        all_(comparison, options.distance, options.similarities),
        batch_(all_.batch) {
    if (row_input.defined()) input_ = row_input.detach().to(torch::kFloat64).contiguous();
  }

  torch::Tensor value() {
    totals_.resize(static_cast<std::size_t>(batch_));
    for (int pass = 0; pass < kernel_.passes; ++pass) {
      each_row(pass);
      if (pass + 1 == kernel_.passes) break;
      FusedTotals totals;
      for (const auto& row : totals_) {
        for (int g = 0; g < kernel_.groups; ++g) {
          totals.sum[g] += row.sum[g];
          totals.number[g] += row.number[g];
          totals.active[g] += row.active[g];
        }
      }
      kernel_.finish_pass(kernel_.self, pass, totals);
    }
    auto result = torch::empty({}, all_.anchors.rows.options());
    *result.template data_ptr<T>() = static_cast<T>(reduced());
    return result;
  }

  // Of embeddings, reference and row input, where wanted.
  std::vector<torch::Tensor> gradients(bool of_anchors, bool of_references, bool of_input) {
    std::vector<torch::Tensor> found(3);
    if (of_input) {
      found[2] = torch::empty({batch_}, all_.anchors.rows.options());
      auto* slopes = found[2].template data_ptr<T>();
      for (std::int64_t i = 0; i < batch_; ++i) slopes[i] = static_cast<T>(totals_[at(i)].input_slope * factors_[at(i)].of[0]);
    }
    // A distance changes with the product of two rows and with their squares: the sums below are those of the squares.
    const double by_metric =
        all_.form.metric == Metric::product ? all_.form.factor : -all_.form.factor * (all_.form.metric == Metric::squared ? 2 : 1);
    if (all_.itself) {
      if (of_anchors) found[0] = of_itself(by_metric);
      return found;
    }
    if (!of_anchors && !of_references) return found;
    const bool with_sums = all_.with_squares();
    std::vector<T> row_sums(static_cast<std::size_t>(with_sums ? batch_ : 0));
    scale_rows(by_metric, [&](std::int64_t row, const T* slopes) {
      if (with_sums) row_sums[at(row)] = static_cast<T>(sum_row(slopes, all_.stride));
    });
    if (of_anchors) {
      found[0] = torch::mm(all_.matrix(), all_.others.rows);
      finish(found[0], all_.anchors, with_sums ? row_sums.data() : nullptr);
    }
    if (of_references) {
      std::vector<T> column_sums;
      if (with_sums) column_sums = sums_of_columns();
      found[1] = torch::mm(all_.matrix().t(), all_.anchors.rows);
      finish(found[1], all_.others, with_sums ? column_sums.data() : nullptr);
    }
    return found;
  }

 private:
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
  // Rows that are worth a thread.
  [[nodiscard]] std::int64_t grain() const { return std::max<std::int64_t>(1, 32768 / all_.stride); }

  void each_row(int pass) {
    const auto set = best_instruction_set();
    const bool last = pass + 1 == kernel_.passes;
    const double* input = input_.defined() ? input_.template data_ptr<double>() : nullptr;
    const auto stride = all_.stride;
    at::parallel_for(0, batch_, grain(), [&](std::int64_t begin, std::int64_t end) {
      std::vector<T> scratch(at(3 * stride));
      T *values = scratch.data(), *relation = values + stride, *unused = relation + stride;
      std::vector<std::int32_t> positives;
      for (auto i = begin; i < end; ++i) {
        all_.values_of(i, values);
        FusedRow<T> one;
        one.negative_count = relation_.row(i, relation, stride, positives);
        one.values = values;
        one.relation = relation;
        one.size = stride;
        one.positives = positives.data();
        one.positive_count = static_cast<std::int64_t>(positives.size());
        one.row = i;
        one.input = input == nullptr ? 0 : input[i];
        one.slopes = last ? all_.row(i) : unused;
        if constexpr (std::is_same_v<T, float>) {
          kernel_.in_float(kernel_.self, set, one, pass);
        } else {
          kernel_.in_double(kernel_.self, set, one, pass);
        }
        if (last) slopes_by_product(all_.form, values, stride, all_.row(i));
        totals_[at(i)] = {
            {one.sum[0], one.sum[1]}, {one.number[0], one.number[1]}, {one.active[0], one.active[1]}, one.input_slope};
      }
    });
  }

  // The value, and with it the factors of the rows' groups.
  double reduced() {
    factors_.assign(at(batch_), RowFactors{});
    double total = 0;
    for (int g = 0; g < kernel_.groups; ++g) {
      double sum = 0, number = 0, active = 0;
      for (std::int64_t i = 0; i < batch_; ++i) {
        const auto& row = totals_[at(i)];
        double weight = 1;
        if (reducer_.kind == Reduction::class_weighted) weight = weight_of(i);
        if (reducer_.kind == Reduction::per_anchor) weight = 1 / std::max(row.active[g], 1.0);
        factors_[at(i)].of[g] = weight;
        sum += row.sum[g] * weight;
        number += row.number[g];
        active += row.active[g];
      }
      const double divisor = divisor_of(reducer_, number, active, static_cast<double>(batch_));
      total += sum / divisor;
      for (auto& row : factors_) row.of[g] /= divisor;
    }
    if (kernel_.groups == 1) {
      for (auto& row : factors_) row.of[1] = row.of[0];
    }
    return total;
  }

  [[nodiscard]] double weight_of(std::int64_t anchor) const {
    return reducer_.class_weights[at(comparison_.labels.template data_ptr<std::int64_t>()[anchor * comparison_.labels.stride(0)])];
  }

  // Multiplies slopes by their factors, and calls after(row, slopes).
  template <class After>
  void scale_rows(double by_metric, After&& after) {
    const auto stride = all_.stride;
    at::parallel_for(0, batch_, grain(), [&](std::int64_t begin, std::int64_t end) {
      std::vector<T> relation(at(stride));
      std::vector<std::int32_t> positives;
      for (auto i = begin; i < end; ++i) {
        const auto& factors = factors_[at(i)].of;
        const bool alike = kernel_.groups == 1 || factors[0] == factors[1];
        if (!alike) relation_.row(i, relation.data(), stride, positives);
        scale_row(all_.row(i), stride, alike ? static_cast<const T*>(nullptr) : relation.data(),
                  static_cast<T>(factors[0] * by_metric), static_cast<T>(factors[1] * by_metric));
        after(i, all_.row(i));
      }
    });
  }

  // A pair's value moves both of its rows: with S = W + Wᵀ the gradient is S x, and of distances (S − diag(S 1)) x.
  torch::Tensor of_itself(double by_metric) {
    std::vector<T> factors(at(batch_), T(1));
    if (kernel_.groups == 1) {
      for (std::int64_t i = 0; i < batch_; ++i) factors[at(i)] = static_cast<T>(factors_[at(i)].of[0] * by_metric);
    } else {
      scale_rows(by_metric, [](std::int64_t, const T*) {});
    }
    auto* slopes = all_.row(0);
    const auto tiles = symmetry_tiles(batch_);
    // A tile row from the top with one from the bottom: together as long as any two.
    at::parallel_for(0, (tiles + 1) / 2, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto tile = begin; tile < end; ++tile) {
        symmetrize_tiles(slopes, batch_, all_.stride, factors.data(), tile);
        if (tile != tiles - 1 - tile) symmetrize_tiles(slopes, batch_, all_.stride, factors.data(), tiles - 1 - tile);
      }
    });
    if (all_.with_squares()) {
      at::parallel_for(0, batch_, grain(), [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) {
          T* row = all_.row(i);
          row[i] -= static_cast<T>(sum_row<T>(row, all_.stride));
        }
      });
    }
    auto gradient = torch::mm(all_.matrix(), all_.anchors.rows);
    finish(gradient, all_.anchors, nullptr);
    return gradient;
  }

  // In the order of rows, whatever the number of threads, which divide the columns.
  [[nodiscard]] std::vector<T> sums_of_columns() {
    std::vector<T> sums(at(all_.stride), T(0));
    at::parallel_for(0, all_.stride / row_padding, 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = 0; i < batch_; ++i)
        add_row<T>(all_.row(i) + begin * row_padding, (end - begin) * row_padding, sums.data() + begin * row_padding);
    });
    return sums;
  }

  void finish(torch::Tensor& gradient, const FusedSide<T>& side, const T* sums) const {
    if (sums == nullptr && !side.lengths.defined()) return;
    finish_rows(gradient.data_ptr<T>(), side.rows.template data_ptr<T>(), gradient.size(0), gradient.size(1), sums,
                side.lengths.defined() ? side.lengths.template data_ptr<T>() : nullptr);
  }

  const Comparison& comparison_;
  FusedRelation relation_;
  const ReducerOptions& reducer_;
  FusedKernel kernel_;
  FusedMatrix<T> all_;  // products, then slopes
  std::int64_t batch_;
  torch::Tensor input_;  // [B] float64
  std::vector<RowTotals> totals_;
  std::vector<RowFactors> factors_;
};

template <class T>
torch::Tensor loss_of(const Comparison& comparison, FusedRelation relation, const PairwiseOptions& options,
                      const FusedKernel& kernel, const torch::Tensor& row_input) {
  const bool recorded = torch::GradMode::is_enabled();
  const torch::NoGradGuard no_gradient;
  const auto wants = [&](const torch::Tensor& input) { return recorded && input.defined() && input.requires_grad(); };
  const bool of_anchors = wants(comparison.embeddings);
  const bool of_references = comparison.reference && wants(comparison.reference->embeddings), of_input = wants(row_input);
  FusedLoss<T> loss(comparison, std::move(relation), options, kernel, row_input);
  auto value = loss.value();
  if (!of_anchors && !of_references && !of_input) return value;
  std::vector<torch::Tensor> inputs, gradients;
  auto found = loss.gradients(of_anchors, of_references, of_input);
  const auto keep = [&](bool wanted, const torch::Tensor& input, torch::Tensor& gradient) {
    if (!wanted) return;
    inputs.push_back(input);
    gradients.push_back(gradient);
  };
  keep(of_anchors, comparison.embeddings, found[0]);
  keep(of_references, comparison.reference_embeddings(), found[1]);
  if (of_input) found[2] = found[2].to(row_input.scalar_type());
  keep(of_input, row_input, found[2]);
  const torch::AutoGradMode with_graph(true);
  return with_gradient(value, inputs, [gradients](const torch::Tensor& gradient) {
    std::vector<torch::Tensor> products;
    for (const auto& one : gradients) products.push_back(one * gradient);
    return products;
  });
}

}  // namespace

bool fusible(const Comparison& comparison, const Tuples&, const PairwiseOptions& options) {
  return !tensor_form && by_product(options.distance) && has_products(comparison) && options.reducer.kind != Reduction::none &&
         options.reducer.kind != Reduction::threshold;
}

bool dense(const Comparison& comparison, const Tuples& tuples) {
  std::int64_t listed = 0;
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) listed = 2 * triplets->size();
  if (const auto* pairs = std::get_if<Pairs>(&tuples)) listed = pairs->anchors.size(0) + pairs->negative_anchors.size(0);
  return listed >= comparison.size() * comparison.reference_size() / 8;
}

torch::Tensor fused_loss(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                         const FusedKernel& kernel, const torch::Tensor& row_input, bool distinct) {
  check_reducer("pairwise_loss", options.reducer, comparison.labels);
  FusedRelation relation(comparison, tuples, distinct);
  if (!relation.valid()) return {};
  return comparison.embeddings.scalar_type() == torch::kFloat32
             ? loss_of<float>(comparison, std::move(relation), options, kernel, row_input)
             : loss_of<double>(comparison, std::move(relation), options, kernel, row_input);
}

bool forced_tensor_form() { return tensor_form; }

TensorFormGuard::TensorFormGuard() : before_(tensor_form) { tensor_form = true; }
TensorFormGuard::~TensorFormGuard() { tensor_form = before_; }

}  // namespace diva::inline v0_1::detail
