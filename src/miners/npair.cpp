#include "candidates.hpp"

#include <diva/miners/npair.hpp>

namespace diva::inline v0_1 {

Pairs npair_pairs(const Comparison& comparison, Generator& generator, const NpairMinerOptions& options) {
  validate_fields("npair_pairs", options);
  const auto [anchors, positive, negative] = detail::candidates("npair_pairs", comparison, detail::AnchorNeeds::positive);
  const auto positives = detail::draw(positive, generator);
  auto others = negative != 0;
  if (options.variant == Variant::repo) {
    others = torch::ones_like(others).scatter(1, positives.unsqueeze(1), 0);
    if (!comparison.reference) others.scatter_(1, anchors.unsqueeze(1), 0);
  }
  const auto pairs = others.nonzero();
  return {anchors, positives, anchors.index_select(0, pairs.select(1, 0)), pairs.select(1, 1).contiguous()};
}

}  // namespace diva::inline v0_1
