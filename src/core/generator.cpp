#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace diva::inline v0_1 {
namespace {

// SplitMix64's finaliser: spreads seeds and stream names that differ in one bit over all bits of the key.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

std::uint64_t philox(std::uint64_t key, std::uint64_t counter) {
  constexpr std::uint64_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
  constexpr std::uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;
  std::array<std::uint32_t, 4> block = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0, 0};
  auto key0 = static_cast<std::uint32_t>(key), key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = multiplier0 * block[0], product1 = multiplier1 * block[2];
    block = {static_cast<std::uint32_t>(product1 >> 32) ^ block[1] ^ key0, static_cast<std::uint32_t>(product1),
             static_cast<std::uint32_t>(product0 >> 32) ^ block[3] ^ key1, static_cast<std::uint32_t>(product0)};
    key0 += weyl0;
    key1 += weyl1;
  }
  return (static_cast<std::uint64_t>(block[1]) << 32) | block[0];
}

torch::Tensor fill(torch::IntArrayRef sizes, const torch::TensorOptions& options, auto&& draw) {
  auto values = torch::empty(sizes, torch::kFloat64);
  auto* data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) data[i] = draw();
  return values.to(options);
}

// The largest number below 1 of a type: rounding to a narrower type must not leave the half-open interval [0, 1).
double below_one(torch::ScalarType type) {
  switch (type) {
    case torch::kBFloat16:
      return 1 - 0x1.0p-8;
    case torch::kHalf:
      return 1 - 0x1.0p-11;
    case torch::kFloat32:
      return 1 - 0x1.0p-24;
    default:
      return 1 - 0x1.0p-53;
  }
}

torch::TensorOptions float_by_default(const torch::TensorOptions& options) {
  return options.has_dtype() ? options : options.dtype(torch::kFloat32);
}

}  // namespace

Generator::Generator(std::uint64_t seed) : key_(mix(seed)) {}

Generator Generator::at(Position position) {
  Generator generator;
  generator.key_ = position.key;
  generator.counter_ = position.counter;
  return generator;
}

Generator Generator::fork(std::uint64_t stream) const { return at({mix(key_ ^ mix(stream)), 0}); }

std::uint64_t Generator::next() { return philox(key_, counter_++); }

double Generator::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

double Generator::uniform(double lower, double upper) { return lower + (upper - lower) * uniform(); }

std::int64_t Generator::below(std::int64_t count) {
  if (count < 1) detail::fail<OptionError>("Generator::below", "count", "at least 1", std::to_string(count));
  const auto range = static_cast<std::uint64_t>(count);
  const std::uint64_t rejected = (0 - range) % range;  // 2^64 mod range: the draws that would favour small results
  std::uint64_t draw = next();
  while (draw < rejected) draw = next();
  return static_cast<std::int64_t>(draw % range);
}

double Generator::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

torch::Tensor Generator::uniform(torch::IntArrayRef sizes, torch::TensorOptions options) {
  options = float_by_default(options);
  const double largest = below_one(c10::typeMetaToScalarType(options.dtype()));
  return fill(sizes, options, [&] { return std::min(uniform(), largest); });
}

torch::Tensor Generator::normal(torch::IntArrayRef sizes, torch::TensorOptions options) {
  return fill(sizes, float_by_default(options), [this] { return normal(); });
}

torch::Tensor Generator::permutation(std::int64_t count) {
  auto order = torch::arange(count, torch::kInt64);
  auto* data = order.data_ptr<std::int64_t>();
  for (std::int64_t i = count - 1; i > 0; --i) std::swap(data[i], data[below(i + 1)]);
  return order;
}

}  // namespace diva::inline v0_1
