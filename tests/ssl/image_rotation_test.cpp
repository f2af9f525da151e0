#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/image_rotation.hpp>

TEST_CASE("rotated views turn each image counter-clockwise by quarters") {
  // 1 2    2 4    4 3    3 1
  // 3 4    1 3    2 1    4 2
  const auto images = torch::arange(1, 9).view({2, 1, 2, 2}).to(torch::kFloat32);
  const auto [views, labels] = diva::rotated_views(images);
  REQUIRE(views.sizes() == torch::IntArrayRef({8, 1, 2, 2}));
  CHECK(torch::equal(labels, torch::tensor({0, 0, 1, 1, 2, 2, 3, 3}, torch::kInt64)));
  CHECK(torch::equal(views[0].view(-1), torch::tensor({1.0F, 2.0F, 3.0F, 4.0F})));
  CHECK(torch::equal(views[2].reshape(-1), torch::tensor({2.0F, 4.0F, 1.0F, 3.0F})));
  CHECK(torch::equal(views[4].reshape(-1), torch::tensor({4.0F, 3.0F, 2.0F, 1.0F})));
  CHECK(torch::equal(views[6].reshape(-1), torch::tensor({3.0F, 1.0F, 4.0F, 2.0F})));
  CHECK(torch::equal(views[1], images[1]));
}

TEST_CASE("rotated turns each image by its own number of quarters") {
  const auto images = torch::arange(48).view({4, 3, 2, 2}).to(torch::kFloat32);
  const auto quarters = torch::tensor({3, 0, 2, 1}, torch::kInt64);
  const auto turned = diva::rotated(images, quarters);
  for (std::int64_t b = 0; b < 4; ++b) {
    CHECK(torch::equal(turned[b], diva::rotated_views(images).images[quarters[b].item<std::int64_t>() * 4 + b]));
  }
}

TEST_CASE("rotations of nothing, and of what cannot be turned") {
  CHECK(diva::rotated_views(torch::zeros({0, 3, 4, 4})).images.size(0) == 0);
  CHECK_THROWS_AS(diva::rotated_views(torch::zeros({2, 3, 4, 5})), diva::ShapeError);
  CHECK_THROWS_AS(diva::rotated_views(torch::zeros({3, 4, 4})), diva::ShapeError);
  CHECK_THROWS_AS(diva::rotated(torch::zeros({1, 3, 4, 4}), torch::full({1}, 4, torch::kInt64)), diva::DataError);
  CHECK_THROWS_AS(diva::rotated(torch::zeros({2, 3, 4, 4}), torch::zeros({1}, torch::kInt64)), diva::ShapeError);
}
