#pragma once

#include <diva/ssl/pretext_classifier.hpp>

namespace diva::inline v0_1 {

/// Predicts by how many quarters an image was turned.
///
/// Source:  Gidaris et al., Unsupervised Representation Learning by Predicting Image Rotations, ICLR 2018; arXiv 1803.07728.
///          Reference: the seed's `imrot`.
/// Differs: the seed's training loop gives it the features of images that were not turned (FIELD B2); give it those of
///          rotated_views.
/// Edge, cost, errors: as PretextClassifier, with four classes.
class ImageRotationLoss final : public PretextClassifier {
 public:
  ImageRotationLoss(std::int64_t feature_dim, Generator& initialisation, const PretextClassifierOptions& options = {});

  [[nodiscard]] std::string_view name() const override { return "imrot"; }
};

struct RotatedViews {
  torch::Tensor images;  ///< [4B, C, H, H]: first the images as they are, then turned by one, two and three quarters.
  torch::Tensor labels;  ///< [4B] int64: how many quarters.
};

/// All four rotations, counter-clockwise, of each image.
///
/// Shapes:  images [B, C, H, H] -> 4B.
/// Edge:    B = 0: none.
/// Throws:  ShapeError for images that are not square, whose quarter turns have another shape.
RotatedViews rotated_views(const torch::Tensor& images);

/// The b-th image turned by quarters[b] quarters, as the seed turns each by its index modulo 4: a batch of unchanged size.
///
/// Shapes:  images [B, C, H, H], quarters [B] int64 in [0, 4) -> [B, C, H, H].
/// Throws:  ShapeError, DataError (quarters out of range; values are read on the CPU only).
torch::Tensor rotated(const torch::Tensor& images, const torch::Tensor& quarters);

}  // namespace diva::inline v0_1
