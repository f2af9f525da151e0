#include <diva/core/checks.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/soft_rank.hpp>

#include <cmath>
#include <string>

namespace diva {
namespace {

// The largest distance between normalised rows.
double range(const DistanceOptions& distance) {
  return std::pow(distance.kind == Distance::squared_euclidean ? 4 : 2, distance.power);
}

}  // namespace

FastApLoss::FastApLoss(const FastApLossOptions& options) : options_(options) {
  validate_fields("FastApLoss", options);
  const auto kind = options.distance.kind;
  const bool bounded = kind == Distance::cosine ||
                       (options.distance.normalize && (kind == Distance::euclidean || kind == Distance::squared_euclidean));
  if (!bounded) {
    detail::fail<OptionError>("FastApLoss", "distance", "cosine, or euclidean or squared_euclidean of normalised rows",
                              std::string(to_string(kind)) + (options.distance.normalize ? "" : " of rows as they are"));
  }
}

torch::Tensor FastApLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto nodes = options_.bins + 1;
  const auto width = range(options_.distance) / static_cast<double>(options_.bins);
  return pairwise_loss(
      comparison, tuples, {.distance = options_.distance, .reducer = options_.reducer}, {},
      [nodes, width](const PairBlock& block, const std::vector<torch::Tensor>&) {
        const auto positive = soft_histogram(block.values, block.positive, 0, width, nodes);
        const auto all = (positive + soft_histogram(block.values, block.negative, 0, width, nodes)).cumsum(1);
        const auto number = block.positive.to(block.values.scalar_type()).sum(1);
        const auto precision = positive * positive.cumsum(1) / all.masked_fill(all == 0, 1);
        return std::vector<Elements>{{1 - precision.sum(1) / number.masked_fill(number == 0, 1), detail::any_of(block.positive)}};
      });
}

}  // namespace diva
