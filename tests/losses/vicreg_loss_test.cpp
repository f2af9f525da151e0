#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/vicreg_loss.hpp>

#include <cmath>

using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor rows(std::vector<double> values) { return torch::tensor(values, torch::kFloat64).view({-1, 2}); }

double value_of(const diva::VicregLossOptions& options, const torch::Tensor& first, const torch::Tensor& second) {
  return diva::VicregLoss(options).forward(first, {}, {}, diva::Reference{second}).item<double>();
}

}  // namespace

TEST_CASE("vicreg worked by hand, term by term") {
  // z = (0, 0), (0.5, 1): variances 1/8 and 1/2, covariance 1/4. z′ = (0, 1), (0, 1): no variance.
  const auto z = rows({0, 0, 0.5, 1}), other = rows({0, 1, 0, 1});
  const diva::VicregLossOptions invariance{.invariance = 2, .variance = 0, .covariance = 0};
  CHECK_THAT(value_of(invariance, z, other), WithinAbs(2 * (0 + 1 + 0.25 + 0) / 4, 1e-12));
  const double e = 0.01, v = (1 - std::sqrt(0.125 + e) + 1 - std::sqrt(0.5 + e)) / 2, none = 1 - std::sqrt(e);
  diva::VicregLossOptions variance{.invariance = 0, .variance = 3, .covariance = 0, .epsilon = e};
  CHECK_THAT(value_of(variance, z, other), WithinAbs(3 * (v + none) / 2, 1e-12));
  variance.variant = diva::Variant::paper;
  CHECK_THAT(value_of(variance, z, other), WithinAbs(3 * (v + none), 1e-12));
  const diva::VicregLossOptions covariance{.invariance = 0, .variance = 0, .covariance = 4};
  CHECK_THAT(value_of(covariance, z, other), WithinAbs(4 * 2 * 0.0625 / 2, 1e-12));
}

TEST_CASE("vicreg without a second view takes the first as both") {
  const auto z = diva::Generator(1).normal({7, 3}, torch::kFloat64);
  CHECK_THAT(diva::VicregLoss().forward(z, {}).item<double>(), WithinAbs(value_of({}, z, z), 1e-12));
}

TEST_CASE("vicreg of fewer than two samples is the distance of the views alone") {
  CHECK_THAT(value_of({}, rows({0, 1}), rows({0, 3})), WithinAbs(25 * 4.0 / 2, 1e-12));
  CHECK(value_of({}, torch::empty({0, 2}, torch::kFloat64), torch::empty({0, 2}, torch::kFloat64)) == 0);
}

TEST_CASE("vicreg has the gradient of its value in both views") {
  diva::Generator generator(2);
  auto first = generator.normal({6, 3}, torch::kFloat64).requires_grad_(),
       second = generator.normal({6, 3}, torch::kFloat64).requires_grad_();
  diva::VicregLoss loss;
  const auto value = [&] { return loss.forward(first, {}, {}, diva::Reference{second}); };
  CHECK(gradient_error(value, first) < 1e-6);
  CHECK(gradient_error(value, second) < 1e-6);
}

TEST_CASE("vicreg refuses tuples and views of different size") {
  const auto z = rows({0, 0, 0.5, 1});
  const auto none = torch::empty({0}, torch::kInt64);
  CHECK_THROWS_AS(diva::VicregLoss().forward(z, {}, diva::Triplets{none, none, none}), diva::OptionError);
  CHECK_THROWS_AS(value_of({}, z, rows({0, 0})), diva::ShapeError);
  CHECK_THROWS_AS(diva::VicregLoss({.epsilon = 0}), diva::OptionError);
}
