#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/moco_loss.hpp>

#include <cmath>

using diva::Variant;

namespace {

// In two dimensions 1/q(d) = sqrt(1 − d²/4). Query at 0°; negatives at 60° (d = 1, cos ½, weight √¾) and 90° (d = √2 > 1.4: cut
// off), and at 80° (d = 2 sin 40° = 1.2856, cos 80°, weight cos 40°).
const double a60 = std::sqrt(0.75), a80 = std::cos(40 * M_PI / 180), c80 = std::cos(80 * M_PI / 180);
const auto q = torch::tensor({{1.0, 0.0}}, torch::kFloat64);
const auto queue = torch::tensor({{0.5, std::sqrt(0.75)}, {0.0, 1.0}, {c80, std::sin(80 * M_PI / 180)}}, torch::kFloat64);

double value(Variant variant) {
  return diva::DanceLoss({.temperature = 0.5, .variant = variant}).forward(q, q, queue).item<double>();
}

double cross_entropy(std::vector<double> exponents, std::vector<double> factors) {
  double sum = 0;
  for (std::size_t i = 0; i < exponents.size(); ++i) sum += factors[i] * std::exp(exponents[i]);
  return std::log(sum) - exponents[0];
}

}  // namespace

TEST_CASE("dance loss of one query worked by hand in each form") {
  const double total = a60 + a80, w60 = a60 / total, w80 = a80 / total;
  CHECK(std::abs(value(Variant::fixed) - cross_entropy({2, 0.5 * w60 / 0.5, 0, c80 * w80 / 0.5}, {1, 1, 1, 1})) < 1e-9);
  CHECK(std::abs(value(Variant::paper) - cross_entropy({2, 1, 0, c80 / 0.5}, {1, 3 * w60, 0, 3 * w80})) < 1e-9);
  // One query: normalised over the queries each weight within the cut-off is 1, and so is the floor of 1e-45 over itself.
  CHECK(std::abs(value(Variant::repo) - cross_entropy({2, 1, 0, c80 / 0.5}, {1, 1, 1, 1})) < 1e-9);
}

TEST_CASE("dance loss of the paper is moco when all negatives are equally far") {
  diva::Generator generator(1);
  const auto far = torch::tensor({{0.0, 1.0, 0.0}, {0.0, -1.0, 0.0}, {0.0, 0.0, 1.0}}, torch::kFloat64);
  const auto query = torch::tensor({{1.0, 0.0, 0.0}}, torch::kFloat64);
  const diva::DanceLoss dance({.upper_cutoff = 2, .variant = Variant::paper});
  CHECK(std::abs(dance.forward(query, query, far).item<double>() - diva::MocoLoss().forward(query, query, far).item<double>()) <
        1e-12);
}

TEST_CASE("dance loss weighs negatives alike when all lie beyond the cut-off") {
  const auto far = torch::tensor({{-1.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);
  const double expected = cross_entropy({2, -0.5 / 0.5, 0}, {1, 1, 1});
  CHECK(std::abs(diva::DanceLoss({.temperature = 0.5}).forward(q, q, far).item<double>() - expected) < 1e-12);
}

TEST_CASE("dance loss refuses options out of range") {
  CHECK_THROWS_AS(diva::DanceLoss({.lower_cutoff = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::DanceLoss({.temperature = -1}), diva::OptionError);
}
