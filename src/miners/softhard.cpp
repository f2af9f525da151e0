#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/softhard.hpp>

#include <limits>

namespace diva {

Triplets softhard_triplets(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator) {
  detail::check_embeddings("softhard_triplets", embeddings);
  detail::check_labels("softhard_triplets", labels, embeddings);
  const auto x = detail::for_mining(embeddings);
  const auto relations = detail::relations(labels);
  const auto anchors = detail::anchors_with(relations.positive, relations.negative);
  if (anchors.size(0) == 0) return {anchors, anchors, anchors};
  const auto positive = relations.positive.index_select(0, anchors), negative = relations.negative.index_select(0, anchors);
  const auto distances = pairwise_distances(x, x).index_select(0, anchors);

  constexpr double infinity = std::numeric_limits<double>::infinity();
  const auto nearest_negative = distances.masked_fill(~negative, infinity).amin(1, true);
  const auto farthest_positive = distances.masked_fill(~positive, -infinity).amax(1, true);
  const auto draw = [&](const torch::Tensor& hard, const torch::Tensor& all) {
    return detail::draw_columns(torch::where(hard.any(1, true), hard, all), generator.uniform({anchors.size(0)}, torch::kFloat64));
  };
  const auto positives = draw(positive & (distances > nearest_negative), positive);
  return {anchors, positives, draw(negative & (distances < farthest_positive), negative)};
}

}  // namespace diva
