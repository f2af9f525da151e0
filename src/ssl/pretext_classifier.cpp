#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/ssl/pretext_classifier.hpp>

#include <cmath>
#include <string>

namespace diva::inline v0_1 {

PretextClassifier::PretextClassifier(std::string_view function, std::int64_t feature_dim, std::int64_t classes,
                                     Generator& initialisation, const PretextClassifierOptions& options)
    : learning_rate_factor_(options.learning_rate_factor) {
  validate_fields(function, options);
  if (feature_dim < 1 || classes < 1) {
    detail::fail<OptionError>(function, "feature_dim and classes", "at least 1",
                              std::to_string(feature_dim) + " and " + std::to_string(classes));
  }
  const double bound = 1 / std::sqrt(static_cast<double>(feature_dim));
  weight_ = ((initialisation.uniform({classes, feature_dim}, torch::kFloat32) * 2 - 1) * bound).requires_grad_();
}

torch::Tensor PretextClassifier::forward(const torch::Tensor& features, const torch::Tensor& labels) const {
  const auto function = std::string(name()) + " loss";
  detail::check_embeddings(function, features, "features");
  detail::check_shape(function, "features", features, {features.size(0), feature_dim()});
  detail::check_labels(function, labels, features, num_classes());
  const auto type = features.element_size() < 4 ? torch::kFloat32 : features.scalar_type();
  const auto logits = features.to(type).mm(weight_.to(type).t());
  if (features.size(0) == 0) return logits.sum();
  return (logits.logsumexp(1) - logits.gather(1, labels.unsqueeze(1)).squeeze(1)).mean();
}

std::vector<NamedTensor> PretextClassifier::named_parameters() const { return {{"classifier.weight", weight_}}; }

void PretextClassifier::set_weight(const torch::Tensor& weight) {
  const torch::NoGradGuard no_gradient;
  weight_.copy_(weight);
}

}  // namespace diva::inline v0_1
