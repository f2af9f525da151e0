#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/image_rotation.hpp>

#include <cmath>

TEST_CASE("a pretext classifier's cross-entropy worked by hand") {
  // W f = (2, 0, 0, 1) for f = (1, 0) with W's first column (2, 0, 0, 1): −log(e² / (e² + 2 + e)) for label 0.
  diva::Generator generator(1);
  diva::ImageRotationLoss loss(2, generator);
  diva::State state;
  state.put("classifier.weight", torch::tensor({{2.0, 5.0}, {0.0, 5.0}, {0.0, 5.0}, {1.0, 5.0}}));
  loss.restore(state);
  const auto value = loss.forward(torch::tensor({{1.0, 0.0}}), torch::tensor({0}, torch::kInt64));
  CHECK(std::abs(value.item<double>() + std::log(std::exp(2) / (std::exp(2) + 2 + std::exp(1)))) < 1e-6);
}

TEST_CASE("a pretext classifier's gradients agree with finite differences") {
  diva::Generator generator(2);
  diva::ImageRotationLoss loss(3, generator);
  loss.to(torch::kFloat64);
  auto features = generator.normal({5, 3}, torch::kFloat64).requires_grad_();
  const auto labels = torch::tensor({0, 1, 2, 3, 1}, torch::kInt64);
  const auto value = [&] { return loss.forward(features, labels); };
  CHECK(gradient_error(value, features) < 1e-6);
  CHECK(gradient_error(value, loss.parameters()[0]) < 1e-6);
}

TEST_CASE("a pretext classifier of an empty batch is zero, of half precision float32, of huge features finite") {
  diva::Generator generator(3);
  const diva::ImageRotationLoss loss(3, generator);
  auto none = torch::zeros({0, 3}).requires_grad_();
  const auto value = loss.forward(none, torch::zeros({0}, torch::kInt64));
  value.backward();
  CHECK(value.item<double>() == 0);
  CHECK(none.grad().sizes() == none.sizes());
  const auto labels = torch::tensor({3}, torch::kInt64);
  CHECK(loss.forward(torch::ones({1, 3}, torch::kHalf), labels).scalar_type() == torch::kFloat32);
  CHECK(loss.forward(torch::full({1, 3}, 1e6), labels).isfinite().item<bool>());
}

TEST_CASE("a pretext classifier refuses bad arguments") {
  diva::Generator generator(4);
  CHECK_THROWS_AS(diva::ImageRotationLoss(0, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::ImageRotationLoss(2, generator, {.learning_rate_factor = -1}), diva::OptionError);
  const diva::ImageRotationLoss loss(2, generator);
  CHECK_THROWS_AS(loss.forward(torch::ones({1, 3}), torch::zeros({1}, torch::kInt64)), diva::ShapeError);
  CHECK_THROWS_AS(loss.forward(torch::ones({1, 2}), torch::full({1}, 4, torch::kInt64)), diva::DataError);
}
