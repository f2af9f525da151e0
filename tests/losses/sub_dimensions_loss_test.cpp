#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/sub_dimensions_loss.hpp>
#include <diva/losses/triplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto labels = torch::tensor({0, 0, 1, 1, 2, 2}, torch::kInt64);

}  // namespace

TEST_CASE("sub_dimensions is the weighted sum over leading dimensions, of a reference too") {
  const auto x = diva::Generator(1).normal({6, 8}, torch::kFloat64), r = diva::Generator(2).normal({6, 8}, torch::kFloat64);
  diva::TripletLoss triplet;
  for (const bool normalize : {true, false}) {
    diva::SubDimensionsLoss loss({std::make_shared<diva::TripletLoss>()},
                                 {.dims = {2, 8}, .weights = {0.5, 2}, .normalize = normalize});
    const auto cut = [&](const torch::Tensor& rows, std::int64_t dims) {
      const auto leading = rows.narrow(1, 0, dims);
      return normalize ? leading / leading.norm(2, 1, true) : leading;
    };
    const double alone =
        0.5 * triplet.forward(cut(x, 2), labels).item<double>() + 2 * triplet.forward(cut(x, 8), labels).item<double>();
    CHECK_THAT(loss.forward(x, labels).item<double>(), WithinAbs(alone, 1e-12));
    const double compared = 0.5 * triplet.forward(cut(x, 2), labels, {}, diva::Reference{cut(r, 2), labels}).item<double>() +
                            2 * triplet.forward(cut(x, 8), labels, {}, diva::Reference{cut(r, 8), labels}).item<double>();
    CHECK_THAT(loss.forward(x, labels, {}, diva::Reference{r, labels}).item<double>(), WithinAbs(compared, 1e-12));
  }
}

TEST_CASE("sub_dimensions keeps the state of a criterion for each term") {
  const auto make = [] {
    const auto margin = [] { return std::make_shared<diva::MarginLoss>(diva::MarginLossOptions{}, 3); };
    return diva::SubDimensionsLoss({margin(), margin()}, {.dims = {2, 4}});
  };
  auto source = make(), target = make();
  REQUIRE(source.named_parameters().size() == 2);
  CHECK(source.named_parameters()[1].name == "1.beta");
  {
    torch::NoGradGuard guard;
    source.parameters()[1].add_(0.3);
  }
  target.restore(source.state());
  CHECK(torch::equal(target.parameters()[1], source.parameters()[1]));
}

TEST_CASE("sub_dimensions refuses wrong numbers of dimensions, weights and criteria") {
  const auto loss = std::make_shared<diva::TripletLoss>();
  CHECK_THROWS_AS(diva::SubDimensionsLoss({loss}, {.dims = {}}), diva::OptionError);
  CHECK_THROWS_AS(diva::SubDimensionsLoss({loss}, {.dims = {0}}), diva::OptionError);
  CHECK_THROWS_AS(diva::SubDimensionsLoss({loss}, {.dims = {1, 2}, .weights = {1}}), diva::OptionError);
  CHECK_THROWS_AS(diva::SubDimensionsLoss({loss, loss}, {.dims = {1, 2, 3}}), diva::OptionError);
  CHECK_THROWS_AS(diva::SubDimensionsLoss({nullptr}, {.dims = {1}}), diva::OptionError);
  diva::SubDimensionsLoss four({loss}, {.dims = {4}});
  CHECK_THROWS_AS(four.forward(torch::ones({6, 3}), labels), diva::ShapeError);
}
