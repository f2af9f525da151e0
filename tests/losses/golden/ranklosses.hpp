#pragma once

// Losses of rankings and histograms, of views and the manifold, as the references' names and options mean them.
#include "support/golden.hpp"

#include <diva/losses/dynamic_soft_margin_loss.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/manifold_loss.hpp>
#include <diva/losses/pnp_loss.hpp>
#include <diva/losses/ranked_list_loss.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>
#include <diva/losses/vicreg_loss.hpp>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace golden {

using CaseFactory = std::function<std::unique_ptr<diva::Loss>(const Case&, std::int64_t num_classes)>;

/// A number of the case, or what the reference takes without it.
inline double number_or(const Case& one, const char* name, double otherwise) {
  return one.options.contains(name) && one.options[name].is_number() ? one.options[name].get<double>() : otherwise;
}

/// The seed's and Revisiting's.
inline std::map<std::string, CaseFactory> rank_losses() {
  return {{"histogram", [](const Case& one, std::int64_t) -> std::unique_ptr<diva::Loss> {
             return std::make_unique<diva::HistogramLoss>(
                 diva::HistogramLossOptions{.nodes = one.options.at("loss_histogram_nbins").get<std::int64_t>(),
                                            .variant = diva::Variant::repo,
                                            .distance = {.kind = diva::Distance::dot}});
           }}};
}

/// pytorch-metric-learning's.
inline std::map<std::string, CaseFactory> pml_rank_losses() {
  using Made = std::unique_ptr<diva::Loss>;
  return {
      {"FastAPLoss",
       [](const Case& one, std::int64_t) -> Made {
         return std::make_unique<diva::FastApLoss>(
             diva::FastApLossOptions{.bins = static_cast<std::int64_t>(number_or(one, "num_bins", 10))});
       }},
      {"PNPLoss",
       [](const Case& one, std::int64_t) -> Made {
         diva::PnpLossOptions options{.temperature = number_or(one, "anneal", 0.01),
                                      .b = number_or(one, "b", 2),
                                      .alpha = number_or(one, "alpha", 1),
                                      .variant = diva::Variant::pml};
         for (const auto& [penalty, name] : diva::enumerators(diva::PnpPenalty{})) {
           if (one.options.value("variant", "O") == name) options.penalty = penalty;
         }
         return std::make_unique<diva::PnpLoss>(options);
       }},
      {"RankedListLoss",
       [](const Case& one, std::int64_t) -> Made {
         const double margin = one.options.at("margin").get<double>();
         return std::make_unique<diva::RankedListLoss>(
             diva::RankedListLossOptions{.margin = margin,
                                         .boundary = number_or(one, "alpha", 1 + margin / 2),
                                         .negative_temperature = one.options.at("Tn").get<double>(),
                                         .positive_temperature = number_or(one, "Tp", 0),
                                         .balance = number_or(one, "imbalance", 0.5),
                                         .variant = diva::Variant::pml,
                                         .distance = {.normalize = true}});
       }},
      {"ThresholdConsistentMarginLoss",
       [](const Case& one, std::int64_t) -> Made {
         return std::make_unique<diva::ThresholdConsistentMarginLoss>(
             diva::ThresholdConsistentMarginLossOptions{.positive_margin = number_or(one, "margin_plus", 0.9),
                                                        .negative_margin = number_or(one, "margin_minus", 0.5),
                                                        .positive_weight = number_or(one, "lambda_plus", 1),
                                                        .negative_weight = number_or(one, "lambda_minus", 1)});
       }},
      {"DynamicSoftMarginLoss",
       [](const Case& one, std::int64_t) -> Made {
         return std::make_unique<diva::DynamicSoftMarginLoss>(
             diva::DynamicSoftMarginLossOptions{.minimum = number_or(one, "min_val", -2),
                                                .bins = static_cast<std::int64_t>(number_or(one, "num_bins", 10)),
                                                .momentum = number_or(one, "momentum", 0.01),
                                                .variant = diva::Variant::pml});
       }},
      {"HistogramLoss",
       [](const Case& one, std::int64_t) -> Made {
         const double intervals = number_or(one, "n_bins", 2 / number_or(one, "delta", 0.02));
         return std::make_unique<diva::HistogramLoss>(
             diva::HistogramLossOptions{.nodes = std::lround(intervals) + 1, .variant = diva::Variant::pml});
       }},
      {"ManifoldLoss",
       [](const Case& one, std::int64_t) -> Made {
         const diva::ManifoldLossOptions options{.proxies = one["param.proxies"].size(0),
                                                 .meta_classes = diva::MetaClasses::labels,
                                                 .context_weight = number_or(one, "lambdaC", 1),
                                                 .alpha = number_or(one, "alpha", 0.8),
                                                 .margin = number_or(one, "margin", 5e-4)};
         return std::make_unique<diva::ManifoldLoss>(options, one["embeddings"].size(1), diva::Generator(0));
       }},
      {"VICRegLoss",
       [](const Case& one, std::int64_t) -> Made {
         return std::make_unique<diva::VicregLoss>(diva::VicregLossOptions{.invariance = number_or(one, "invariance_lambda", 25),
                                                                           .variance = number_or(one, "variance_mu", 25),
                                                                           .covariance = number_or(one, "covariance_v", 1),
                                                                           .epsilon = number_or(one, "eps", 1e-4)});
       }},
  };
}

}  // namespace golden
