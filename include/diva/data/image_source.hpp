#pragma once

#include <diva/data/image_transforms.hpp>
#include <diva/io/image.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// How an ImageSource decodes.
struct ImageSourceOptions {
  std::int64_t channels = 3;  ///< 3 (RGB) or 1 (grey).
  Box box = {};               ///< Part of the file's image that is the source; all of it where empty.
  /// Decode a JPEG at 1/2, 1/4 or 1/8 of its size where what is asked for stays at least as large as its target: 1.5 to 3 times as
  /// fast for large photographs, and different by one or two grey levels on average, at single pixels by up to about 50. Otherwise
  /// every pixel is as from the whole image.
  bool reduce = false;
};

/// An image of which each view decodes only the part that it shows. Views may be made from several threads at once.
class ImageSource {
 public:
  /// A decoded image. ShapeError when it is malformed.
  explicit ImageSource(std::shared_ptr<const Image> image);

  /// The bytes of a JPEG or PNG; `name` stands for the file in messages. Reads a JPEG's header, and decodes a PNG, of which no part
  /// can be decoded alone.
  /// Throws:  IoError as decode_image; OptionError for a box outside the image or channels other than 1 and 3.
  ImageSource(std::vector<std::uint8_t> bytes, std::string name, const ImageSourceOptions& options = {});

  [[nodiscard]] std::int64_t height() const { return box_.height; }
  [[nodiscard]] std::int64_t width() const { return box_.width; }
  [[nodiscard]] std::int64_t channels() const { return options_.channels; }

  /// What diva::resize makes of the whole image, bit by bit (unless `reduce`).
  /// Cost:    that of decode_image_part and of resize.
  /// Throws:  as resize; IoError where the part turns out to be damaged.
  [[nodiscard]] Image resize(const ResizeOptions& options) const;

 private:
  [[nodiscard]] Image resize_reduced(const Box& source, const Box& window, const ResizeOptions& options,
                                     std::int64_t reduction) const;

  std::shared_ptr<const Image> image_;  // or, where there is none:
  std::vector<std::uint8_t> bytes_;
  std::string name_;
  ImageSourceOptions options_;
  Box box_;  // the source in the file's image
};

}  // namespace diva::inline v0_1
