#pragma once

// Losses with proxies, as the reference's names and options mean them.
#include "support/golden.hpp"

#include <diva/losses/arcface_loss.hpp>
#include <diva/losses/cosface_loss.hpp>
#include <diva/losses/instance_loss.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>
#include <diva/losses/p2sgrad_loss.hpp>
#include <diva/losses/proxy_anchor_loss.hpp>
#include <diva/losses/proxynca_loss.hpp>
#include <diva/losses/softmax_loss.hpp>
#include <diva/losses/softtriplet_loss.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace golden {

using CaseFactory = std::function<std::unique_ptr<diva::Loss>(const Case&, std::int64_t num_classes)>;

/// The reference's parameter that is ours of this name, its value or gradient: `prefix` is "param." or "out.grad.param.". Theirs
/// are [D, C·K] where the name says so.
inline torch::Tensor parameter_of(const Case& one, const std::string& prefix, const std::string& name) {
  if (one.has(prefix + name)) return one[prefix + name];
  if (one.has(prefix + "class_map")) return one[prefix + "class_map"];
  for (const auto* transposed : {"W", "fc", "weight", "intra_class_centroids"}) {
    if (one.has(prefix + transposed)) return one[prefix + transposed].t().contiguous();
  }
  FAIL(one.file << " has no parameter for " << name);
  return {};
}

template <class Criterion, class Options>
std::unique_ptr<diva::Loss> with_proxies(const Options& options, const Case& one, std::int64_t num_classes) {
  diva::Generator generator(0);
  return std::make_unique<Criterion>(options, num_classes, one["embeddings"].size(1), generator);
}

/// The seed's and Revisiting's.
inline std::map<std::string, CaseFactory> proxy_losses() {
  const auto number = [](const Case& one, const char* flag) { return one.options.at(flag).get<double>(); };
  return {
      {"proxynca",
       [](const Case& one, std::int64_t classes) {
         return with_proxies<diva::ProxyNcaLoss>(diva::ProxyNcaLossOptions{}, one, classes);
       }},
      {"softmax",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::SoftmaxLoss>(diva::SoftmaxLossOptions{.temperature = number(one, "loss_softmax_temperature")},
                                                one, classes);
       }},
      {"arcface",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::ArcFaceLoss>(diva::ArcFaceLossOptions{.margin = number(one, "loss_arcface_angular_margin"),
                                                                         .scale = number(one, "loss_arcface_feature_scale"),
                                                                         .variant = diva::Variant::repo},
                                                one, classes);
       }},
      {"softtriplet",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::SoftTripletLoss>(
             diva::SoftTripletLossOptions{.centers = one.options.at("loss_softtriplet_n_centroids").get<std::int64_t>(),
                                          .margin = number(one, "loss_softtriplet_margin_delta"),
                                          .gamma = number(one, "loss_softtriplet_gamma"),
                                          .lambda = number(one, "loss_softtriplet_lambda"),
                                          .center_penalty = number(one, "loss_softtriplet_reg_weight"),
                                          .variant = diva::Variant::repo},
             one, classes);
       }},
      {"oproxy",
       [=](const Case& one, std::int64_t classes) {
         const bool euclidean = one.options.at("loss_oproxy_euclidean").get<bool>();
         const double sign = euclidean ? -1 : 1;  // similarities are minus distances
         const bool nca = one.options.at("loss_oproxy_mode").get<std::string>() == "nca";
         return with_proxies<diva::ProxyAnchorLoss>(
             diva::ProxyAnchorLossOptions{
                 .mode = nca ? diva::ProxyMode::nca : diva::ProxyMode::anchor,
                 .positive_scale = number(one, "loss_oproxy_pos_alpha"),
                 .positive_margin = sign * number(one, "loss_oproxy_pos_delta"),
                 .negative_scale = number(one, "loss_oproxy_neg_alpha"),
                 .negative_margin = sign * number(one, "loss_oproxy_neg_delta"),
                 .variant = diva::Variant::repo,
                 .distance = {.kind = euclidean ? diva::Distance::euclidean : diva::Distance::cosine, .normalize = true}},
             one, classes);
       }},
  };
}

/// PML's. Its options are the attributes of the made object: margins of angles are in radians, SoftTriple's gamma is 1/γ.
inline std::map<std::string, CaseFactory> pml_proxy_losses() {
  const auto number = [](const Case& one, const char* flag) { return one.options.at(flag).get<double>(); };
  const auto count = [](const Case& one, const char* flag) { return one.options.at(flag).get<std::int64_t>(); };
  const auto large_margin = [=](bool weight_norms) {
    return [=](const Case& one, std::int64_t classes) {
      return with_proxies<diva::LargeMarginSoftmaxLoss>(
          diva::LargeMarginSoftmaxLossOptions{
              .margin = count(one, "margin"), .scale = number(one, "scale"), .weight_norms = weight_norms},
          one, classes);
    };
  };
  return {
      {"ProxyNCALoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::ProxyNcaLoss>(
             diva::ProxyNcaLossOptions{.scale = number(one, "softmax_scale"), .include_positive = true}, one, classes);
       }},
      {"NormalizedSoftmaxLoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::SoftmaxLoss>(
             diva::SoftmaxLossOptions{.temperature = number(one, "temperature"), .normalize_embeddings = true}, one, classes);
       }},
      {"ArcFaceLoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::ArcFaceLoss>(
             diva::ArcFaceLossOptions{.margin = number(one, "margin"), .scale = number(one, "scale")}, one, classes);
       }},
      {"SubCenterArcFaceLoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::ArcFaceLoss>(
             diva::ArcFaceLossOptions{
                 .margin = number(one, "margin"), .scale = number(one, "scale"), .sub_centers = count(one, "sub_centers")},
             one, classes);
       }},
      {"CosFaceLoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::CosFaceLoss>(
             diva::CosFaceLossOptions{.margin = number(one, "margin"), .scale = number(one, "scale")}, one, classes);
       }},
      {"LargeMarginSoftmaxLoss", large_margin(true)},
      {"SphereFaceLoss", large_margin(false)},
      {"SoftTripleLoss",
       [=](const Case& one, std::int64_t classes) {
         return with_proxies<diva::SoftTripletLoss>(diva::SoftTripletLossOptions{.centers = count(one, "centers_per_class"),
                                                                                 .margin = number(one, "margin"),
                                                                                 .gamma = 1 / number(one, "gamma"),
                                                                                 .lambda = number(one, "la"),
                                                                                 .center_penalty = 0},
                                                    one, classes);
       }},
      {"ProxyAnchorLoss",
       [=](const Case& one, std::int64_t classes) {
         const double margin = number(one, "margin"), alpha = number(one, "alpha");
         return with_proxies<diva::ProxyAnchorLoss>(
             diva::ProxyAnchorLossOptions{
                 .positive_scale = alpha, .positive_margin = margin, .negative_scale = alpha, .negative_margin = -margin},
             one, classes);
       }},
      {"P2SGradLoss",
       [](const Case& one, std::int64_t classes) {
         return with_proxies<diva::P2SGradLoss>(diva::P2SGradLossOptions{.variant = diva::Variant::pml}, one, classes);
       }},
      {"InstanceLoss",
       [=](const Case& one, std::int64_t) -> std::unique_ptr<diva::Loss> {
         return std::make_unique<diva::InstanceLoss>(
             diva::InstanceLossOptions{.scale = number(one, "gamma"), .variant = diva::Variant::pml});
       }},
  };
}

}  // namespace golden
