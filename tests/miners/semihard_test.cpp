#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/semihard.hpp>

TEST_CASE("semihard triplets obey the labels, one for each anchor") {
  triplet_checks::obey_labels([](auto& batch, auto& generator) { return diva::semihard_triplets(batch, generator); });
}

TEST_CASE("semihard takes the negative just beyond the positive, on a line") {
  // Anchor 0 at 0, positive 1 at 1.0; negatives at 0.9 (nearer), 1.1 (semi-hard), 1.3 (beyond the margin of 0.2).
  const auto x = torch::tensor({{0.0}, {1.0}, {0.9}, {1.1}, {1.3}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2, 3}, torch::kInt64);
  diva::Generator generator(1);
  for (int i = 0; i < 50; ++i) CHECK(diva::semihard_triplets({x, labels}, generator).negatives[0].item<std::int64_t>() == 3);
}

TEST_CASE("semihard draws from all negatives where none is semi-hard") {
  const auto x = torch::tensor({{0.0}, {1.0}, {0.1}, {5.0}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2}, torch::kInt64);
  diva::Generator generator(1);
  bool near = false, far = false;
  for (int i = 0; i < 100; ++i) {
    const auto n = diva::semihard_triplets({x, labels}, generator).negatives[0].item<std::int64_t>();
    near = near || n == 2;
    far = far || n == 3;
  }
  CHECK(near);
  CHECK(far);
}

TEST_CASE("semihard refuses bad arguments") {
  diva::Generator generator(0);
  const auto x = torch::zeros({3, 2});
  const auto labels = torch::zeros({3}, torch::kInt64);
  CHECK_THROWS_AS(diva::semihard_triplets({x, labels}, generator, {.margin = 0}), diva::OptionError);
  CHECK_THROWS_AS(diva::semihard_triplets({x, labels.narrow(0, 0, 2)}, generator), diva::ShapeError);
}
