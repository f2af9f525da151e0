#include "fused_lists.hpp"

#include <torch/utils.h>
#include <diva/core/gradient.hpp>

#include "../miners/fused_matrix.hpp"
#include "fused_pairs.hpp"

#include <memory>

namespace diva::inline v0_1::detail {
namespace {

// Of each pair the product of its rows, or the (squared) distance.
struct Measure {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* rows, const T* others, std::int64_t dim, const std::int64_t* from, const std::int64_t* to,
                              std::int64_t n, Metric metric, T* measures) {
    for (std::int64_t k = 0; k < n; ++k) {
      const T *a = rows + from[k] * dim, *b = others + to[k] * dim;
      typename L::Vector sums = {};
      std::int64_t i = 0;
      T rest = 0;
      if (metric == Metric::product) {
        for (; i + L::count <= dim; i += L::count) sums += L::load(a + i) * L::load(b + i);
        for (; i < dim; ++i) rest += a[i] * b[i];
      } else {
        for (; i + L::count <= dim; i += L::count) {
          const auto apart = L::load(a + i) - L::load(b + i);
          sums += apart * apart;
        }
        for (; i < dim; ++i) rest += (a[i] - b[i]) * (a[i] - b[i]);
      }
      const T total = static_cast<T>(L::sum(sums)) + rest;
      measures[k] = metric == Metric::euclidean ? std::sqrt(total) : total;
    }
  }
};

// Both rows of each pair moved by its slope: along one another, or along their difference.
struct Move {
  template <class L, class T = typename L::Number>
  DIVA_INLINE static void run(const T* rows, const T* others, std::int64_t dim, const std::int64_t* from, const std::int64_t* to,
                              std::int64_t n, bool by_product, const T* slopes, T* of_rows, T* of_others) {
    for (std::int64_t k = 0; k < n; ++k) {
      const T slope = slopes[k];
      if (slope == T(0)) continue;
      const T *a = rows + from[k] * dim, *b = others + to[k] * dim;
      T *of_a = of_rows + from[k] * dim, *of_b = of_others + to[k] * dim;
      std::int64_t i = 0;
      if (by_product) {
        for (; i + L::count <= dim; i += L::count) {
          const auto left = L::load(a + i), right = L::load(b + i);
          L::store(of_a + i, L::load(of_a + i) + right * slope);
          L::store(of_b + i, L::load(of_b + i) + left * slope);
        }
        for (; i < dim; ++i) {
          of_a[i] += b[i] * slope;
          of_b[i] += a[i] * slope;
        }
      } else {
        for (; i + L::count <= dim; i += L::count) {
          const auto moved = (L::load(a + i) - L::load(b + i)) * slope;
          L::store(of_a + i, L::load(of_a + i) + moved);
          L::store(of_b + i, L::load(of_b + i) - moved);
        }
        for (; i < dim; ++i) {
          const T moved = (a[i] - b[i]) * slope;
          of_a[i] += moved;
          of_b[i] -= moved;
        }
      }
    }
  }
};

template <class T>
class ListedDistances {
 public:
  ListedDistances(const Comparison& comparison, const torch::Tensor& from, const torch::Tensor& to, const DistanceOptions& options)
      : form_(metric_of(options, false)),
        itself_(!comparison.reference),
        unit_(options.normalize || options.kind == Distance::cosine),
        rows_(comparison.embeddings, unit_, false),
        others_(itself_ ? rows_ : FusedSide<T>(comparison.reference_embeddings(), unit_, false)),
        from_(from.contiguous()),
        to_(to.contiguous()) {}

  torch::Tensor value() {
    measures_ = torch::empty({from_.size(0)}, rows_.rows.options());
    run_best<Measure, T>(best_instruction_set(), of(rows_.rows), of(others_.rows), dim(), list(from_), list(to_), from_.size(0),
                         form_.metric, measures_.template data_ptr<T>());
    // Not the measures themselves, which the list needs and the graph would then lead back to.
    return form_.metric == Metric::product ? form_.offset - measures_ : measures_.clone();
  }

  // Of embeddings, and of the reference where there is one.
  [[nodiscard]] std::vector<torch::Tensor> gradients(const torch::Tensor& of_values) const {
    auto slopes = of_values.to(rows_.rows.scalar_type()).contiguous().clone();
    auto* slope = slopes.template data_ptr<T>();
    const auto* measures = measures_.template data_ptr<T>();
    for (std::int64_t k = 0; k < slopes.size(0); ++k) {
      if (form_.metric == Metric::product) slope[k] = -slope[k];
      if (form_.metric == Metric::squared) slope[k] *= 2;
      if (form_.metric == Metric::euclidean) slope[k] = measures[k] == T(0) ? T(0) : slope[k] / measures[k];
    }
    auto of_rows = torch::zeros(rows_.rows.sizes(), rows_.rows.options());
    auto of_others = itself_ ? of_rows : torch::zeros(others_.rows.sizes(), rows_.rows.options());
    run_best<Move, T>(best_instruction_set(), of(rows_.rows), of(others_.rows), dim(), list(from_), list(to_), from_.size(0),
                      form_.metric == Metric::product, static_cast<const T*>(slope), of_rows.template data_ptr<T>(),
                      of_others.template data_ptr<T>());
    finish(of_rows, rows_);
    if (itself_) return {of_rows};
    finish(of_others, others_);
    return {of_rows, of_others};
  }

 private:
  [[nodiscard]] std::int64_t dim() const { return rows_.rows.size(1); }
  static const T* of(const torch::Tensor& rows) { return rows.template data_ptr<T>(); }
  static const std::int64_t* list(const torch::Tensor& indices) { return indices.data_ptr<std::int64_t>(); }
  static void finish(torch::Tensor& gradient, const FusedSide<T>& side) {
    if (!side.lengths.defined()) return;
    finish_rows<T>(gradient.data_ptr<T>(), of(side.rows), gradient.size(0), gradient.size(1), nullptr, of(side.lengths));
  }

  MetricForm form_;
  bool itself_, unit_;
  FusedSide<T> rows_, others_;
  torch::Tensor from_, to_, measures_;
};

template <class T>
torch::Tensor measured(const Comparison& comparison, const torch::Tensor& from, const torch::Tensor& to,
                       const DistanceOptions& options) {
  const auto list = std::make_shared<ListedDistances<T>>(comparison, from, to, options);
  torch::Tensor value;
  {
    const torch::NoGradGuard no_gradient;
    value = list->value();
  }
  std::vector<torch::Tensor> inputs = {comparison.embeddings};
  if (comparison.reference) inputs.push_back(comparison.reference->embeddings);
  return with_gradient(value, inputs, [list](const torch::Tensor& gradient) { return list->gradients(gradient); });
}

}  // namespace

torch::Tensor listed_distances(const Comparison& comparison, const torch::Tensor& from, const torch::Tensor& to,
                               const DistanceOptions& options) {
  const auto &x = comparison.embeddings, &r = comparison.reference_embeddings();
  const auto type = x.scalar_type();
  const bool fused = !forced_tensor_form() && x.is_cpu() && r.is_cpu() && by_product(options) && r.scalar_type() == type &&
                     (type == torch::kFloat32 || type == torch::kFloat64);
  if (!fused) return distance(x.index_select(0, from), r.index_select(0, to), options);
  return type == torch::kFloat32 ? measured<float>(comparison, from, to, options) : measured<double>(comparison, from, to, options);
}

}  // namespace diva::inline v0_1::detail
