#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>
#include <diva/miners/semihard.hpp>

namespace diva {

Triplets semihard_triplets(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator,
                           const SemihardOptions& options) {
  detail::check_embeddings("semihard_triplets", embeddings);
  detail::check_labels("semihard_triplets", labels, embeddings);
  validate_fields("semihard_triplets", options);
  const auto x = detail::for_mining(embeddings);
  const auto relations = detail::relations(labels);
  const auto anchors = detail::anchors_with(relations.positive, relations.negative);
  const auto count = anchors.size(0);
  const auto distances = pairwise_distances(x, x).index_select(0, anchors);
  const auto negative = relations.negative.index_select(0, anchors);

  const auto positives =
      detail::draw_columns(relations.positive.index_select(0, anchors), generator.uniform({count}, torch::kFloat64));
  const auto reach = distances.gather(1, positives.unsqueeze(1));
  const auto semihard = negative & (distances > reach) & (distances < reach + options.margin);
  const auto candidates = torch::where(semihard.any(1, true), semihard, negative);
  return {anchors, positives, detail::draw_columns(candidates, generator.uniform({count}, torch::kFloat64))};
}

}  // namespace diva
