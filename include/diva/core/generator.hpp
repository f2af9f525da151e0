#pragma once

#include <torch/types.h>

#include <cstdint>

namespace diva::inline v0_1 {

/// A source of random numbers that is a function of its seed and of nothing else.
///
/// Counter-based: number i of a generator is Philox4x32-10(key, i), so the state is two integers, equal seeds give equal bits on
/// every machine and device, and `fork(i)` makes independent generators without drawing: one for each epoch, batch and sample, so
/// that no draw depends on which thread came first.
///
/// Source: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011 (Philox).
/// Cost:   about 5 ns a number. Not safe to draw from two threads; fork one generator for each.
class Generator {
 public:
  explicit Generator(std::uint64_t seed = 0);

  /// An independent generator named by `stream`; the same stream always gives the same generator. Draws nothing from this one.
  [[nodiscard]] Generator fork(std::uint64_t stream) const;

  std::uint64_t next();                        ///< 64 uniform bits.
  double uniform();                            ///< Uniform in [0, 1), 53 bits.
  double uniform(double lower, double upper);  ///< Uniform in [lower, upper).
  std::int64_t below(std::int64_t count);      ///< Uniform integer in [0, count), without modulo bias; OptionError if count < 1.
  double normal();                             ///< Standard normal (Box-Muller, one value a call).

  /// Uniform values in [0, 1) of the given shape; drawn here and then copied to `options.device()`, so all devices see the same.
  torch::Tensor uniform(torch::IntArrayRef sizes, torch::TensorOptions options = {});
  /// Standard normal values of the given shape.
  torch::Tensor normal(torch::IntArrayRef sizes, torch::TensorOptions options = {});
  /// A uniform random permutation of 0 … count-1, int64 on the CPU.
  torch::Tensor permutation(std::int64_t count);

  /// For checkpoints: a generator made of these two continues exactly.
  struct Position {
    std::uint64_t key = 0;
    std::uint64_t counter = 0;
    bool operator==(const Position&) const = default;
  };
  [[nodiscard]] Position position() const { return {key_, counter_}; }
  static Generator at(Position position);

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

}  // namespace diva::inline v0_1
