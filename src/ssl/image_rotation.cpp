#include <diva/core/checks.hpp>
#include <diva/ssl/image_rotation.hpp>

namespace diva::inline v0_1 {
namespace {

void check_images(const char* function, const torch::Tensor& images) {
  if (!images.defined() || images.dim() != 4 || images.size(2) != images.size(3))
    detail::fail<ShapeError>(function, "images", "[B, C, H, H]", detail::describe(images));
}

}  // namespace

ImageRotationLoss::ImageRotationLoss(std::int64_t feature_dim, Generator& initialisation, const PretextClassifierOptions& options)
    : PretextClassifier("ImageRotationLoss", feature_dim, 4, initialisation, options) {}

RotatedViews rotated_views(const torch::Tensor& images) {
  check_images("rotated_views", images);
  const auto quarters = torch::arange(4, torch::TensorOptions(torch::kInt64).device(images.device()));
  return {torch::cat({images, images.rot90(1, {2, 3}), images.rot90(2, {2, 3}), images.rot90(3, {2, 3})}),
          quarters.repeat_interleave(images.size(0))};
}

torch::Tensor rotated(const torch::Tensor& images, const torch::Tensor& quarters) {
  check_images("rotated", images);
  detail::check_indices("rotated", "quarters", quarters, 4);
  detail::check_shape("rotated", "quarters", quarters, {images.size(0)});
  auto turned = images;
  for (std::int64_t quarter = 1; quarter < 4; ++quarter)
    turned = torch::where((quarters == quarter).view({-1, 1, 1, 1}), images.rot90(quarter, {2, 3}), turned);
  return turned;
}

}  // namespace diva::inline v0_1
