// Any bytes decode to a well-formed image, or are refused by an error that names the file.
#include <diva/core/error.hpp>
#include <diva/io/image.hpp>

#include <cstdlib>
#include <span>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check(const diva::Image& image) {
  require(image.height >= 1 && image.width >= 1 && (image.channels == 1 || image.channels == 3));
  require(static_cast<std::int64_t>(image.pixels.size()) == image.height * image.width * image.channels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(data, size);
  const std::string name = "fuzz.file";
  try {
    const auto header = diva::read_image_header(bytes, name);
    constexpr std::int64_t most = 1 << 20;  // larger ones take time and teach nothing
    if (header.height * header.width > most) return 0;
    const std::int64_t reduction = 1 << size % 4;
    const diva::Box box{header.height / 3, header.width / 4, (header.height + 1) / 2, (header.width + 1) / 2};
    check(diva::decode_image_part(bytes, name, size % 2 == 0 ? 3 : 1, box, reduction).image);
    check(diva::decode_image(bytes, name, 0));
  } catch (const diva::OptionError&) {
    // A PNG whose EXIF data stand behind its pixels: the box is of the other frame.
  } catch (const diva::IoError& error) {
    require(std::string(error.what()).find(name) != std::string::npos);
  }
  return 0;
}
