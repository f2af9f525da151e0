#include "classes.hpp"
#include "deck.hpp"
#include "matching.hpp"

#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/samplers/batch_matching_sampler.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace diva::inline v0_1 {
namespace {

// Whole groups of n samples of random classes: once round all classes, then again with samples that are not yet in the pool.
std::vector<std::vector<std::int64_t>> class_pool(const std::vector<std::vector<std::int64_t>>& classes, std::int64_t per_class,
                                                  std::int64_t size, Generator& generator) {
  const auto order = detail::draw_different(detail::numbers(std::ssize(classes)), std::ssize(classes), generator);
  auto groups = size / per_class;
  std::vector<std::int64_t> counts(classes.size(), 0);
  for (bool any = true; any && groups > 0;) {
    any = false;
    for (const auto number : order) {
      auto& count = counts[static_cast<std::size_t>(number)];
      if (groups == 0 || count + per_class > std::ssize(classes[static_cast<std::size_t>(number)])) continue;
      count += per_class;
      --groups;
      any = true;
    }
  }
  std::vector<std::vector<std::int64_t>> pool;
  for (const auto number : order) {
    const auto place = static_cast<std::size_t>(number);
    if (counts[place] > 0) pool.push_back(detail::draw_different(classes[place], counts[place], generator));
  }
  return pool;
}

std::vector<std::int64_t> gather(const std::vector<std::int64_t>& values, const std::vector<std::int64_t>& places) {
  std::vector<std::int64_t> result;
  for (const auto place : places) result.push_back(values[static_cast<std::size_t>(place)]);
  return result;
}

detail::Matrix rows_at(const detail::Matrix& rows, const std::vector<std::int64_t>& places) {
  detail::Matrix result(std::ssize(places), rows.cols());
  for (Eigen::Index i = 0; i < result.rows(); ++i) result.row(i) = rows.row(places[static_cast<std::size_t>(i)]);
  return result;
}

}  // namespace

BatchMatchingSampler::BatchMatchingSampler(std::vector<std::int64_t> labels, BatchMatchingSamplerOptions options,
                                           Generator generator, BatchCriterion criterion)
    : FeatureSampler(std::max<std::int64_t>(std::ssize(labels), 1), options.store, generator),
      labels_(std::move(labels)),
      options_(options),
      criterion_(std::move(criterion)) {
  constexpr auto name = "BatchMatchingSampler";
  validate_fields(name, options_);
  const auto per_class = options_.samples_per_class;
  const auto classes_per_batch =
      detail::divide_batch(name, options_.batch_size, per_class, fmt::format("samples_per_class = {}", per_class));
  if (options_.matching == BatchMatching::criterion && !criterion_)
    detail::fail<OptionError>(name, "criterion", "given for the matching 'criterion'", "none");
  const bool single = options_.matching == BatchMatching::frechet;
  const auto least_pool = single ? classes_per_batch : options_.batch_size;
  if (options_.pool_size < least_pool)
    detail::fail<OptionError>(name, "pool_size", fmt::format("at least {}", least_pool), std::to_string(options_.pool_size));
  auto classes = detail::classes_of(labels_, per_class);
  const auto available = single ? detail::capped_pool_limit(classes.samples, per_class) : std::ssize(classes.samples);
  if (available < classes_per_batch) {
    detail::fail<DataError>(name, "labels",
                            fmt::format("of at least {} {} (batch_size {})", classes_per_batch,
                                        single ? fmt::format("groups of {} samples of a class", per_class)
                                               : fmt::format("classes with {} samples each", per_class),
                                        options_.batch_size),
                            std::to_string(available));
  }
  class_of_ = detail::places_of_classes(classes, labels_.size());
  classes_ = std::move(classes.samples);
  excluded_classes_ = std::move(classes.excluded);
  exclusion_ = detail::fewer_than(per_class);
  batch_size_ = options_.batch_size;
  batches_per_epoch_ = std::ssize(labels_) / batch_size_;
}

std::vector<std::int64_t> BatchMatchingSampler::plan(const torch::Tensor& features, Generator generator) const {
  // A criterion need not bear several threads.
  return plan_batches(
      generator, [&](Generator& own) { return choose(features, own); }, options_.matching != BatchMatching::criterion);
}

std::vector<std::int64_t> BatchMatchingSampler::choose(const torch::Tensor& features, Generator& generator) const {
  const auto per_class = options_.samples_per_class;
  const auto classes_per_batch = batch_size() / per_class;
  const bool single = options_.matching == BatchMatching::frechet;

  // The pool, and for candidates of classes the places in it of each of its classes.
  std::vector<std::int64_t> pool;
  std::vector<std::vector<std::int64_t>> places;
  if (single) {
    pool = detail::capped_pool(classes_, per_class, options_.pool_size, generator);
  } else {
    for (const auto& members : class_pool(classes_, per_class, options_.pool_size, generator)) {
      places.emplace_back();
      for (const auto sample : members) {
        places.back().push_back(std::ssize(pool));
        pool.push_back(sample);
      }
    }
  }
  const auto draw_candidate = [&] {
    if (single) return detail::draw_different(detail::numbers(std::ssize(pool)), classes_per_batch, generator);
    std::vector<std::int64_t> candidate;
    for (const auto number : detail::draw_different(detail::numbers(std::ssize(places)), classes_per_batch, generator)) {
      const auto hand = detail::draw_different(places[static_cast<std::size_t>(number)], per_class, generator);
      candidate.insert(candidate.end(), hand.begin(), hand.end());
    }
    return candidate;
  };

  std::vector<std::int64_t> best;
  double least = 0;
  const auto compare = [&](auto&& cost) {
    for (std::int64_t i = 0; i < options_.candidates; ++i) {
      auto candidate = draw_candidate();
      const double value = cost(candidate);
      if (!best.empty() && !(value < least)) continue;
      best = std::move(candidate);
      least = value;
    }
  };
  if (options_.matching == BatchMatching::criterion) {
    compare([&](const std::vector<std::int64_t>& candidate) {
      const auto rows = gather(pool, candidate);
      const double value = criterion_(features.index_select(0, torch::tensor(rows, torch::kInt64)),
                                      torch::tensor(gather(labels_, rows), torch::kInt64), generator);
      if (std::isnan(value)) detail::fail<DataError>("BatchMatchingSampler", "criterion", "a number", "NaN");
      return value;
    });
  } else {
    const auto rows = detail::project(detail::rows_of(features, pool), options_.projection_dim, generator);
    if (options_.matching == BatchMatching::frechet || options_.matching == BatchMatching::class_frechet) {
      const detail::FrechetTarget target(rows, single ? classes_per_batch : batch_size());
      compare([&](const auto& candidate) { return target.cost(rows_at(rows, candidate)); });
    } else {
      const detail::DistanceTarget target(rows);
      const bool moments = options_.matching == BatchMatching::distance_moments;
      compare([&](const auto& candidate) {
        const auto part = rows_at(rows, candidate);
        return moments ? target.moment_cost(part) : target.histogram_cost(part);
      });
    }
  }
  best = gather(pool, best);
  return single ? detail::with_classmates(best, classes_, class_of_, per_class, generator) : best;
}

}  // namespace diva::inline v0_1
