#include <diva/core/checks.hpp>
#include <diva/miners/random_triplets.hpp>

namespace diva {

Triplets random_triplets(const torch::Tensor& labels, Generator& generator) {
  detail::check_labels("random_triplets", labels, labels);
  const auto [positive, negative] = detail::relations(labels);
  const auto anchors = detail::anchors_with(positive, negative);
  const auto draw = [&](const torch::Tensor& candidates) {
    return detail::draw_columns(candidates.index_select(0, anchors), generator.uniform({anchors.size(0)}, torch::kFloat64));
  };
  const auto positives = draw(positive);
  return {anchors, positives, draw(negative)};
}

}  // namespace diva
