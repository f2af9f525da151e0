// Decoding of JPEG by libjpeg-turbo's own interface, which can leave out rows and columns; TurboJPEG's cannot.
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include <fmt/format.h>

#include "decoding.hpp"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <vector>

#ifndef LIBJPEG_TURBO_VERSION_NUMBER
#error "diva needs libjpeg-turbo: other JPEG libraries cannot decode a part of an image"
#endif

namespace diva::inline v0_1::detail {
namespace {

// A baseline or progressive JPEG spends at least one bit on each block of 64 pixels; arithmetic coding gets below only on blank
// images.
constexpr std::int64_t max_pixels_per_byte = 1024;
// A progressive image needs ten scans or so; each of a hostile one costs a pass over all pixels.
constexpr int max_scans = 500;

bool has_inks(J_COLOR_SPACE space) { return space == JCS_CMYK || space == JCS_YCCK; }

/// The first APP1 segment with EXIF data before the pixels.
int orientation_of(ImageBytes bytes) {
  constexpr std::array<std::uint8_t, 6> exif{'E', 'x', 'i', 'f', 0, 0};
  constexpr std::uint8_t app1 = 0xE1, start_of_scan = 0xDA, fill = 0xFF;
  std::size_t at = 2;
  while (at + 4 <= bytes.size() && bytes[at] == 0xFF && bytes[at + 1] != start_of_scan) {
    if (bytes[at + 1] == fill) {
      ++at;
      continue;
    }
    const auto length = static_cast<std::size_t>(bytes[at + 2] << 8 | bytes[at + 3]);
    if (length < 2 || at + 2 + length > bytes.size()) break;
    const auto body = bytes.subspan(at + 4, length - 2);
    if (bytes[at + 1] == app1 && body.size() >= exif.size() && std::equal(exif.begin(), exif.end(), body.begin())) {
      return exif_orientation(body.subspan(exif.size()));
    }
    at += 2 + length;
  }
  return 1;
}

// Inks as Adobe stores them: 255 minus the ink.
void rgb_from_inverted_cmyk(const std::uint8_t* cmyk, std::int64_t count, std::uint8_t* rgb) {
  for (std::int64_t i = 0; i < count; ++i, cmyk += 4, rgb += 3) {
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>((cmyk[c] * cmyk[3] + 127) / 255);
  }
}

}  // namespace

/// A decoder whose errors become IoErrors that name the file. libjpeg leaves its functions by longjmp, so what `run` calls may hold
/// nothing that needs a destructor.
class JpegFile::Decoder {
 public:
  Decoder(ImageBytes bytes, const std::string& name) : Decoder(name) {
    run([&] {
      jpeg_create_decompress(&info);
      info.progress = &progress_;
      jpeg_mem_src(&info, bytes.data(), static_cast<unsigned long>(bytes.size()));
      jpeg_read_header(&info, TRUE);
    });
    check_image_size(name, info.image_height, info.image_width);
    const auto pixels = std::int64_t{info.image_height} * info.image_width;
    if (pixels / max_pixels_per_byte > static_cast<std::int64_t>(bytes.size())) {
      fail_decode(name, whole, fmt::format("{} bytes for {} x {} pixels", bytes.size(), info.image_width, info.image_height));
    }
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  template <class Work>
  void run(const Work& work) {
    if (setjmp(escape_) != 0) fail_decode(name_, whole, message_.data());
    work();
  }

  jpeg_decompress_struct info{};

 private:
  static constexpr auto whole = "a whole JPEG image";

  explicit Decoder(const std::string& name) : name_(name) {
    info.err = jpeg_std_error(&errors_);
    info.client_data = this;
    errors_.error_exit = [](j_common_ptr any) {
      auto& decoder = of(any);
      (*any->err->format_message)(any, decoder.message_.data());
      std::longjmp(decoder.escape_, 1);
    };
    errors_.emit_message = [](j_common_ptr any, int level) {
      if (level < 0 && !is_harmless(*any->err)) (*any->err->error_exit)(any);
    };
    progress_.progress_monitor = [](j_common_ptr any) {
      auto& decoder = of(any);
      if (decoder.info.input_scan_number <= max_scans) return;
      std::snprintf(decoder.message_.data(), decoder.message_.size(), "more than %d scans", max_scans);
      std::longjmp(decoder.escape_, 1);
    };
  }

  static Decoder& of(j_common_ptr any) { return *static_cast<Decoder*>(any->client_data); }

  // Stray bytes in front of the end marker come after the last pixel; every other warning means pixels that were made up.
  static bool is_harmless(const jpeg_error_mgr& errors) {
    return errors.msg_code == JWRN_EXTRANEOUS_DATA && errors.msg_parm.i[1] == 0xD9;
  }

  const std::string& name_;
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_{};
  std::array<char, JMSG_LENGTH_MAX> message_{};
};

JpegFile::JpegFile(ImageBytes bytes, const std::string& name) : decoder_(std::make_unique<Decoder>(bytes, name)) {
  height = decoder_->info.image_height;
  width = decoder_->info.image_width;
  gray = decoder_->info.jpeg_color_space == JCS_GRAYSCALE;
  orientation = orientation_of(bytes);
}

JpegFile::~JpegFile() = default;

ImagePart JpegFile::decode(bool as_gray, const Box& box, int reduction, Edges edges) {
  auto& info = decoder_->info;
  const bool inks = has_inks(info.jpeg_color_space), one_channel = !inks && (as_gray || gray);
  info.out_color_space = inks ? JCS_CMYK : one_channel ? JCS_GRAYSCALE : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(reduction);
  decoder_->run([&] { jpeg_start_decompress(&info); });

  // In pixels of the reduced image.
  const std::int64_t full_height = info.output_height, full_width = info.output_width;
  const bool all = box.height == 0 && box.width == 0;
  const auto top = all ? 0 : box.top / reduction, left = all ? 0 : box.left / reduction;
  const auto bottom = all ? full_height : std::min(full_height, (box.top + box.height + reduction - 1) / reduction);
  const auto right = all ? full_width : std::min(full_width, (box.left + box.width + reduction - 1) / reduction);

  // Chroma at half resolution is interpolated from its neighbours, and the outermost columns of a part lack theirs: two more are
  // decoded on either side. Rows need no such care, as the library keeps those above.
  constexpr std::int64_t margin = 2;
  JDIMENSION first = 0;
  if (left > 0 || right < full_width) {
    first = static_cast<JDIMENSION>(std::max<std::int64_t>(0, left - margin));
    auto count = static_cast<JDIMENSION>(std::min(full_width, right + margin) - first);
    decoder_->run([&] { jpeg_crop_scanline(&info, &first, &count); });
  }

  const std::int64_t channels = one_channel ? 1 : 3, samples = info.output_components;
  const std::int64_t decoded_width = info.output_width;
  const bool direct = !inks && (edges == Edges::kept || decoded_width == right - left);
  ImagePart part{.image = {bottom - top, direct ? decoded_width : right - left, channels, {}},
                 .top = top * reduction,
                 .left = (direct ? first : left) * reduction,
                 .reduction = reduction};
  const auto row_bytes = part.image.width * channels;
  part.image.pixels.resize(static_cast<std::size_t>(part.image.height * row_bytes));
  std::vector<std::uint8_t> row(static_cast<std::size_t>(decoded_width * samples));
  auto* const out = part.image.pixels.data();
  decoder_->run([&] {
    if (top > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(top));
    for (std::int64_t y = 0; y < bottom - top; ++y) {
      JSAMPROW target = direct ? out + y * row_bytes : row.data();
      jpeg_read_scanlines(&info, &target, 1);
      if (direct) continue;
      const auto* wanted = row.data() + (left - first) * samples;
      if (inks) {
        rgb_from_inverted_cmyk(wanted, right - left, out + y * row_bytes);
      } else {
        std::copy_n(wanted, row_bytes, out + y * row_bytes);
      }
    }
    // What lies below the part is never read.
    if (bottom == full_height) jpeg_finish_decompress(&info);
  });
  return part;
}

}  // namespace diva::inline v0_1::detail
