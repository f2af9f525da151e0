#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/data/image_source.hpp>

#include "resampling.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace diva::inline v0_1 {
namespace {

bool is_jpeg(const std::vector<std::uint8_t>& bytes) { return bytes.size() > 1 && bytes[0] == 0xFF && bytes[1] == 0xD8; }

// Pixels [first, past) of an axis of `length` pixels that `count` outputs from `begin` on may read when the axis is reduced.
std::pair<std::int64_t, std::int64_t> may_read(const ResizeOptions& options, std::int64_t length, std::int64_t target,
                                               std::int64_t begin, std::int64_t count, std::int64_t reduction) {
  const double step = static_cast<double>(length) / static_cast<double>(target);
  const auto unit = static_cast<double>(reduction);
  const double reach = detail::reach_of(options.interpolation, std::max(1.0, step / unit)) * unit + 2 * unit;
  const double first = static_cast<double>(begin) * step - reach, past = static_cast<double>(begin + count) * step + reach;
  return {std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(first))),
          std::min(length, static_cast<std::int64_t>(std::ceil(past)))};
}

}  // namespace

ImageSource::ImageSource(std::shared_ptr<const Image> image) : image_(std::move(image)) {
  if (!image_) detail::fail<ShapeError>("ImageSource", "image", "an image", "none");
  detail::check_image("ImageSource", *image_);
  options_.channels = image_->channels;
  box_ = {0, 0, image_->height, image_->width};
}

ImageSource::ImageSource(std::vector<std::uint8_t> bytes, std::string name, const ImageSourceOptions& options)
    : bytes_(std::move(bytes)), name_(std::move(name)), options_(options) {
  if (options_.channels != 1 && options_.channels != 3) {
    detail::fail<OptionError>("ImageSource", "channels", "1 or 3", std::to_string(options_.channels));
  }
  if (is_jpeg(bytes_)) {
    const auto header = read_image_header(bytes_, name_);
    box_ = detail::box_inside("ImageSource", "box", options_.box, header.height, header.width);
    return;
  }
  auto image = decode_image(bytes_, name_, options_.channels);
  box_ = detail::box_inside("ImageSource", "box", options_.box, image.height, image.width);
  const bool whole = box_.height == image.height && box_.width == image.width;
  image_ = std::make_shared<const Image>(whole ? std::move(image) : crop(image, box_));
  bytes_.clear();
}

Image ImageSource::resize(const ResizeOptions& options) const {
  if (image_) return diva::resize(*image_, options);
  detail::check_target(options);
  auto source = detail::box_inside("resize", "source", options.source, box_.height, box_.width);
  const auto window = detail::box_inside("resize", "window", options.window, options.height, options.width);
  source.top += box_.top;
  source.left += box_.left;
  if (source.height == options.height && source.width == options.width) {
    const Box shown{source.top + window.top, source.left + window.left, window.height, window.width};
    return decode_image_part(bytes_, name_, options_.channels, shown).image;
  }

  std::int64_t reduction = options_.reduce ? 8 : 1;
  while (reduction > 1 && (source.height < options.height * reduction || source.width < options.width * reduction)) reduction /= 2;
  if (reduction > 1) return resize_reduced(source, window, options, reduction);

  const auto rows =
      detail::make_taps(options.interpolation, {0, static_cast<double>(source.height)}, options.height, window.top, window.height);
  const auto columns =
      detail::make_taps(options.interpolation, {0, static_cast<double>(source.width)}, options.width, window.left, window.width);
  const Box read{source.top + rows.first(), source.left + columns.first(), rows.past() - rows.first(),
                 columns.past() - columns.first()};
  const auto part = decode_image_part(bytes_, name_, options_.channels, read, 1, Edges::kept);
  return detail::resample(part.image, rows, source.top - part.top, columns, source.left - part.left);
}

Image ImageSource::resize_reduced(const Box& source, const Box& window, const ResizeOptions& options,
                                  std::int64_t reduction) const {
  const auto [top, bottom] = may_read(options, source.height, options.height, window.top, window.height, reduction);
  const auto [left, right] = may_read(options, source.width, options.width, window.left, window.width, reduction);
  const Box read{source.top + top, source.left + left, bottom - top, right - left};
  const auto part = decode_image_part(bytes_, name_, options_.channels, read, reduction, Edges::kept);

  // An axis of the source in the part's pixels: where it begins, as a whole number and a rest.
  struct Axis {
    detail::Taps taps;
    std::int64_t origin;
  };
  const auto axis = [&](std::int64_t begin, std::int64_t length, std::int64_t part_begin, std::int64_t target,
                        std::int64_t window_begin, std::int64_t count) {
    const auto unit = static_cast<double>(part.reduction);
    const double from = static_cast<double>(begin - part_begin) / unit;
    const double origin = std::floor(from);
    return Axis{
        detail::make_taps(options.interpolation, {from - origin, static_cast<double>(length) / unit}, target, window_begin, count),
        static_cast<std::int64_t>(origin)};
  };
  auto rows = axis(source.top, source.height, part.top, options.height, window.top, window.height);
  auto columns = axis(source.left, source.width, part.left, options.width, window.left, window.width);
  return detail::resample(part.image, rows.taps, rows.origin, columns.taps, columns.origin);
}

}  // namespace diva::inline v0_1
