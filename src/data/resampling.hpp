#pragma once

#include <diva/data/image_transforms.hpp>
#include <diva/io/image.hpp>

#include <cstdint>
#include <vector>

/// The one mechanism behind every resize: integer weights along each axis, columns first.
namespace diva::inline v0_1::detail {

/// Along one axis: output i is the sum over k < counts[i] of weights[i·stride + k] · input[firsts[i] + k], counted from the
/// source's origin; the weights are integers of 22 bits after the point.
struct Taps {
  std::vector<std::int64_t> firsts, counts;
  std::vector<std::int32_t> weights;
  std::int64_t stride = 0;

  [[nodiscard]] std::int64_t first() const { return firsts.front(); }
  [[nodiscard]] std::int64_t past() const { return firsts.back() + counts.back(); }
};

/// One axis of a source: it begins `offset` in [0, 1) behind its origin, a pixel's edge, and has `length` pixels, perhaps no whole
/// number of them.
struct SourceAxis {
  double offset = 0;
  double length = 0;
};

/// For outputs [begin, begin + count) of `target` outputs that the source makes.
Taps make_taps(Interpolation interpolation, const SourceAxis& source, std::int64_t target, std::int64_t begin, std::int64_t count);

/// Applies the taps to an image whose pixel (−top, −left) is the source's origin: it holds every pixel that the taps read.
Image resample(const Image& held, const Taps& rows, std::int64_t top, const Taps& columns, std::int64_t left);

/// The box itself, or all of an image of this size where it is empty; OptionError when it leaves the image.
Box box_inside(const char* function, const char* argument, const Box& box, std::int64_t height, std::int64_t width);

/// ShapeError unless the image is well-formed.
void check_image(const char* function, const Image& image);

/// OptionError unless both sides are at least 1.
void check_target(const ResizeOptions& options);

/// How far from its centre a kernel of this stretch reaches.
double reach_of(Interpolation interpolation, double stretch);

}  // namespace diva::inline v0_1::detail
