#pragma once

#include <diva/losses/pairwise.hpp>

#include "../miners/fused_lanes.hpp"

/// pairwise_loss in one pass on the CPU: values, losses and gradients row by row over one matrix of products.
///
/// A criterion gives a kernel, a struct with its options as members and
///
///   static constexpr int groups = 1;   // or 2, the first of positives and the second of negatives, reduced separately
///   template <class L> [[gnu::always_inline]] void row(FusedRow<typename L::Number>& row) const;
///
/// which reads the values of one anchor, writes the slopes of the sum of its losses, and the sum, number and active of each group,
/// as Elements define them. Slopes are those of the sum: the engine divides by what the reducer divides by, each slope by that of
/// its row's group. L is a type of Lanes; loops go over row.size in steps of L::count. Quantities of a row are best kept in double
/// and computed with <cmath>; what is few, such as positives, may be looped over by number (row.positives). NaN of an element that
/// counts must pass to the sum. `compute` then says
///
///   if (auto loss = detail::fused_pairs(comparison, tuples, options, Kernel{…}); loss.defined()) return loss;
///   return pairwise_loss(comparison, tuples, options, …);   // the reference, and what all other cases take
///
/// A kernel that must know totals of all rows before it can write a slope has `static constexpr int passes`, and
/// `void finish_pass(int pass, const FusedTotals&)`, called after each but the last. It is handed all rows in each pass; `row` has
/// the pass as a second argument then.
///
/// tests/losses/fused_pairs_test.cpp compares both forms for each criterion of its list: add a line there.
namespace diva::inline v0_1::detail {

/// What the sum of `number` losses, `active` of them above 0, over `anchors` anchors is divided by.
double divisor_of(const ReducerOptions& reducer, double number, double active, double anchors);

struct FusedTotals {
  double sum[2] = {};
  double number[2] = {};
  double active[2] = {};
};

/// A kernel without its type.
struct FusedKernel {
  void* self;
  void (*in_float)(void* self, InstructionSet set, FusedRow<float>& row, int pass);
  void (*in_double)(void* self, InstructionSet set, FusedRow<double>& row, int pass);
  void (*finish_pass)(void* self, int pass, const FusedTotals& totals);
  int groups;
  int passes;
};

/// Whether fused_pairs can be used: float32 or float64 on the CPU; a distance that is a function of the product, without a power;
/// labels, a relation of bool, or tuples; a reducer other than none and threshold; at most 8,192² pairs, which are 256 MiB of
/// float32 while a loss is computed. Nothing of this size is kept for the backward pass.
bool fusible(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options);

/// Whether listed pairs are so many, an eighth of all, that all products are cheaper than their differences.
bool dense(const Comparison& comparison, const Tuples& tuples);

/// The loss, or an undefined tensor where it cannot be fused (or a pair is both positive and negative). The gradient is computed
/// with the value, reaches embeddings, reference and `row_input` ([B], one number for each anchor, or undefined), and cannot be
/// differentiated again. With `distinct`, a pair that is given more than once is refused too.
torch::Tensor fused_loss(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                         const FusedKernel& kernel, const torch::Tensor& row_input, bool distinct);

/// Whether a TensorFormGuard exists on this thread.
bool forced_tensor_form();

/// While one exists, nothing is fused on its thread: tests compare both forms.
class TensorFormGuard {
 public:
  TensorFormGuard();
  ~TensorFormGuard();
  TensorFormGuard(const TensorFormGuard&) = delete;
  TensorFormGuard& operator=(const TensorFormGuard&) = delete;

 private:
  bool before_;
};

template <class Kernel>
struct KernelBody {
  template <class L>
  DIVA_INLINE static void run(Kernel* kernel, FusedRow<typename L::Number>* row, [[maybe_unused]] int pass) {
    if constexpr (requires { Kernel::passes; }) {
      kernel->template row<L>(*row, pass);
    } else {
      kernel->template row<L>(*row);
    }
  }
};

template <class Kernel>
FusedKernel without_type(Kernel& kernel) {
  FusedKernel result = {
      .self = &kernel,
      .in_float = [](void* self, InstructionSet set, FusedRow<float>& row,
                     int pass) { run_best<KernelBody<Kernel>, float>(set, static_cast<Kernel*>(self), &row, pass); },
      .in_double = [](void* self, InstructionSet set, FusedRow<double>& row,
                      int pass) { run_best<KernelBody<Kernel>, double>(set, static_cast<Kernel*>(self), &row, pass); },
      .finish_pass = nullptr,
      .groups = Kernel::groups,
      .passes = 1};
  if constexpr (requires { Kernel::passes; }) {
    result.passes = Kernel::passes;
    result.finish_pass = [](void* self, int pass, const FusedTotals& totals) {
      static_cast<Kernel*>(self)->finish_pass(pass, totals);
    };
  }
  return result;
}

template <class Kernel>
torch::Tensor fused_pairs(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options, Kernel kernel,
                          const torch::Tensor& row_input = {}, bool distinct = false) {
  if (!fusible(comparison, tuples, options)) return {};
  return fused_loss(comparison, tuples, options, without_type(kernel), row_input, distinct);
}

}  // namespace diva::inline v0_1::detail
