#include <diva/core/checks.hpp>
#include <diva/losses/margin_loss.hpp>

namespace diva {

MarginLoss::MarginLoss(const MarginLossOptions& options, std::int64_t num_classes) : options_(options), num_classes_(num_classes) {
  validate_fields("MarginLoss", options);
  const std::int64_t needed = options.learn_boundary ? 1 : 0;
  if (num_classes < needed) {
    detail::fail<OptionError>("MarginLoss", "num_classes", needed == 1 ? "at least 1 for a boundary a class" : "at least 0",
                              std::to_string(num_classes));
  }
  if (options.learn_boundary) boundary_ = torch::full({num_classes}, options.boundary, torch::kFloat32).requires_grad_();
}

std::vector<NamedTensor> MarginLoss::named_parameters() const {
  if (!boundary_.defined()) return {};
  return {{"beta", boundary_}};
}

torch::Tensor MarginLoss::compute(const torch::Tensor& embeddings, const torch::Tensor& labels, const Tuples& tuples) const {
  constexpr double smoothing = 1e-8;
  const auto [anchors, positives, negatives] = detail::as_triplets("margin loss", tuples, labels);
  const auto anchor = embeddings.index_select(0, anchors);
  const auto distance_to = [&](const torch::Tensor& others) {
    return ((anchor - embeddings.index_select(0, others)).square().sum(1) + smoothing).sqrt();
  };
  const auto boundary = boundary_.defined()
                            ? boundary_.to(embeddings.scalar_type()).index_select(0, labels.index_select(0, anchors))
                            : torch::full({}, options_.boundary, embeddings.options());
  const auto pull = (distance_to(positives) - boundary + options_.margin).relu();
  const auto push = (boundary - distance_to(negatives) + options_.margin).relu();
  const auto active = options_.counting == Variant::repo ? ((pull > 0) | (push > 0)).sum() : (pull > 0).sum() + (push > 0).sum();
  auto loss = detail::mean_or_zero(pull + push, active);
  if (options_.boundary_penalty > 0 && boundary_.defined()) loss = loss + options_.boundary_penalty * boundary_.sum();
  return loss;
}

}  // namespace diva
