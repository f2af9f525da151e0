#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/arcface_loss.hpp>
#include <diva/losses/softmax_loss.hpp>

#include <cmath>
#include <numbers>

using Catch::Matchers::WithinAbs;
using diva::ArcFaceLoss;
using diva::ArcFaceLossOptions;
using diva::Variant;

namespace {

constexpr double pi = std::numbers::pi;
const auto rows = torch::eye(2, torch::kFloat64) * 3;

torch::Tensor at_degrees(double degrees) {
  const double angle = degrees * pi / 180;
  return torch::tensor({{std::cos(angle), std::sin(angle)}}, torch::kFloat64);
}

double value(const ArcFaceLossOptions& options, const torch::Tensor& x) {
  return with_proxies<ArcFaceLoss>(options, rows).forward(x, indices({0})).item<double>();
}

double two_logits(double own, double other) { return std::log(1 + std::exp(other - own)); }

}  // namespace

TEST_CASE("arcface worked by hand") {
  // m = 60°, s = 2. At 60° the own cosine becomes cos 120° = −0.5, the other is sin 60°.
  const ArcFaceLossOptions options{.margin = pi / 3, .scale = 2};
  CHECK_THAT(value(options, 5 * at_degrees(60)), WithinAbs(two_logits(-1, 2 * std::sin(pi / 3)), 1e-12));
  // 150° lies beyond 180° − m: cos 150° − m sin m.
  const double own = std::cos(5 * pi / 6);
  CHECK_THAT(value(options, at_degrees(150)), WithinAbs(two_logits(2 * (own - pi / 3 * std::sin(pi / 3)), 1), 1e-12));
  // The paper's formula turns back there: cos 210°.
  const ArcFaceLossOptions paper{.margin = pi / 3, .scale = 2, .variant = Variant::paper};
  CHECK_THAT(value(paper, at_degrees(150)), WithinAbs(two_logits(2 * std::cos(7 * pi / 6), 1), 1e-12));
  // Revisiting clamps the cosine to 0: cos(90° + m). It does not normalise the embedding: 2 · 0.25 at the other.
  const ArcFaceLossOptions repo{.margin = pi / 3, .scale = 2, .variant = Variant::repo};
  CHECK_THAT(value(repo, at_degrees(150) / 2), WithinAbs(two_logits(2 * std::cos(5 * pi / 6), 0.5), 1e-8));
}

TEST_CASE("the margin of arcface has an effect, and without it arcface is the normalised softmax") {
  const auto x = diva::Generator(1).normal({6, 2}, torch::kFloat64);
  const auto labels = torch::arange(6).remainder(2);
  const auto loss_of = [&](double margin) {
    return with_proxies<ArcFaceLoss>(ArcFaceLossOptions{.margin = margin, .scale = 8}, rows).forward(x, labels).item<double>();
  };
  auto softmax =
      with_proxies<diva::SoftmaxLoss>(diva::SoftmaxLossOptions{.temperature = 0.125, .normalize_embeddings = true}, rows);
  CHECK_THAT(loss_of(0), WithinAbs(softmax.forward(x, labels).item<double>(), 1e-12));
  CHECK(loss_of(0.5) > loss_of(0.1) + 0.1);
}

TEST_CASE("arcface is finite where the own angle is 0 or 180 degrees") {
  for (const auto variant : {Variant::fixed, Variant::paper, Variant::repo}) {
    for (const auto type : {torch::kFloat32, torch::kFloat64}) {
      auto loss = with_proxies<ArcFaceLoss>(ArcFaceLossOptions{.variant = variant}, rows);
      loss.to(type);
      const auto x = torch::tensor({{1.0, 0.0}, {-1.0, 0.0}, {0.0, 0.0}}, type).requires_grad_();
      const auto result = loss.forward(x, indices({0, 0, 0}));
      result.backward();
      CHECK(result.isfinite().item<bool>());
      CHECK(x.grad().isfinite().all().item<bool>());
      CHECK(loss.proxies().grad().isfinite().all().item<bool>());
    }
  }
}

TEST_CASE("the nearest centre of a class counts") {
  // Class 0 has e1, e2, class 1 −e1, −e2. Sample e2: cosines 1 and max(0, −1) = 0. m = 60°: cos 60° = 0.5 for the own class.
  const auto centers = torch::tensor({{1.0, 0.0}, {0.0, 1.0}, {-1.0, 0.0}, {0.0, -1.0}}, torch::kFloat64);
  auto loss = with_proxies<ArcFaceLoss>(ArcFaceLossOptions{.margin = pi / 3, .scale = 2, .sub_centers = 2}, centers, 2);
  const auto x = torch::tensor({{0.0, 1.0}}, torch::kFloat64);
  CHECK(loss.name() == "subcenter_arcface");
  CHECK_THAT(loss.forward(x, indices({0})).item<double>(), WithinAbs(two_logits(1, 0), 1e-12));
  CHECK(torch::allclose(loss.logits(x), torch::tensor({{2.0, 0.0}}, torch::kFloat64)));
}

TEST_CASE("outliers lie far from the centre that most of their class is nearest to") {
  // Three classes of centres e1, e2 and more; class 2 has no samples, so its first centre stands.
  const auto centers = torch::tensor({{2.0, 0.0}, {0.0, 1.0}, {0.0, 1.0}, {-1.0, 0.0}, {3.0, 3.0}, {1.0, 0.0}}, torch::kFloat64);
  const auto loss = with_proxies<ArcFaceLoss>(ArcFaceLossOptions{.sub_centers = 2}, centers, 2);
  // Class 0: two near e1, one at e2, 90° away. Class 1: two near −e1, and one 70° from it.
  const auto x = torch::cat({at_degrees(90), at_degrees(10), at_degrees(180), at_degrees(-20), at_degrees(170), at_degrees(110)});
  const auto [found, dominant] = loss.outliers(x, indices({0, 0, 1, 0, 1, 1}), 75);
  CHECK(torch::equal(found, indices({0})));
  CHECK(torch::equal(dominant, torch::tensor({{2.0, 0.0}, {-1.0, 0.0}, {3.0, 3.0}}, torch::kFloat64)));
  CHECK(torch::equal(loss.outliers(x, indices({0, 0, 1, 0, 1, 1}), 60).indices, indices({0, 5})));
  CHECK(loss.outliers(x.narrow(0, 0, 0), indices({})).indices.numel() == 0);
  CHECK_THROWS_AS(loss.outliers(x, indices({0, 0, 1, 0, 1, 3})), diva::DataError);
  CHECK_THROWS_AS(loss.outliers(x, indices({0, 0, 1, 0, 1, 1}), 200), diva::OptionError);
}

TEST_CASE("arcface refuses margins beyond 180 degrees") {
  diva::Generator generator(1);
  CHECK_THROWS_AS(ArcFaceLoss({.margin = 28.6}, 2, 2, generator), diva::OptionError);  // PML's degrees
  CHECK_THROWS_AS(ArcFaceLoss({.sub_centers = 0}, 2, 2, generator), diva::OptionError);
}
