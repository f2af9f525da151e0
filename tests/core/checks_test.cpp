#include "support/catch.hpp"

#include <diva/core/checks.hpp>

using Catch::Matchers::Contains;
using diva::DataError;
using diva::ShapeError;

TEST_CASE("checks accept what is right") {
  const auto embeddings = torch::randn({4, 3});
  const auto labels = torch::tensor({0, 1, 2, 0}, torch::kInt64);
  CHECK_NOTHROW(diva::detail::check_embeddings("f", embeddings));
  CHECK_NOTHROW(diva::detail::check_labels("f", labels, embeddings, 3));
  CHECK_NOTHROW(diva::detail::check_labels("f", torch::empty({0}, torch::kInt64), torch::empty({0, 3}), 3));
  CHECK_NOTHROW(diva::detail::check_indices("f", "anchors", labels, 3));
  CHECK_NOTHROW(diva::detail::check_finite("f", "x", embeddings));
}

TEST_CASE("checks name what is wrong") {
  const auto embeddings = torch::randn({4, 3});
  CHECK_THROWS_WITH(diva::detail::check_embeddings("Loss::forward", torch::randn({4})),
                    "Loss::forward: embeddings must be [batch, dim] floating point with dim at least 1, got [4] float32 on cpu");
  CHECK_THROWS_AS(diva::detail::check_embeddings("f", torch::zeros({4, 3}, torch::kInt64)), ShapeError);
  CHECK_THROWS_AS(diva::detail::check_embeddings("f", torch::Tensor()), ShapeError);
  CHECK_THROWS_WITH(diva::detail::check_labels("f", torch::zeros({3}, torch::kInt64), embeddings),
                    Contains("[batch]=[4] int64") && Contains("[3]"));
  CHECK_THROWS_AS(diva::detail::check_labels("f", torch::zeros({4}), embeddings), ShapeError);
  CHECK_THROWS_WITH(diva::detail::check_labels("f", torch::tensor({0, 1, 2, 7}, torch::kInt64), embeddings, 3),
                    Contains("[0, 3)") && Contains("got 7"));
  CHECK_THROWS_AS(diva::detail::check_labels("f", torch::tensor({0, -1, 2, 1}, torch::kInt64), embeddings, 3), DataError);
  CHECK_THROWS_AS(diva::detail::check_indices("f", "anchors", torch::tensor({5}, torch::kInt64), 5), DataError);
  CHECK_THROWS_AS(diva::detail::check_shape("f", "x", embeddings, {3, 4}), ShapeError);
  CHECK_THROWS_WITH(diva::detail::check_finite("f", "x", torch::tensor({1.0F, NAN, INFINITY})), Contains("2 values"));
}
