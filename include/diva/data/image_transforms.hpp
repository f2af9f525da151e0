#pragma once

#include <diva/io/image.hpp>

#include <array>
#include <cstdint>
#include <utility>

namespace diva::inline v0_1 {

/// The kernel of `resize`.
enum class Interpolation {
  bilinear,  ///< A triangle of half width 1.
  bicubic,   ///< Keys's cubic with a = -1/2, half width 2; sharper, may overshoot (clamped to [0, 255]).
};

constexpr auto enumerators(Interpolation) {
  return std::array{std::pair{Interpolation::bilinear, "bilinear"}, std::pair{Interpolation::bicubic, "bicubic"}};
}

/// What `resize` reads and what it computes.
struct ResizeOptions {
  std::int64_t height = 0, width = 0;  ///< Size that `source` takes; ≥ 1.
  Box source = {};                     ///< Part of the image that is resized, as if it had been cropped first.
  Box window = {};                     ///< Part of the result that is computed and returned, as if cropped afterwards.
  Interpolation interpolation = Interpolation::bilinear;
};

/// The pixels of `box`. OptionError when it leaves the image.
Image crop(const Image& image, const Box& box);

/// Mirrored left to right.
Image flip_horizontally(const Image& image);

/// Turned clockwise by `turns` times 90°; negative ones turn the other way.
Image quarter_turn(const Image& image, std::int64_t turns);

/// Resized without aliasing: the kernel is stretched by the factor of reduction, so that every source pixel counts.
///
///   out(x) = Σ_i w_i in(i) / Σ_i w_i,   w_i = kernel((i + 1/2 − (x + 1/2)·s) / max(s, 1)),   s = source size / target size,
///
/// first along rows, then along columns, each rounded to a grey level; pixels beyond the border do not count. Integer arithmetic,
/// so the result is the same on every machine.
///
/// Source:  the meaning of Pillow's `Image.resize` (and so of torchvision's on PIL images), which also rounds between the passes.
/// Differs: nothing known; the tests compare for equality.
/// Cost:    O(source rows · window width · taps): only the rows and columns that the window needs are read. Taps:
///          2·max(s, 1) for bilinear, twice that for bicubic. 300 × 300 × 3 to 224 × 224: 0.2 ms with AVX2.
/// Throws:  OptionError when a box leaves its image or a size is below 1.
Image resize(const Image& image, const ResizeOptions& options);

/// The size at which the short side is `side` and the proportion is kept; the long side is rounded down, as torchvision does.
/// {height, width}.
std::pair<std::int64_t, std::int64_t> short_side_size(std::int64_t height, std::int64_t width, std::int64_t side);
std::pair<std::int64_t, std::int64_t> short_side_size(const Image& image, std::int64_t side);

/// Where a centred crop of this size lies; odd remainders are halved to the nearest even number, as torchvision does.
Box centre_box(std::int64_t height, std::int64_t width, std::int64_t crop_height, std::int64_t crop_width);

/// How the content of an image is moved, about its centre: scaled, sheared along x, rotated (clockwise), then shifted.
struct AffineMove {
  double rotation_degrees = 0;
  double scale = 1;          ///< > 0; above 1 enlarges.
  double shear_degrees = 0;  ///< In (-90, 90); vertical lines lean by this angle.
  double right = 0;          ///< Shift in pixels.
  double down = 0;
};

/// Moves the content of an image, keeping its size.
///
///   out(p) = in(c + A⁻¹ (p − c − t)),   A = scale · R(rotation) · [1 tan(shear); 0 1],   c the centre, t the shift
///
/// with bilinear interpolation; pixels beyond the border have grey level `fill` and blend in. There is no filter against aliasing:
/// for scales well below 1 resize first.
/// Cost:    O(pixels).
/// Throws:  OptionError for a scale that is not positive or a shear of 90° and more.
Image move_affine(const Image& image, const AffineMove& move, std::uint8_t fill = 0);

}  // namespace diva::inline v0_1
