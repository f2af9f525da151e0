#include "candidates.hpp"

#include <diva/core/checks.hpp>
#include <diva/miners/intra_class.hpp>

namespace diva::inline v0_1 {
namespace {

// How many samples of the batch are of each anchor's class.
torch::Tensor class_sizes(const Comparison& comparison, const torch::Tensor& positive) {
  if (!comparison.reference) return (positive != 0).sum(1) + 1;
  if (comparison.relation) return torch::ones({comparison.size()}, positive.options().dtype(torch::kInt64));
  return (comparison.labels.unsqueeze(1) == comparison.labels.unsqueeze(0)).sum(1);
}

}  // namespace

Triplets intra_class_triplets(const Comparison& comparison, Generator& generator, const IntraClassOptions& options) {
  validate_fields("intra_class_triplets", options);
  detail::check_comparison("intra_class_triplets", comparison);
  const auto batch = comparison.size();
  const bool with_repeats = options.variant == Variant::repo;
  auto members = detail::relation_rows(comparison).positive;
  const auto sizes = class_sizes(comparison, members);
  if (with_repeats && !comparison.reference) {
    members = members.clone();
    members.diagonal().fill_(1);
  }
  const auto usable = (members != 0).any(1);
  if (batch == 0 || !usable.any().item<bool>()) return detail::no_triplets(comparison);
  // A uniform class, then a uniform member: each sample weighs 1 / size of its class.
  const auto anchors = detail::draw((usable / sizes.to(torch::kFloat64)).unsqueeze(0).expand({batch, batch}), generator);
  members = members.index_select(0, anchors);
  const auto positives = detail::draw(members, generator);
  if (with_repeats) return {anchors, positives, detail::draw(members, generator)};
  const auto third = members.scatter(1, positives.unsqueeze(1), 0);
  return {anchors, positives, detail::draw(detail::preferred(third, members), generator)};
}

}  // namespace diva::inline v0_1
