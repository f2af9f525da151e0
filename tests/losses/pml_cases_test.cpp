// The cases of pytorch-metric-learning's own tests (tests/losses of release 2.8.1): their inputs, with the values and lengths of
// gradients that its criteria have there in float64. Where a test draws its reference, the angles here stand in its place; margins
// of cosines are given as those of cosine distances, 1 − s.
#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/losses/registry.hpp>

#include <cmath>
#include <map>
#include <numbers>
#include <string>

namespace {

struct Input {
  torch::Tensor rows;
  torch::Tensor labels;
  std::optional<diva::Reference> reference = {};
};

torch::Tensor at_angles(const std::vector<double>& degrees) {
  const auto radians = torch::tensor(degrees, torch::kFloat64) * (std::numbers::pi / 180);
  return torch::stack({radians.cos(), radians.sin()}, 1);
}

torch::Tensor labelled(const std::vector<std::int64_t>& labels) { return torch::tensor(labels, torch::kInt64); }

Input input(const std::string& name) {
  if (name == "five") return {at_angles({0, 20, 40, 60, 80}), labelled({0, 0, 1, 1, 2})};
  if (name == "six") return {at_angles({0, 10, 20, 50, 60, 80}), labelled({0, 0, 0, 1, 1, 2})};
  if (name == "four")
    return {torch::tensor({{0.0, 1.0}, {0.43, 0.9}, {1.0, 0.0}, {0.5, 0.5}}, torch::kFloat64), labelled({0, 0, 1, 1})};
  if (name == "other") {
    return {at_angles({0, 25, 70, 110}), labelled({0, 0, 1, 1}), diva::Reference{at_angles({10, 95, 150}), labelled({0, 1, 2})}};
  }
  const auto degrees = torch::arange(180, torch::kInt64);
  const double step = name == "arc" ? 0.97 : 1;  // an arc without the angles at which histograms have their nodes
  const auto radians = degrees.to(torch::kFloat64) * (step * std::numbers::pi / 180);
  return {torch::stack({radians.cos(), radians.sin()}, 1), (degrees * 7).remainder(10)};
}

struct Case {
  const char* loss;
  const char* options;
  const char* input;
  double value;
  double gradient;            // its length, of the embeddings
  double reference_gradient;  // and of the reference
};

const Case cases[] = {
    {"ContrastiveLoss",
     R"({"positive_margin": 0.25, "negative_margin": 1.5, "distance": {"kind": "squared_euclidean", "normalize": true}})", "five",
     0.979291020265, 0.930484483788, 0},
    {"ContrastiveLoss",
     R"({"positive_margin": 0.25, "negative_margin": 1.5, "distance": {"kind": "squared_euclidean", "normalize": true}})", "other",
     0.57204305763, 0.953635880367, 0.953635880367},
    {"ContrastiveLoss", R"({"positive_margin": 0.04, "negative_margin": 0.4, "distance": {"kind": "cosine"}})", "five",
     0.2558110934, 0.495588012965, 0},
    {"ContrastiveLoss", R"({"positive_margin": 0.04, "negative_margin": 0.4, "distance": {"kind": "cosine"}})", "other",
     0.219736656082, 0.769273752525, 0.769273752525},
    {"ContrastiveLoss",
     R"({"positive_margin": 0.25, "negative_margin": 1.5, "distance": {"kind": "squared_euclidean", "normalize": true}, "reducer": {"kind": "mean"}})",
     "five", 0.856879642732, 0.814173923314, 0},
    {"ContrastiveLoss",
     R"({"positive_margin": 0.04, "negative_margin": 0.4, "distance": {"kind": "cosine"}, "reducer": {"kind": "mean"}})", "five",
     0.16749720058, 0.416375382746, 0},
    {"MarginLoss", R"({"margin": 0.1, "boundary": 1})", "five", 0.421628136431, 0.6948703788, 0},
    {"MarginLoss", R"({"margin": 0.1, "boundary": 1})", "other", 0.257979856674, 0.638948789333, 0.638948789333},
    {"TripletMarginLoss", R"({"margin": 0.2})", "five", 0.2, 1.96961550602, 0},
    {"TripletMarginLoss", R"({"margin": 0.2})", "other", 0, 0, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "reducer": {"kind": "mean"}})", "five", 0.05, 0.492403876506, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "reducer": {"kind": "mean"}})", "other", 0, 0, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "distance": {"kind": "cosine"}})", "five", 0.0914698889582, 0.556520947623, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "distance": {"kind": "cosine"}})", "other", 0.00011861682991, 0.901606654789,
     0.692938099165},
    {"TripletMarginLoss", R"({"margin": 0.2, "distance": {"kind": "cosine"}, "reducer": {"kind": "mean"}})", "five",
     0.0609799259721, 0.371013965082, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "distance": {"kind": "cosine"}, "reducer": {"kind": "mean"}})", "other",
     1.48271037387e-05, 0.112700831849, 0.0866172623956},
    {"TripletMarginLoss", R"({"margin": 0.2, "smooth": true})", "five", 0.616434012712, 0.582216976276, 0},
    {"TripletMarginLoss", R"({"margin": 0.2, "smooth": true})", "other", 0.369059336051, 0.196023494505, 0.12488358348},
    {"CircleLoss", R"({"margin": 0.25, "scale": 256})", "five", 176.028075102, 137.497983103, 0},
    {"CircleLoss", R"({"margin": 0.25, "scale": 256})", "other", 38.2326732677, 69.1745478399, 58.4672177359},
    {"CircleLoss", R"({"margin": 0.4, "scale": 300})", "half_circle", 986.569021865, 93.8370637334, 0},
    {"FastAPLoss", R"({"bins": 5})", "arc", 0.909050188797, 0.000643143531711, 0},
    {"LiftedStructureLoss", R"({"negative_margin": 0.5})", "five", 1.89645644476, 2.58336231265, 0},
    {"GeneralizedLiftedStructureLoss", R"({"negative_margin": 0.5})", "five", 1.21993986813, 1.10350494514, 0},
    {"GeneralizedLiftedStructureLoss", R"({"negative_margin": 0.5})", "other", 0.24220235406, 0.625953926271, 0.326977797507},
    {"MultiSimilarityLoss", R"({"positive_weight": 0.1, "negative_weight": 40, "threshold": 0.5})", "five", 5.77622080897,
     0.464335016949, 0},
    {"MultiSimilarityLoss", R"({"positive_weight": 0.1, "negative_weight": 40, "threshold": 0.5})", "other", 6.77706254397,
     0.253085693785, 0.189164650448},
    {"NCALoss", R"({"scale": 10})", "five", 0.542907941989, 5.21569698199, 0},
    {"NCALoss", R"({"scale": 10})", "other", 0.00462313709327, 0.0812938352554, 0.0622526172646},
    {"NPairsLoss", R"({})", "five", 0.59521102759, 0.264809326007, 0},
    {"multiple", R"({"of": ["NPairsLoss"], "regularizers": [{"regularizer": "lp", "power": 2}]})", "five", 1.59521102759,
     0.932804362737, 0},
    {"NTXentLoss", R"({"temperature": 0.1})", "six", 0.298143100644, 1.28279543014, 0},
    {"NTXentLoss", R"({"temperature": 0.1})", "other", 0.036686951929, 0.274280979287, 0.206496619878},
    {"NTXentLoss", R"({"temperature": 0.1, "distance": {"kind": "euclidean", "normalize": true}})", "six", 0.0623551093974,
     0.945632979365, 0},
    {"NTXentLoss", R"({"temperature": 0.1, "distance": {"kind": "euclidean", "normalize": true}})", "other", 0.00455793158905,
     0.071065750726, 0.0440531531308},
    {"NTXentLoss", R"({"temperature": 0.1, "reducer": {"kind": "per_anchor"}})", "other", 0.036686951929, 0.274280979287,
     0.206496619878},
    {"SupConLoss", R"({"temperature": 0.1})", "six", 0.720060445082, 1.12485480006, 0},
    {"SupConLoss", R"({"temperature": 0.1})", "other", 0.036686951929, 0.274280979287, 0.206496619878},
    {"SupConLoss", R"({"temperature": 0.1, "distance": {"kind": "euclidean", "normalize": true}})", "six", 0.60516299734,
     1.46678197421, 0},
    {"SupConLoss", R"({"temperature": 0.1, "distance": {"kind": "euclidean", "normalize": true}})", "other", 0.00455793158905,
     0.071065750726, 0.0440531531308},
    {"TupletMarginLoss", R"({"margin": 5.780295468, "scale": 64})", "five", 0.104662488619, 3.67951541803, 0},
    {"TupletMarginLoss", R"({"margin": 5.780295468, "scale": 64})", "other", 1.79579478072e-07, 9.229034541e-06, 7.61364414487e-06},
    {"IntraPairVarianceLoss", R"({"positive_slack": 0.01, "negative_slack": 0.02})", "five", 0.019197690143, 0.0710234194088, 0},
    {"IntraPairVarianceLoss", R"({"positive_slack": 0.01, "negative_slack": 0.02})", "other", 0.118828118905, 0.180945756681,
     0.0373240972652},
    {"AngularLoss", R"({"angle": 40})", "five", 2.2756461236, 3.11453678966, 0},
    {"AngularLoss", R"({"angle": 40})", "other", 0.400815482632, 0.423445291921, 1.20901715444},
    {"ThresholdConsistentMarginLoss", R"({})", "four", 0.517876301267, 1.91447357356, 0},
    {"PNPLoss", R"({"b": 2, "alpha": 4, "temperature": 0.01, "penalty": "Dq"})", "arc", 0.99998759835, 2.10154664513e-05, 0},
    {"HistogramLoss", R"({"nodes": 5})", "arc", 0.652051601265, 0.0100394424473, 0},
    {"RankedListLoss", R"({"margin": 0.1, "boundary": 0.95, "negative_temperature": 0, "positive_temperature": 0, "balance": 0})",
     "six", 0, 0, 0},
    {"RankedListLoss",
     R"({"margin": 0.4, "boundary": 0.8, "negative_temperature": 0.5, "positive_temperature": 0.5, "balance": 0.5})", "six",
     0.101508699059, 0.259134283446, 0},
    {"RankedListLoss", R"({"margin": 0.8, "boundary": 0.6, "negative_temperature": 3, "positive_temperature": 3, "balance": 0.7})",
     "six", 0.175149634889, 0.544184575317, 0},
    {"SignalToNoiseRatioContrastiveLoss", R"({"positive_margin": 0, "negative_margin": 0.1})", "five", 4.53993490871, 68.1832453791,
     0},
    {"multiple",
     R"({"of": [{"loss": "SignalToNoiseRatioContrastiveLoss", "positive_margin": 0, "negative_margin": 0.1}], "regularizers": [{"regularizer": "zero_mean", "weight": 0.1}]})",
     "five", 4.66423543174, 68.1834023646, 0},
    {"multiple",
     R"({"of": [{"loss": "ContrastiveLoss", "positive_margin": 0.1, "negative_margin": 0.6, "distance": {"kind": "cosine"}}, "ThresholdConsistentMarginLoss"]})",
     "four", 1.00445847905, 3.51146251452, 0},
};

std::unique_ptr<diva::Loss> make(const Case& one, torch::ScalarType type = torch::kFloat64) {
  diva::Generator generator(1);
  auto loss = diva::make_loss(one.loss, {.num_classes = 10, .embed_dim = 2}, one.options, generator);
  loss->to(type);
  return loss;
}

bool near(double found, double expected) { return std::abs(found - expected) <= 1e-8 * std::max(1.0, std::abs(expected)); }

}  // namespace

TEST_CASE("pml cases: values and gradients of pytorch-metric-learning's tests") {
  for (const auto& one : cases) {
    INFO(one.loss << " " << one.options << " of " << one.input);
    auto [rows, labels, reference] = input(one.input);
    rows.requires_grad_();
    if (reference) reference->embeddings.requires_grad_();
    const auto value = make(one)->forward(rows, labels, {}, reference);
    value.backward();
    CAPTURE(value.item<double>(), one.value);
    CHECK(near(value.item<double>(), one.value));
    CHECK(near(rows.grad().norm().item<double>(), one.gradient));
    if (reference) CHECK(near(reference->embeddings.grad().norm().item<double>(), one.reference_gradient));
  }
}

TEST_CASE("pml cases: no valid pair, and gradients that stay finite in half precision") {
  for (const auto& one : cases) {
    INFO(one.loss << " " << one.options << " of " << one.input);
    // One sample alone.
    auto alone = at_angles({0}).requires_grad_();
    if (one.loss != std::string("multiple")) {
      const auto nothing = make(one)->forward(alone, labelled({0}));
      nothing.backward();
      CHECK(nothing.item<double>() == 0);
      CHECK(alone.grad().norm().item<double>() == 0);
    }
    for (const auto type : {torch::kHalf, torch::kBFloat16}) {
      auto [rows, labels, reference] = input(one.input);
      auto x = rows.to(type).requires_grad_();
      if (reference) reference->embeddings = reference->embeddings.to(type);
      const auto value = make(one, torch::kFloat32)->forward(x, labels, {}, reference);
      value.backward();
      CHECK(value.isfinite().item<bool>());
      CHECK(x.grad().isfinite().all().item<bool>());
      // The references' tests allow a hundredth; roots at coinciding rows and thresholds that rows lie on differ by more.
      const bool smooth = one.loss == std::string("NTXentLoss") || one.loss == std::string("SupConLoss");
      if (smooth && type == torch::kHalf) CHECK(std::abs(value.item<double>() - one.value) < 0.02 * (1 + one.value));
    }
  }
}

TEST_CASE("pml cases: labels that are all different leave nothing to compare with a positive") {
  for (const char* name :
       {"TripletMarginLoss", "MarginLoss", "CircleLoss", "NTXentLoss", "SupConLoss", "TupletMarginLoss", "NCALoss", "NPairsLoss",
        "AngularLoss", "LiftedStructureLoss", "PNPLoss", "FastAPLoss", "HistogramLoss"}) {
    INFO(name);
    auto x = at_angles({0, 20, 40, 60, 80}).requires_grad_();
    const auto loss = diva::make_loss(name, 10)->forward(x, labelled({0, 1, 2, 3, 4}));
    loss.backward();
    CHECK(loss.item<double>() == 0);
    CHECK(x.grad().abs().max().item<double>() == 0);
  }
}
