#pragma once

// Losses of pairs and triplets, as the reference's names and options mean them.
#include "support/golden.hpp"

#include <diva/losses/angular_loss.hpp>
#include <diva/losses/circle_loss.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/nca_loss.hpp>
#include <diva/losses/npair_loss.hpp>
#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/quadruplet_loss.hpp>
#include <diva/losses/snr_loss.hpp>
#include <diva/losses/supcon_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>

#include <functional>
#include <map>
#include <memory>
#include <numbers>
#include <string>

namespace golden {

using CaseFactory = std::function<std::unique_ptr<diva::Loss>(const Case&, std::int64_t num_classes)>;

/// The tuples of a case: triplets; or pairs of one positive an anchor with the negatives given, otherwise all of another class; or
/// none.
inline diva::Tuples tuples_of(const Case& one) {
  if (one.has("triplets")) {
    const auto& t = one["triplets"];
    return diva::Triplets{t.select(1, 0).contiguous(), t.select(1, 1).contiguous(), t.select(1, 2).contiguous()};
  }
  if (!one.has("anchors") || !one.has("positives")) return {};
  const auto &anchors = one["anchors"], &labels = one["labels"];
  if (one.has("negatives")) {
    const auto& negatives = one["negatives"];
    return diva::Pairs{anchors, one["positives"], anchors.repeat_interleave(negatives.size(1)), negatives.flatten()};
  }
  const auto other = (labels.index_select(0, anchors).unsqueeze(1) != labels.unsqueeze(0)).nonzero();
  return diva::Pairs{anchors, one["positives"], anchors.index_select(0, other.select(1, 0)), other.select(1, 1).contiguous()};
}

/// The quadruplet loss with the second negatives of a case, which are no tuples of a criterion.
class GivenQuadruplets final : public diva::Loss {
 public:
  GivenQuadruplets(torch::Tensor second_negatives, diva::QuadrupletLossOptions options)
      : second_negatives_(std::move(second_negatives)), options_(std::move(options)) {}
  [[nodiscard]] std::string_view name() const override { return "quadruplet"; }

 private:
  torch::Tensor compute(const diva::Comparison& comparison, const diva::Tuples& tuples) override {
    return diva::quadruplet_loss(comparison.embeddings, std::get<diva::Triplets>(tuples), second_negatives_, options_);
  }

  torch::Tensor second_negatives_;
  diva::QuadrupletLossOptions options_;
};

template <class Criterion, class Options>
std::unique_ptr<diva::Loss> of(const Options& options) {
  return std::make_unique<Criterion>(options);
}

/// A number of the options, or its default where the reference did not record it.
inline double number(const Case& one, const char* name, double otherwise) { return one.options.value(name, otherwise); }

/// The seed's and Revisiting's.
inline std::map<std::string, CaseFactory> row_losses() {
  return {
      {"npair",
       [](const Case& one, std::int64_t) {
         const auto arch = one.options.value("arch", std::string());
         return of<diva::NPairLoss>(
             diva::NPairLossOptions{.norm_penalty = number(one, "loss_npair_l2", 0.005),
                                    .embedding_scale = arch.find("bninception") != std::string::npos ? 0.25 : 1});
       }},
      {"angular",
       [](const Case& one, std::int64_t) {
         return of<diva::AngularLoss>(diva::AngularLossOptions{.angle = number(one, "loss_angular_alpha", 36),
                                                               .angular_weight = number(one, "loss_angular_npair_ang_weight", 2),
                                                               .norm_penalty = number(one, "loss_angular_npair_l2", 0.005)});
       }},
      {"lifted",
       [](const Case& one, std::int64_t) {
         return of<diva::LiftedLoss>(diva::LiftedLossOptions{.negative_margin = number(one, "loss_lifted_neg_margin", 1),
                                                             .norm_penalty = number(one, "loss_lifted_l2", 0.005),
                                                             .variant = diva::Variant::repo});
       }},
      {"multisimilarity",
       [](const Case& one, std::int64_t) {
         return of<diva::MultiSimilarityLoss>(
             diva::MultiSimilarityLossOptions{.positive_weight = number(one, "loss_multisimilarity_pos_weight", 2),
                                              .negative_weight = number(one, "loss_multisimilarity_neg_weight", 40),
                                              .threshold = number(one, "loss_multisimilarity_thresh", 0.5),
                                              .margin = number(one, "loss_multisimilarity_margin", 0.1)});
       }},
      {"quadruplet",
       [](const Case& one, std::int64_t) {
         return std::make_unique<GivenQuadruplets>(
             one["fourth_negatives"],
             diva::QuadrupletLossOptions{.margin = number(one, "loss_quadruplet_margin_alpha_1", 0.2),
                                         .second_margin = number(one, "loss_quadruplet_margin_alpha_2", 0.2),
                                         .variant = diva::Variant::repo});
       }},
      {"snr",
       [](const Case& one, std::int64_t num_classes) {
         // The cases were made with triplets from a miner of the name `distance`, for which the seed leaves the regulariser out.
         return std::make_unique<diva::SnrLoss>(diva::SnrLossOptions{.margin = number(one, "loss_snr_margin", 0.2),
                                                                     .regularizer = 0,
                                                                     .boundary = number(one, "loss_snr_beta", 0),
                                                                     .counting = diva::Variant::repo},
                                                num_classes);
       }},
  };
}

/// pytorch-metric-learning's.
inline std::map<std::string, CaseFactory> pml_row_losses() {
  static const diva::ReducerOptions non_zero = {.kind = diva::Reduction::non_zero_mean};
  return {
      {"AngularLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::AngularLoss>(diva::AngularLossOptions{.angle = number(one, "alpha", 40),
                                                               .angular_weight = 1,
                                                               .npair_weight = 0,
                                                               .norm_penalty = 0,
                                                               .variant = diva::Variant::pml});
       }},
      {"CircleLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::CircleLoss>(diva::CircleLossOptions{.margin = number(one, "m", 0.4), .scale = number(one, "gamma", 80)});
       }},
      {"ContrastiveLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::ContrastiveLoss>(diva::ContrastiveLossOptions{.positive_margin = number(one, "pos_margin", 0),
                                                                       .negative_margin = number(one, "neg_margin", 1),
                                                                       .distance = {.normalize = true},
                                                                       .reducer = non_zero});
       }},
      {"SignalToNoiseRatioContrastiveLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::ContrastiveLoss>(diva::ContrastiveLossOptions{.positive_margin = number(one, "pos_margin", 0),
                                                                       .negative_margin = number(one, "neg_margin", 1),
                                                                       .distance = {.kind = diva::Distance::snr, .normalize = true},
                                                                       .reducer = non_zero});
       }},
      {"GeneralizedLiftedStructureLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::LiftedLoss>(diva::LiftedLossOptions{.negative_margin = number(one, "neg_margin", 1),
                                                             .positive_margin = number(one, "pos_margin", 0),
                                                             .norm_penalty = 0,
                                                             .variant = diva::Variant::pml,
                                                             .distance = {.normalize = true}});
       }},
      {"LiftedStructureLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::LiftedLoss>(diva::LiftedLossOptions{.form = diva::LiftedForm::structured,
                                                             .negative_margin = number(one, "neg_margin", 1),
                                                             .positive_margin = number(one, "pos_margin", 0),
                                                             .norm_penalty = 0,
                                                             .distance = {.normalize = true}});
       }},
      {"IntraPairVarianceLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::IntraPairVarianceLoss>(diva::IntraPairVarianceLossOptions{.positive_slack = number(one, "pos_eps", 0.01),
                                                                                   .negative_slack = number(one, "neg_eps", 0.01)});
       }},
      {"MarginLoss",
       [](const Case& one, std::int64_t num_classes) {
         const bool learned = one.has("param.beta");
         return std::make_unique<diva::MarginLoss>(
             diva::MarginLossOptions{.boundary = number(one, "beta", 1.2),
                                     .margin = number(one, "margin", 0.2),
                                     .learn_boundary = learned,
                                     .boundary_penalty = number(one, "nu", 0),
                                     .counting = diva::Variant::pml,
                                     .boundary_per_class = learned && one["param.beta"].size(0) > 1,
                                     .distance = {.normalize = true},
                                     .smoothing = 0},
             num_classes);
       }},
      {"MultiSimilarityLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::MultiSimilarityLoss>(diva::MultiSimilarityLossOptions{.positive_weight = number(one, "alpha", 2),
                                                                               .negative_weight = number(one, "beta", 50),
                                                                               .threshold = number(one, "base", 0.5),
                                                                               .mine = false,
                                                                               .variant = diva::Variant::pml,
                                                                               .distance = {.kind = diva::Distance::cosine}});
       }},
      {"NCALoss",
       [](const Case& one, std::int64_t) {
         return of<diva::NcaLoss>(diva::NcaLossOptions{.scale = number(one, "softmax_scale", 1),
                                                       .distance = {.kind = diva::Distance::squared_euclidean, .normalize = true}});
       }},
      {"NPairsLoss",
       [](const Case&, std::int64_t) {
         return of<diva::NPairLoss>(diva::NPairLossOptions{
             .norm_penalty = 0, .variant = diva::Variant::pml, .distance = {.kind = diva::Distance::dot, .normalize = true}});
       }},
      {"NTXentLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::NtXentLoss>(diva::NtXentLossOptions{.temperature = number(one, "temperature", 0.07)});
       }},
      {"SupConLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::SupConLoss>(diva::SupConLossOptions{.temperature = number(one, "temperature", 0.1)});
       }},
      {"TripletMarginLoss",
       [](const Case& one, std::int64_t) {
         return of<diva::TripletLoss>(diva::TripletLossOptions{.margin = number(one, "margin", 0.05),
                                                               .distance = {.normalize = true},
                                                               .reducer = non_zero,
                                                               .swap = one.options.value("swap", false),
                                                               .smooth = one.options.value("smooth_loss", false)});
       }},
      {"TupletMarginLoss",
       [](const Case& one, std::int64_t) {
         // Recorded in radians.
         return of<diva::TupletMarginLoss>(diva::TupletMarginLossOptions{
             .margin = number(one, "margin", 0.1) * 180 / std::numbers::pi, .scale = number(one, "scale", 64)});
       }},
  };
}

}  // namespace golden
