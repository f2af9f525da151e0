#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/types.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/bootstrap.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace diva::inline v0_1 {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

// What is drawn as a whole; the statistic is Σ sum / Σ weight over the units drawn.
struct Units {
  std::vector<double> sums, weights;

  [[nodiscard]] std::int64_t size() const { return std::ssize(sums); }
  void add(double sum, double weight) {
    sums.push_back(sum);
    weights.push_back(weight);
  }
};

torch::Tensor checked(std::string_view function, std::string_view argument, const torch::Tensor& values) {
  if (!values.defined() || values.dim() != 1 || !values.is_floating_point()) {
    detail::fail<ShapeError>(function, argument, "[queries] floating point", detail::describe(values));
  }
  return values.detach().to(torch::kCPU, torch::kFloat64).contiguous();
}

Units units_of(std::string_view function, const torch::Tensor& values, const BootstrapOptions& options,
               const torch::Tensor& labels) {
  Units units;
  if (!labels.defined()) {
    if (options.average == Average::classes) detail::fail<OptionError>(function, "labels", "given for Average::classes", "none");
    for (std::int64_t q = 0; q < values.size(0); ++q) {
      const double value = values.data_ptr<double>()[q];
      if (!std::isnan(value)) units.add(value, 1);
    }
    return units;
  }
  const auto classes = class_means(values, labels);
  for (std::int64_t c = 0; c < classes.labels.size(0); ++c) {
    const double mean = classes.values.data_ptr<double>()[c];
    const auto judged = static_cast<double>(classes.judged.data_ptr<std::int64_t>()[c]);
    if (judged > 0) options.average == Average::classes ? units.add(mean, 1) : units.add(mean * judged, judged);
  }
  return units;
}

double normal_distribution(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

// Φ⁻¹(p) by bisection, for p in (0, 1): sixty halvings of [−40, 40] leave 1e-16.
double normal_quantile(double p) {
  double lower = -40, upper = 40;
  for (int i = 0; i < 60; ++i) {
    const double middle = (lower + upper) / 2;
    (normal_distribution(middle) < p ? lower : upper) = middle;
  }
  return (lower + upper) / 2;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto before = static_cast<std::size_t>(place);
  const auto after = std::min(before + 1, sorted.size() - 1);
  return sorted[before] + (place - static_cast<double>(before)) * (sorted[after] - sorted[before]);
}

// The skewness of the values without one unit, divided by 6.
double acceleration(const Units& units, double sum, double weight) {
  if (units.size() < 2) return 0;
  std::vector<double> without(units.size());
  double mean = 0;
  for (std::int64_t u = 0; u < units.size(); ++u) {
    without[u] = (sum - units.sums[u]) / (weight - units.weights[u]);
    mean += without[u] / static_cast<double>(units.size());
  }
  double squares = 0, cubes = 0;
  for (const double value : without) {
    squares += (mean - value) * (mean - value);
    cubes += (mean - value) * (mean - value) * (mean - value);
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

ConfidenceInterval bootstrap(std::string_view function, const torch::Tensor& values, Generator& generator,
                             const BootstrapOptions& options, const torch::Tensor& labels) {
  validate_fields(function, options);
  const auto units = units_of(function, values, options, labels);
  const auto streams = generator.fork(generator.next());
  const auto count = units.size();
  if (count == 0) return {nothing, nothing, nothing, nothing};
  double sum = 0, weight = 0;
  for (std::int64_t u = 0; u < count; ++u) sum += units.sums[u], weight += units.weights[u];

  std::vector<double> resampled(options.resamples);
  at::parallel_for(0, options.resamples, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      auto draws = streams.fork(static_cast<std::uint64_t>(r));
      double drawn_sum = 0, drawn_weight = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const auto u = draws.below(count);
        drawn_sum += units.sums[u], drawn_weight += units.weights[u];
      }
      resampled[r] = drawn_sum / drawn_weight;
    }
  });
  std::ranges::sort(resampled);

  ConfidenceInterval result{.value = sum / weight};
  const auto size = static_cast<double>(options.resamples);
  double shift = 0, squares = 0;  // of the resampled means from the value, so that equal ones have no spread by rounding
  for (const double value : resampled) shift += (value - result.value) / size;
  for (const double value : resampled) squares += (value - result.value - shift) * (value - result.value - shift);
  result.standard_error = options.resamples > 1 ? std::sqrt(squares / (size - 1)) : 0;

  double low = (1 - options.confidence) / 2, high = (1 + options.confidence) / 2;
  if (options.interval == BootstrapInterval::bca) {
    const auto [first, last] = std::equal_range(resampled.begin(), resampled.end(), result.value);
    const auto below = static_cast<double>(first - resampled.begin()) + static_cast<double>(last - first) / 2;
    const double bias = normal_quantile(std::clamp(below / size, 0.5 / size, 1 - 0.5 / size));
    const double skew = acceleration(units, sum, weight);
    for (double* share : {&low, &high}) {
      const double z = bias + normal_quantile(*share);
      *share = normal_distribution(bias + z / std::max(1 - skew * z, 1e-12));
    }
  }
  result.lower = quantile(resampled, low);
  result.upper = quantile(resampled, high);
  return result;
}

}  // namespace

ConfidenceInterval bootstrap_mean(const torch::Tensor& values, Generator& generator, const BootstrapOptions& options,
                                  const torch::Tensor& labels) {
  constexpr auto function = "bootstrap_mean";
  return bootstrap(function, checked(function, "values", values), generator, options, labels);
}

ConfidenceInterval bootstrap_difference(const torch::Tensor& first, const torch::Tensor& second, Generator& generator,
                                        const BootstrapOptions& options, const torch::Tensor& labels) {
  constexpr auto function = "bootstrap_difference";
  const auto a = checked(function, "first", first), b = checked(function, "second", second);
  if (a.sizes() != b.sizes())
    detail::fail<ShapeError>(function, "second", fmt::format("[{}], as first", a.size(0)), detail::describe(second));
  const auto unlike = a.isnan().logical_xor(b.isnan()).sum().item<std::int64_t>();
  if (unlike > 0)
    detail::fail<DataError>(function, "second", "NaN where first is", fmt::format("{} queries that only one judges", unlike));
  return bootstrap(function, a - b, generator, options, labels);
}

}  // namespace diva::inline v0_1
