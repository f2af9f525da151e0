#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/rho_distance.hpp>

TEST_CASE("rho distance without turned triplets is distance-weighted mining") {
  diva::Generator data(1), one(2), two(2);
  const auto x = triplet_checks::unit_rows(data, 12, 6);
  const auto labels = torch::arange(12, torch::kInt64).remainder(4);
  const auto turned = diva::rho_distance_triplets({x, labels}, one, {.switch_probability = 0});
  const auto straight = diva::distance_weighted_triplets({x, labels}, two);
  CHECK(torch::equal(turned.positives, straight.positives));
  CHECK(torch::equal(turned.negatives, straight.negatives));
  triplet_checks::obey_labels(
      [](auto& batch, auto& generator) { return diva::rho_distance_triplets(batch, generator, {.switch_probability = 0}); });
}

TEST_CASE("rho distance turns the chosen share: the anchor is its own positive, a positive the negative") {
  const auto labels = torch::arange(12, torch::kInt64).remainder(4);
  diva::Generator generator(3);
  const auto x = triplet_checks::unit_rows(generator, 12, 6);
  double turned = 0;
  for (int i = 0; i < 200; ++i) {
    const auto t = diva::rho_distance_triplets({x, labels}, generator, {.switch_probability = 0.3});
    const auto itself = t.anchors == t.positives;
    const auto pushes_own = labels.index_select(0, t.anchors) == labels.index_select(0, t.negatives);
    REQUIRE(torch::equal(itself, pushes_own));
    REQUIRE((t.anchors != t.negatives).all().item<bool>());
    turned += itself.sum().item<double>();
  }
  CHECK(std::abs(turned - 720) < 113);  // 5 sd of a binomial(2400, 0.3)
}

TEST_CASE("rho distance refuses a reference and a probability above one") {
  diva::Generator generator(0);
  const auto x = torch::zeros({2, 2});
  const auto labels = torch::zeros({2}, torch::kInt64);
  const diva::Comparison with_reference{.embeddings = x, .labels = labels, .reference = diva::Reference{x, labels}};
  CHECK_THROWS_AS(diva::rho_distance_triplets(with_reference, generator), diva::OptionError);
  CHECK_THROWS_AS(diva::rho_distance_triplets({x, labels}, generator, {.switch_probability = 1.1}), diva::OptionError);
}
