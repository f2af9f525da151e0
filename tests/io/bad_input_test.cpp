#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/csv.hpp>
#include <diva/io/image.hpp>
#include <diva/io/npy.hpp>
#include <diva/io/safetensors.hpp>

#include <cstring>
#include <functional>

#include "io/mutated.hpp"
#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

namespace {

const std::string images = source_file("tests/fixtures/images/");

diva::Image noise(std::int64_t height, std::int64_t width, std::int64_t channels) {
  diva::Generator generator(7);
  diva::Image image{height, width, channels, Bytes(static_cast<std::size_t>(height * width * channels))};
  for (auto& pixel : image.pixels) pixel = static_cast<std::uint8_t>(generator.below(256));
  return image;
}

Bytes safetensors_file() {
  diva::State state;
  state.put("weight", torch::ones({3, 2}));
  state.put("mask", torch::ones({5}, torch::kBool));
  state.put("step", std::int64_t{7});
  state.put("note", std::string("a text"));
  const TemporaryFolder folder;
  diva::write_safetensors(folder / "state", state);
  return diva::read_file(folder / "state");
}

/// True when `read` took the bytes; false when it threw an IoError that names the file. Anything else fails the test.
bool accepts(const std::function<void(const Bytes&)>& read, const Bytes& bytes) {
  try {
    read(bytes);
    return true;
  } catch (const diva::IoError& error) {
    if (std::string(error.what()).find("bad.file") == std::string::npos) FAIL("no file in: " << error.what());
    return false;
  }
}

void read_image(const Bytes& bytes) {
  for (const std::int64_t channels : {0, 1, 3}) {
    const auto image = diva::decode_image(bytes, "bad.file", channels);
    REQUIRE((image.height >= 1 && image.width >= 1 && image.height * image.width <= std::int64_t{1} << 28));
    REQUIRE((channels == 0 ? image.channels == 1 || image.channels == 3 : image.channels == channels));
    REQUIRE(static_cast<std::int64_t>(image.pixels.size()) == image.height * image.width * image.channels);
  }
  const auto small = diva::decode_image_at_least(bytes, "bad.file", 3, 8);
  REQUIRE(static_cast<std::int64_t>(small.pixels.size()) == small.height * small.width * 3);
}

// As a loader reads: the header, then a part of what it promises.
void read_part(const Bytes& bytes) {
  const auto header = diva::read_image_header(bytes, "bad.file");
  const diva::Box box{header.height / 3, header.width / 4, (header.height + 1) / 2, (header.width + 1) / 2};
  for (const std::int64_t reduction : {1, 4}) {
    const auto part = diva::decode_image_part(bytes, "bad.file", 3, box, reduction);
    REQUIRE(static_cast<std::int64_t>(part.image.pixels.size()) == part.image.height * part.image.width * 3);
  }
}

void read_state(const Bytes& bytes) {
  const auto state = diva::parse_safetensors(bytes, "bad.file");
  std::size_t size = 0;
  for (const auto& [name, tensor] : state.tensors) size += tensor.nbytes();
  REQUIRE(size <= bytes.size());
}

Bytes npy_file() {
  const TemporaryFolder folder;
  diva::write_npy(folder / "array.npy", torch::arange(24, torch::kFloat32).reshape({2, 3, 4}));
  return diva::read_file(folder / "array.npy");
}

void read_array(const Bytes& bytes) {
  const auto array = diva::parse_npy(bytes, "bad.file");
  REQUIRE(array.nbytes() <= 2 * bytes.size());  // u2 and u4 become wider
  // The file itself, mapped: each element is there.
  const TemporaryFolder folder;
  diva::write_file_atomically(folder / "bad.file", bytes);
  REQUIRE(torch::isfinite(diva::map_npy(folder / "bad.file")).numel() == array.numel());
}

void read_table(const Bytes& bytes) {
  const auto table = diva::parse_csv({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "bad.file");
  for (const auto& row : table.rows) REQUIRE(row.size() == table.columns.size());
}

/// No beginning of the file may pass for the whole.
void refuses_every_prefix(const std::function<void(const Bytes&)>& read, const Bytes& whole, std::size_t step = 1) {
  REQUIRE(accepts(read, whole));
  for (std::size_t size = 0; size < whole.size(); size += step) {
    // A copy of exactly this size, so that a sanitizer sees any read behind it.
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    INFO("first " << size << " of " << whole.size() << " bytes");
    CHECK_FALSE(accepts(read, part));
  }
}

/// Returns how many of the mutations were refused.
int survive(const std::function<void(const Bytes&)>& read, const Bytes& whole, int count) {
  int refused = 0;
  for (int seed = 0; seed < count; ++seed) {
    diva::Generator generator(static_cast<std::uint64_t>(seed));
    INFO("seed " << seed);
    if (!accepts(read, mutated(whole, generator))) ++refused;
  }
  return refused;
}

}  // namespace

TEST_CASE("a cut safetensors file is refused at every length") { refuses_every_prefix(read_state, safetensors_file()); }

TEST_CASE("a cut NumPy array is refused at every length") { refuses_every_prefix(read_array, npy_file()); }

TEST_CASE("a cut JPEG is refused at every length, gray, colour and a photograph") {
  refuses_every_prefix(read_image, diva::encode_jpeg(noise(24, 17, 1)));
  refuses_every_prefix(read_image, diva::encode_jpeg(noise(24, 17, 3)));
  refuses_every_prefix(read_image, diva::read_file(images + "grocery/train_Granny-Smith_050.jpg"), 101);
}

TEST_CASE("a cut PNG is refused at every length, gray, colour and a drawing") {
  refuses_every_prefix(read_image, diva::encode_png(noise(24, 17, 1)));
  refuses_every_prefix(read_image, diva::encode_png(noise(24, 17, 3)));
  refuses_every_prefix(read_image, diva::read_file(images + "omniglot/0709_01.png"));
}

TEST_CASE("mutated safetensors files are refused or give no more than they hold") {
  const auto whole = safetensors_file();
  CHECK(survive(read_state, whole, 20'000) > 10'000);  // most bytes are header
  // Every single byte, at the values around the edges.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7F, 0x80, 0xFF, int{'"'}, int{'9'}, int{'['}}) {
      auto bytes = whole;
      bytes[i] = static_cast<std::uint8_t>(value);
      accepts(read_state, bytes);
    }
  }
}

TEST_CASE("mutated NumPy arrays are refused or give no more than they hold") {
  const auto whole = npy_file();
  CHECK(survive(read_array, whole, 10'000) > 3'000);  // half of the bytes are values, and some of the others spaces
  // Every single byte of the header, at all values.
  for (std::size_t i = 0; i < whole.size() - 24 * sizeof(float); ++i) {
    for (int value = 0; value < 256; value += i < 80 ? 1 : 51) {
      auto bytes = whole;
      bytes[i] = static_cast<std::uint8_t>(value);
      accepts(read_array, bytes);
    }
  }
}

TEST_CASE("mutated JPEGs are refused or decode to a well-formed image") {
  CHECK(survive(read_image, diva::encode_jpeg(noise(24, 17, 3)), 6'000) > 1'000);
  CHECK(survive(read_image, diva::encode_jpeg(noise(24, 17, 1)), 6'000) > 1'000);
  survive(read_image, diva::read_file(images + "grocery/train_Granny-Smith_050.jpg"), 300);
}

TEST_CASE("10,000 mutations of real photographs are refused or give a well-formed part") {
  for (const char* name : {"grocery/train_Granny-Smith_050.jpg", "grocery/train_Banana_039.jpg"}) {
    CHECK(survive(read_part, diva::read_file(images + name), 5'000) > 100);
  }
  survive(read_part, diva::encode_jpeg(noise(24, 17, 3)), 5'000);
}

TEST_CASE("mutated PNGs are refused or decode to a well-formed image") {
  // Every chunk carries a checksum, so hardly a change passes.
  CHECK(survive(read_image, diva::encode_png(noise(24, 17, 3)), 6'000) > 5'900);
  CHECK(survive(read_image, diva::read_file(images + "omniglot/0709_01.png"), 6'000) > 5'900);
}

TEST_CASE("mutated CSV is refused or gives rows of one length") {
  const std::string text = "epoch,loss,\"a \"\"note\"\"\"\r\n1,0.5,\"x,\ny\"\r\n2,0.25,\r\n";
  survive(read_table, Bytes(text.begin(), text.end()), 20'000);
}

TEST_CASE("images that claim more pixels than their bytes can hold are refused before memory is taken") {
  auto jpeg = diva::encode_jpeg(noise(8, 8, 3));
  const Bytes frame{0xFF, 0xC0};
  const auto start = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  REQUIRE(start != jpeg.end());
  std::fill_n(start + 5, 4, std::uint8_t{0x20});  // height and width 0x2020 = 8224
  CHECK_FALSE(accepts(read_image, jpeg));
  std::fill_n(start + 5, 4, std::uint8_t{0xFA});  // 64250² = 4.1e9 pixels
  CHECK_FALSE(accepts(read_image, jpeg));

  // A bit flip would be caught by the checksum; so the header is written anew with its own (of 16384 x 16384, gray, 8 bits).
  Bytes png = diva::encode_png(noise(8, 8, 1));
  const Bytes header{'I', 'H', 'D', 'R', 0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 0, 0, 0, 0};
  std::uint32_t sum = 0xFFFFFFFF;
  for (const auto byte : header) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320 : sum >> 1;
  }
  sum = ~sum;
  std::copy(header.begin(), header.end(), png.begin() + 12);
  for (int i = 0; i < 4; ++i) png[static_cast<std::size_t>(29 + i)] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
  try {
    diva::decode_image(png, "bad.file");
    FAIL("nothing thrown");
  } catch (const diva::IoError& error) {
    CHECK(std::string(error.what()).find("16384 x 16384 pixels") != std::string::npos);
  }
}

TEST_CASE("a JPEG whose second half is missing is an error, never a half-gray image") {
  auto bytes = diva::read_file(images + "grocery/train_Banana_039.jpg");
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.end() - 2);  // the end marker stays
  CHECK_FALSE(accepts(read_image, bytes));
}
