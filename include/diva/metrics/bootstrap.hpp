#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/metrics/evaluate.hpp>

#include <array>
#include <cstdint>
#include <utility>

namespace diva::inline v0_1 {

/// How the spread of resampled means becomes an interval.
enum class BootstrapInterval {
  bca,         ///< Bias-corrected and accelerated: right to second order also for skewed values, such as recalls near 1.
  percentile,  ///< Quantiles of the resampled means as they are.
};

constexpr auto enumerators(BootstrapInterval) {
  return std::array{std::pair{BootstrapInterval::bca, "bca"}, std::pair{BootstrapInterval::percentile, "percentile"}};
}

struct BootstrapOptions {
  double confidence = 0.95;       ///< Share of experiments whose interval holds the true value; in (0, 1).
  std::int64_t resamples = 2000;  ///< Efron and Tibshirani take 1000 at least for the ends of an interval.
  BootstrapInterval interval = BootstrapInterval::bca;
  Average average = Average::queries;  ///< Whose mean the metric is; Average::classes needs labels.
};

template <class Visitor>
void describe(BootstrapOptions& options, Visitor&& visit) {
  visit("confidence", options.confidence, "confidence of the interval",
        Bounds{.lower = 0, .upper = 1, .lower_open = true, .upper_open = true});
  visit("resamples", options.resamples, "resampled means", at_least(1));
  visit("interval", options.interval, "how the interval is made");
  visit("average", options.average, "whose mean the metric is");
}

struct ConfidenceInterval {
  double value = 0;  ///< Of the sample itself, as evaluate gives it.
  double lower = 0;
  double upper = 0;
  double standard_error = 0;  ///< Standard deviation of the resampled values.
};

/// How far the mean of a metric would move with other queries, or with other classes.
///
/// Without `labels`, queries are drawn with replacement, as many as there are. With the queries' labels, classes are drawn, each
/// with all its queries: queries of one class succeed and fail together, so intervals over queries are too narrow for a claim about
/// classes never seen, and these are the right ones. NaN (lone queries) is left out.
///
///   bca:  quantiles of the resampled means at Φ(z + (z + z_q) / (1 − a (z + z_q))),  q = (1 ∓ confidence) / 2,
///         z = Φ⁻¹(share of resampled means below the value, equal ones half),  a the skewness of the leave-one-out means / 6
///
/// Source:  Efron, Better Bootstrap Confidence Intervals, JASA 1987; Efron, Tibshirani, An Introduction to the Bootstrap, 1993,
///          chapter 14. Quantiles interpolate linearly between order statistics.
/// Shapes:  values [Q] floating point, one a query, such as evaluate_queries gives; labels [Q] int64.
/// Edge:    no value that is not NaN: all NaN. All units alike: an interval of length 0. All resampled means on one side of the
///          value: the share counts as that of half a resample.
/// Cost:    O(resamples · units) time, O(resamples + Q) memory. One number is drawn from `generator`, and the result is a function
///          of it, whatever the number of threads.
/// Throws:  ShapeError; OptionError (options; Average::classes without labels).
ConfidenceInterval bootstrap_mean(const torch::Tensor& values, Generator& generator, const BootstrapOptions& options = {},
                                  const torch::Tensor& labels = {});

/// The same for mean(first) − mean(second), both of the same queries, which are drawn together: what one model does better than
/// another on the same test set. An interval without 0 tells them apart where the intervals of the two means would overlap.
///
/// Throws:  as bootstrap_mean; DataError (NaN at different queries).
ConfidenceInterval bootstrap_difference(const torch::Tensor& first, const torch::Tensor& second, Generator& generator,
                                        const BootstrapOptions& options = {}, const torch::Tensor& labels = {});

}  // namespace diva::inline v0_1
