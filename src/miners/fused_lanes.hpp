#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

/// Vectors of numbers for the kernels of rows: GCC's vector extension, which GCC and Clang compile for any processor. A body is
/// written once over a type of lanes, inlined into one function for each instruction set, and chosen at run time.
namespace diva::inline v0_1::detail {

// Vectors are passed by value between functions that are always inlined, so no calling convention is at stake.
#pragma GCC diagnostic ignored "-Wpsabi"

#define DIVA_INLINE [[gnu::always_inline]] inline

#if defined(__x86_64__)
#define DIVA_TARGET_AVX2 [[gnu::target("avx2,fma")]]
#endif

/// Vectors of 32 bytes at most: GCC 12 takes comparisons of longer ones apart into numbers before it inlines a body into the
/// function whose processor has them, and the products around the kernels cost several times as much as the kernels.
enum class InstructionSet { plain, avx2 };

inline InstructionSet best_instruction_set() {
#if defined(__x86_64__)
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return wide ? InstructionSet::avx2 : InstructionSet::plain;
#else
  return InstructionSet::plain;
#endif
}

/// Numbers of T in a register of so many bytes.
template <class T, int bytes>
struct Lanes {
  using Number = T;
  using Integer = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  using Vector [[gnu::vector_size(bytes)]] = T;
  using Mask [[gnu::vector_size(bytes)]] = Integer;
  static constexpr std::int64_t count = bytes / static_cast<int>(sizeof(T));

  DIVA_INLINE static Vector load(const T* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof(vector));
    return vector;
  }
  DIVA_INLINE static void store(T* to, Vector vector) { std::memcpy(to, &vector, sizeof(vector)); }
  DIVA_INLINE static Vector all(T value) { return Vector{} + value; }
  DIVA_INLINE static Vector where(Mask mask, Vector then, Vector otherwise) { return mask ? then : otherwise; }
  DIVA_INLINE static Vector where(Mask mask, Vector then) { return mask ? then : Vector{}; }
  DIVA_INLINE static Vector larger(Vector a, Vector b) { return a > b ? a : b; }  ///< b where either is NaN
  /// x, or 0 where it is below; NaN passes.
  DIVA_INLINE static Vector hinge(Vector x) { return x <= T(0) ? Vector{} : x; }

  /// In a fixed order, in double.
  DIVA_INLINE static double sum(Vector vector) {
    T lanes[count];
    std::memcpy(lanes, &vector, sizeof(lanes));
    double parts[2] = {};
    for (std::int64_t i = 0; i < count; i += 2) {
      parts[0] += static_cast<double>(lanes[i]);
      parts[1] += static_cast<double>(lanes[i + 1]);
    }
    return parts[0] + parts[1];
  }
  DIVA_INLINE static T largest(Vector vector) {
    T lanes[count];
    std::memcpy(lanes, &vector, sizeof(lanes));
    for (std::int64_t half = count / 2; half > 0; half /= 2) {
      for (std::int64_t i = 0; i < half; ++i) lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
    }
    return lanes[0];
  }

  /// √x, x ≥ 0.
  DIVA_INLINE static Vector root(Vector x) {
#if defined(__x86_64__) && !defined(__clang__)  // Clang refuses a register that the body alone has not
    // Not intrinsics, which a function without their instruction set cannot inline, nor a loop over lanes, which sets errno.
    Vector result;
    if constexpr (bytes == 16 && sizeof(T) == 4) asm("sqrtps %1, %0" : "=x"(result) : "x"(x));
    if constexpr (bytes == 16 && sizeof(T) == 8) asm("sqrtpd %1, %0" : "=x"(result) : "x"(x));
    if constexpr (bytes > 16 && sizeof(T) == 4) asm("vsqrtps %1, %0" : "=v"(result) : "v"(x));
    if constexpr (bytes > 16 && sizeof(T) == 8) asm("vsqrtpd %1, %0" : "=v"(result) : "v"(x));
    return result;
#else
    for (std::int64_t i = 0; i < count; ++i) x[i] = std::sqrt(x[i]);
    return x;
#endif
  }

  /// eˣ for x ≤ 88, to about one unit in the last place: 2ⁿ times Taylor's polynomial of a rest of at most ln 2 / 2. Numbers whose
  /// power is no normal number give 0; NaN passes.
  DIVA_INLINE static Vector exp(Vector x) {
    constexpr bool narrow = sizeof(T) == 4;
    constexpr int mantissa = narrow ? 23 : 52, degree = narrow ? 7 : 13;
    constexpr T log2e = static_cast<T>(1.4426950408889634), lowest = static_cast<T>(narrow ? -87.33 : -708.3);
    constexpr T ln2_high = static_cast<T>(narrow ? 0.693145751953125 : 6.93147180369123816490e-01);
    constexpr T ln2_low = static_cast<T>(narrow ? 1.428606765330187e-06 : 1.90821492927058770002e-10);
    constexpr T rounding = static_cast<T>(narrow ? 12582912.0 : 6755399441055744.0);  // 1.5 · 2^mantissa: its sums are integers
    const Vector given = x;
    x = where(x < lowest, Vector{}, x);
    const Vector shifted = x * log2e + rounding, n = shifted - rounding;
    const Vector rest = x - n * ln2_high - n * ln2_low;
    Vector p = all(factorial_inverse(degree));
#pragma GCC unroll 16
    for (int k = degree - 1; k >= 0; --k) p = p * rest + factorial_inverse(k);
    // n stands in the lowest bits of `shifted`: moved to the exponent of 1 it is 2ⁿ. A product, so that NaN stays NaN.
    const Mask power = reinterpret<Mask>(all(1)) + (reinterpret<Mask>(shifted) << mantissa);
    return where(given < lowest, Vector{}, p * reinterpret<Vector>(power));
  }

  template <class To, class From>
  DIVA_INLINE static To reinterpret(From from) {
    To to;
    static_assert(sizeof(to) == sizeof(from));
    std::memcpy(&to, &from, sizeof(to));
    return to;
  }

 private:
  static constexpr T factorial_inverse(int k) {
    double product = 1;
    for (int i = 2; i <= k; ++i) product *= i;
    return static_cast<T>(1 / product);
  }
};

/// Calls Body::run<Lanes<T, …>>(arguments...) compiled for the processor. Arguments are pointers and numbers.
#if defined(__x86_64__)
template <class Body, class T, class... Arguments>
DIVA_TARGET_AVX2 void run_avx2(Arguments... arguments) {
  Body::template run<Lanes<T, 32>>(arguments...);
}
#endif
template <class Body, class T, class... Arguments>
void run_plain(Arguments... arguments) {
  Body::template run<Lanes<T, 16>>(arguments...);
}
template <class Body, class T, class... Arguments>
void run_best(InstructionSet set, Arguments... arguments) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx2) return run_avx2<Body, T>(arguments...);
#endif
  run_plain<Body, T>(arguments...);
}

/// Rows of matrices of pairs are padded to a multiple of this, the widest register of float.
inline constexpr std::int64_t row_padding = 16;

/// One anchor, as a kernel sees it.
template <class T>
struct FusedRow {
  // Given. Arrays of `size` numbers, a multiple of row_padding: those beyond the references are neither positive nor negative.
  const T* values = nullptr;    ///< Distances or similarities, as PairwiseOptions say; finite where the embeddings are.
  const T* relation = nullptr;  ///< 1: positive, −1: negative, 0: neither.
  std::int64_t size = 0;
  const std::int32_t* positives = nullptr;  ///< Columns of the positives, ascending.
  std::int64_t positive_count = 0;
  std::int64_t negative_count = 0;
  std::int64_t row = 0;
  double input = 0;  ///< The row's entry of the row input, where there is one.
  // Written by the kernel.
  T* slopes = nullptr;     ///< All `size`: the derivative of the row's sum by each value, 0 where it is neither.
  double sum[2] = {};      ///< Of the losses of each group of elements.
  double number[2] = {};   ///< Of elements in each group; see Elements.
  double active[2] = {};   ///< Of those with a loss above 0.
  double input_slope = 0;  ///< The derivative of sum[0] by the input.

  /// The only element of its group: a loss of the anchor as a whole.
  DIVA_INLINE void set_loss(double loss, int group = 0) {
    sum[group] = loss;
    number[group] = 1;
    active[group] = loss > 0 ? 1 : 0;
  }
  /// The row does not count.
  DIVA_INLINE void leave_out() { std::memset(slopes, 0, static_cast<std::size_t>(size) * sizeof(T)); }
};

/// The nearest and the farthest of a row: extremes of the values of one side, ±∞ where there are none. NaN is passed over.
template <class L>
struct Extremes {
  typename L::Number smallest_positive, largest_positive, smallest_negative, largest_negative;
};

template <class L>
DIVA_INLINE Extremes<L> extremes_of(const FusedRow<typename L::Number>& row) {
  using T = typename L::Number;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  // Of minus the smallest the largest, so that all four are maxima.
  const auto none = L::all(-infinity);
  auto largest_positive = none, largest_negative = none, below_positive = none, below_negative = none;
  for (std::int64_t j = 0; j < row.size; j += L::count) {
    const auto v = L::load(row.values + j), relation = L::load(row.relation + j);
    largest_positive = L::larger(L::where(relation > T(0), v, none), largest_positive);
    below_positive = L::larger(L::where(relation > T(0), -v, none), below_positive);
    largest_negative = L::larger(L::where(relation < T(0), v, none), largest_negative);
    below_negative = L::larger(L::where(relation < T(0), -v, none), below_negative);
  }
  return {-L::largest(below_positive), L::largest(largest_positive), -L::largest(below_negative), L::largest(largest_negative)};
}

}  // namespace diva::inline v0_1::detail
