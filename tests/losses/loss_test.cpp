#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/triplet_loss.hpp>

using Catch::Matchers::Contains;

namespace {

const auto x = torch::tensor({{0.0, 0.0}, {3.0, 4.0}, {6.0, 8.0}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);

torch::Tensor index(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

}  // namespace

TEST_CASE("a loss without tuples uses all that the labels allow") {
  // Triplets (0,1,2): 25 − 100 + 100 = 25 and (1,0,2): 25 − 25 + 100 = 100; mean 62.5.
  const diva::TripletLoss loss({.margin = 100});
  CHECK(loss.forward(x, labels).item<double>() == 62.5);
  CHECK(loss.forward(x, labels, diva::all_triplets(labels)).item<double>() == 62.5);
}

TEST_CASE("a loss refuses bad arguments and names them") {
  const diva::TripletLoss loss;
  CHECK_THROWS_WITH(loss.forward(x, labels.narrow(0, 0, 2)), Contains("triplet loss: labels") && Contains("[3]"));
  CHECK_THROWS_AS(loss.forward(x[0], labels), diva::ShapeError);
  CHECK_THROWS_AS(loss.forward(x.to(torch::kInt64), labels), diva::ShapeError);
  CHECK_THROWS_WITH(loss.forward(x, labels, diva::Triplets{index({0}), index({1}), index({3})}),
                    Contains("negatives") && Contains("got 3"));
  CHECK_THROWS_AS(loss.forward(x, labels, diva::Triplets{index({0, 1}), index({1}), index({2})}), diva::ShapeError);
  CHECK_THROWS_AS(loss.forward(x, labels, diva::Triplets{}), diva::ShapeError);
  CHECK_THROWS_WITH(loss.forward(x, labels, diva::all_pairs(labels)), Contains("triplets") && Contains("pairs"));
}

TEST_CASE("a loss of pairs takes triplets apart") {
  const diva::ContrastiveLoss loss({.negative_margin = 20});
  // Positive pair (0,1): 5. Negative pair (0,2): 20 − 10 = 10.
  CHECK(loss.forward(x, labels, diva::Triplets{index({0}), index({1}), index({2})}).item<double>() == 15);
}
