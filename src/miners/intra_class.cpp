#include <diva/core/checks.hpp>
#include <diva/miners/intra_class.hpp>

namespace diva {

Triplets intra_class_triplets(const torch::Tensor& labels, Generator& generator, const IntraClassOptions& options) {
  detail::check_labels("intra_class_triplets", labels, labels);
  validate_fields("intra_class_triplets", options);
  const auto batch = labels.size(0);
  const auto others = detail::relations(labels).positive;
  const auto with_repeats = options.variant == Variant::repo;
  const auto itself = torch::eye(batch, others.options());
  const auto usable = with_repeats ? (others | itself).any(1) : others.any(1);
  if (batch == 0 || !usable.any().item<bool>()) {
    const auto none = torch::empty({0}, labels.options());
    return {none, none, none};
  }
  const auto draw = [&](const torch::Tensor& candidates) {
    return detail::draw_columns(candidates, generator.uniform({batch}, torch::kFloat64));
  };
  // A uniform class, then a uniform member: each sample weighs 1 / size of its class.
  const auto sizes = others.sum(1) + 1;
  const auto anchors = draw((usable / sizes.to(torch::kFloat64)).unsqueeze(0).expand({batch, batch}));
  auto members = others.index_select(0, anchors);
  if (with_repeats) members = members | itself.index_select(0, anchors);
  const auto positives = draw(members);
  if (with_repeats) return {anchors, positives, draw(members)};
  const auto third = members & ~itself.index_select(0, positives);
  return {anchors, positives, draw(torch::where(third.any(1, true), third, members))};
}

}  // namespace diva
