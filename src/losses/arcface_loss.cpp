#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/arcface_loss.hpp>

#include <cmath>
#include <numbers>
#include <string>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

// cos(θ + m), and beyond π − m the line that goes on falling.
struct AngularMargin {
  double margin = 0;
  bool goes_on = true;

  detail::Shifted operator()(double cosine) const {
    const double cos_m = std::cos(margin), sin_m = std::sin(margin);
    if (goes_on && !(cosine >= -cos_m)) return {cosine - margin * sin_m, 1};
    const double square = 1 - cosine * cosine;
    if (square <= 0) return {cosine * cos_m, cos_m};
    const double sine = std::sqrt(square);
    return {cosine * cos_m - sine * sin_m, cos_m + cosine / sine * sin_m};
  }
};

torch::Tensor nearest_center(const torch::Tensor& cosines, std::int64_t centers) {
  if (centers == 1) return cosines;
  return std::get<0>(cosines.view({cosines.size(0), -1, centers}).max(2));
}

}  // namespace

ArcFaceLoss::ArcFaceLoss(const ArcFaceLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator)
    : ProxyLoss("ArcFaceLoss", options.proxies, num_classes, embed_dim, generator, options.sub_centers), options_(options) {
  validate_fields("ArcFaceLoss", options);
}

torch::Tensor ArcFaceLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  if (options_.variant != Variant::repo) {
    const AngularMargin margin = {options_.margin, options_.variant != Variant::paper};
    const auto fused =
        detail::fused_proxies({.embeddings = comparison.embeddings, .rows = now.rows}, {now.targets, now.labels, now.weights},
                              options_.reducer, detail::SoftmaxKernel<AngularMargin>{options_.scale, margin, options_.sub_centers});
    if (fused.defined()) return fused;
  }
  const auto x = options_.variant == Variant::repo ? comparison.embeddings : l2_normalize(comparison.embeddings);
  return cross_entropy(x, l2_normalize(now.rows), now, options_.reducer,
                       [options = options_](const torch::Tensor& products, const torch::Tensor& targets, std::int64_t,
                                            const std::vector<torch::Tensor>&) {
                         auto cosines = nearest_center(products, options.sub_centers);
                         if (options.variant == Variant::repo) cosines = cosines.clamp(1e-10, 1 - 1e-10);
                         const auto own = cosines.gather(1, targets);
                         const double cos_m = std::cos(options.margin), sin_m = std::sin(options.margin);
                         auto shifted = own * cos_m - detail::sine(own) * sin_m;
                         // θ ≤ π − m where cos θ ≥ −cos m
                         if (options.variant == Variant::fixed || options.variant == Variant::pml)
                           shifted = torch::where(own >= -cos_m, shifted, own - options.margin * sin_m);
                         return cosines.scatter(1, targets, shifted) * options.scale;
                       });
}

torch::Tensor ArcFaceLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  return nearest_center(l2_normalize(embeddings).mm(l2_normalize(rows).t()), options_.sub_centers) * options_.scale;
}

ArcFaceLoss::Outliers ArcFaceLoss::outliers(const torch::Tensor& embeddings, const torch::Tensor& labels, double threshold) const {
  const std::string function = "ArcFaceLoss::outliers";
  const torch::NoGradGuard no_gradient;
  const auto centers = options_.sub_centers, classes = proxies().size(0) / centers;
  detail::check_embeddings(function, embeddings);
  detail::check_shape(function, "embeddings", embeddings, {embeddings.size(0), proxies().size(1)});
  detail::check_labels(function, labels, embeddings, classes);
  if (!(threshold >= 0 && threshold <= 180))
    detail::fail<OptionError>(function, "threshold", "in [0, 180] degrees", std::to_string(threshold));

  const auto x = l2_normalize(embeddings.element_size() < 4 ? embeddings.to(torch::kFloat32) : embeddings);
  const auto rows = l2_normalize(proxies().to(x.scalar_type()));
  std::vector<torch::Tensor> columns;
  for (std::int64_t k = 0; k < centers; ++k) columns.push_back((x * rows.index_select(0, labels * centers + k)).sum(1));
  const auto cosines = torch::stack(columns, 1);  // [N, K], to the centres of the own class

  const auto votes = torch::bincount(labels * centers + cosines.argmax(1), {}, classes * centers).view({classes, centers});
  const auto dominant = votes.argmax(1);  // [C]
  const auto near = cosines.gather(1, dominant.index_select(0, labels).unsqueeze(1)).squeeze(1);
  const double limit = std::cos(threshold * std::numbers::pi / 180);
  return {(near < limit).nonzero().view(-1),
          proxies().detach().index_select(0, torch::arange(classes, labels.options()) * centers + dominant)};
}

}  // namespace diva::inline v0_1
