#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/triplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto x = torch::tensor({{0.0}, {1.0}, {1.1}, {3.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 2}, torch::kInt64);
const diva::Triplets two = {torch::tensor({0, 0}, torch::kInt64), torch::tensor({1, 1}, torch::kInt64),
                            torch::tensor({2, 3}, torch::kInt64)};

double value(const diva::TripletLossOptions& options) { return diva::TripletLoss(options).forward(x, labels, two).item<double>(); }

}  // namespace

TEST_CASE("triplet loss of two triplets worked by hand") {
  // Squared: 1 − 1.21 + 0.5 = 0.29 and 1 − 9 + 0.5 < 0: mean 0.145, over active ones 0.29.
  CHECK_THAT(value({.margin = 0.5}), WithinAbs(0.145, 1e-12));
  CHECK_THAT(value({.margin = 0.5, .average_active = true}), WithinAbs(0.29, 1e-12));
  // Euclidean: 1 − 1.1 + 0.5 = 0.4 and 1 − 3 + 0.5 < 0.
  CHECK_THAT(value({.margin = 0.5, .distance = diva::Distance::euclidean}), WithinAbs(0.2, 1e-12));
}

TEST_CASE("triplet loss of equal embeddings is the margin") {
  CHECK(diva::TripletLoss({.margin = 0.2}).forward(x * 0, labels, two).item<double>() == 0.2);
}

TEST_CASE("triplet loss refuses a negative margin") { CHECK_THROWS_AS(diva::TripletLoss({.margin = -0.1}), diva::OptionError); }
