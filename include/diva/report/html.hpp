#pragma once

#include <diva/io/image.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace diva::inline v0_1 {

/// Text as it may stand in HTML and SVG, inside elements and quoted attributes: & < > " ' are replaced.
std::string html_escape(std::string_view text);

/// RFC 4648's base64, with padding.
std::string base64(std::span<const std::uint8_t> bytes);

/// The image as a `data:` address for `src`: PNG, or JPEG for colour images above 4,096 pixels.
std::string data_uri(const Image& image);

}  // namespace diva::inline v0_1
