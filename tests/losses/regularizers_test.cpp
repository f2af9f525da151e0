// Reference: pytorch-metric-learning 2.8.1 (tests/golden/losses_pml/make_more.py); float64 to 1e-9.
#include "support/golden.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/regularizers.hpp>

#include <cmath>

using Catch::Matchers::Contains;
using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor rows(std::vector<double> values) { return torch::tensor(values, torch::kFloat64).view({-1, 2}); }

}  // namespace

TEST_CASE("regularisers worked by hand") {
  const auto x = rows({3, 4, 0, 1});  // lengths 5 and 1
  CHECK_THAT(diva::lp_regularizer(x).item<double>(), WithinAbs(3, 1e-12));
  CHECK_THAT(diva::lp_regularizer(x, {.p = 1, .power = 2}).item<double>(), WithinAbs((49 + 1) / 2.0, 1e-12));
  CHECK_THAT(diva::zero_mean_regularizer(-x, {.reducer = {.kind = diva::Reduction::sum}}).item<double>(), WithinAbs(8, 1e-12));
  CHECK_THAT(diva::center_invariant_regularizer(x).item<double>(), WithinAbs(12 * 12 / 4.0, 1e-12));  // squares 25 and 1, mean 13
  // Cosines 0.8 (first, second), 0 (first, third (4, −3)), −0.6 (second, third): nearest 0.8, 0.8, 0.
  CHECK_THAT(diva::regular_face_regularizer(rows({3, 4, 0, 1, 4, -3})).item<double>(), WithinAbs(1.6 / 3, 1e-12));
  // Classes {e1, e2} and {e1, −e1}: √2 and 2, over C K (K − 1) = 4.
  CHECK_THAT(diva::sparse_centers_regularizer(rows({2, 0, 0, 1, 1, 0, -3, 0}), {.centers_per_class = 2}).item<double>(),
             WithinAbs((std::sqrt(2.0) + 2) / 4, 1e-12));
}

TEST_CASE("regularisers agree with pytorch-metric-learning in value and gradient") {
  for (const auto& one : golden::cases("regularizers")) {
    INFO(one.file);
    auto options = one.options;
    options.erase("num_classes");
    auto x = one["rows"].clone().requires_grad_();
    const auto value = diva::make_regularizer(one.name, options.dump())(x);
    value.backward();
    CHECK(golden::error(value, one["out.loss"]) < 1e-9);
    CHECK(golden::error(x.grad(), one["out.grad.rows"]) < 1e-9);
  }
}

TEST_CASE("regularisers of nothing, equal rows and zeros are finite in value and gradient, and NaN passes on") {
  for (const auto& name : diva::regularizer_names()) {
    INFO(name);
    const auto regularizer = diva::make_regularizer(
        name, name.starts_with("sparse") || name.starts_with("Sparse") ? R"({"centers_per_class": 2})" : "{}");
    auto none = torch::empty({0, 3}, torch::kFloat64).requires_grad_();
    const auto nothing = regularizer(none);
    CHECK(nothing.item<double>() == 0);
    nothing.backward();
    for (const double fill : {0.0, 0.5}) {
      auto x = torch::full({4, 3}, fill, torch::kFloat64).requires_grad_();
      const auto value = regularizer(x);
      value.backward();
      CHECK(value.isfinite().item<bool>());
      CHECK(x.grad().isfinite().all().item<bool>());
    }
    CHECK(regularizer(torch::full({4, 3}, NAN)).isnan().item<bool>());
    CHECK_THROWS_AS(regularizer(torch::ones({4})), diva::ShapeError);
  }
}

TEST_CASE("regularisers by name refuse unknown names, options and numbers of centres") {
  CHECK_THROWS_WITH(diva::make_regularizer("lpp"), Contains("did you mean 'lp'"));
  CHECK_THROWS_AS(diva::make_regularizer("lp", R"({"p": 0.5})"), diva::OptionError);
  CHECK_THROWS_AS(diva::sparse_centers_regularizer(torch::ones({5, 2}), {.centers_per_class = 2}), diva::ShapeError);
  CHECK_THROWS_AS(diva::lp_regularizer(torch::ones({5, 2}), {.reducer = {.kind = diva::Reduction::class_weighted}}),
                  diva::OptionError);
  for (const auto& listing : diva::regularizer_listings()) CHECK(!listing.options.empty());
}
