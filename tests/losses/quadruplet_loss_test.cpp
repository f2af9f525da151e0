#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/quadruplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto x = torch::tensor({{0.0}, {1.0}, {1.5}, {3.0}, {3.2}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 2, 3}, torch::kInt64);
torch::Tensor index(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }
const diva::Triplets triplets = {index({0, 0}), index({1, 1}), index({2, 3})};

double value(const diva::QuadrupletLossOptions& options, const diva::Tuples& tuples = triplets) {
  return diva::QuadrupletLoss(options).forward(x, labels, tuples).item<double>();
}

}  // namespace

TEST_CASE("quadruplet loss worked by hand") {
  // α₁ 1: (0,1,2): 1 − 1.5 + 1 = 0.5, (0,1,3): 1 − 3 + 1 < 0: mean 0.25. α₂ 1: negative 2 to 3 and 4: 2 − 1.5 and 2 − 1.7: mean
  // 0.4; negative 3 to 2 and 4: 2 − 1.5 and 2 − 0.2: mean 1.15; over triplets 0.775.
  CHECK_THAT(value({.margin = 1, .second_margin = 1}), WithinAbs(1.025, 1e-12));
  // Of any class but itself: negative 2 to 0, 1, 3, 4: 0.5, 1.5, 0.5, 0.3: 0.7; negative 3 to 0, 1, 2, 4: 0, 0, 0.5, 1.8: 0.575.
  CHECK_THAT(value({.margin = 1, .second_margin = 1, .variant = diva::Variant::repo}), WithinAbs(0.25 + (0.7 + 0.575) / 2, 1e-12));
}

TEST_CASE("quadruplet loss takes a relation as it takes labels") {
  const diva::QuadrupletLossOptions options = {.margin = 1, .second_margin = 1};
  const diva::Relation same = {labels.unsqueeze(1) == labels.unsqueeze(0)};
  CHECK_THAT(value(options, {}), WithinAbs(diva::QuadrupletLoss(options).forward(x, {}, same).item<double>(), 1e-12));
}

TEST_CASE("quadruplet loss without a third class is the triplet term") {
  const auto two = torch::tensor({0, 0, 1, 1, 1}, torch::kInt64);
  CHECK_THAT(diva::QuadrupletLoss({.margin = 1, .second_margin = 1}).forward(x, two, triplets).item<double>(),
             WithinAbs(0.25, 1e-12));
}

TEST_CASE("quadruplet loss of given second negatives, one a triplet or each with all") {
  const auto second = index({4, 2});
  // 2–4: 2 − 1.7 = 0.3, 3–2: 0.5: mean 0.4.
  CHECK_THAT(diva::quadruplet_loss(x, triplets, second, {.margin = 1, .second_margin = 1}).item<double>(), WithinAbs(0.65, 1e-12));
  // All: 2–4 0.3, 2–2 2, 3–4 1.8, 3–2 0.5: mean 1.15.
  CHECK_THAT(
      diva::quadruplet_loss(x, triplets, second, {.margin = 1, .second_margin = 1, .variant = diva::Variant::repo}).item<double>(),
      WithinAbs(1.4, 1e-12));
  CHECK_THROWS_AS(diva::quadruplet_loss(x, triplets, index({4})), diva::ShapeError);
  CHECK_THROWS_AS(diva::quadruplet_loss(x, triplets, index({4, 5})), diva::DataError);
}

TEST_CASE("quadruplet loss refuses negative margins, pairs and a reference") {
  CHECK_THROWS_AS(diva::QuadrupletLoss({.margin = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::QuadrupletLoss({.second_margin = -1}), diva::OptionError);
  diva::QuadrupletLoss loss;
  CHECK_THROWS_AS(loss.forward(x, labels, diva::all_pairs(labels)), diva::OptionError);
  CHECK_THROWS_AS(loss.forward(x, labels, {}, diva::Reference{x, labels}), diva::OptionError);
}
