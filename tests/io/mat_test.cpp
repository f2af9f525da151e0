#include "support/catch.hpp"

#include <zlib.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/mat.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <string>

#include "support/source_file.hpp"

using Catch::Matchers::Contains;
using diva::MatKind;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Writes elements of the format in either byte order.
struct Writer {
  bool big = false;

  template <class... Parts>
  static Bytes join(const Parts&... parts) {
    Bytes all;
    (all.insert(all.end(), parts.begin(), parts.end()), ...);
    return all;
  }

  [[nodiscard]] Bytes number(std::uint64_t value, std::size_t size) const {
    Bytes bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
    if (big) std::reverse(bytes.begin(), bytes.end());
    return bytes;
  }

  [[nodiscard]] Bytes element(std::uint32_t type, Bytes data) const {
    const auto tag = join(number(type, 4), number(data.size(), 4));
    data.resize((data.size() + 7) / 8 * 8);
    return join(tag, data);
  }

  // Up to four bytes within the tag.
  [[nodiscard]] Bytes small(std::uint32_t type, Bytes data) const {
    const auto tag = number(type | static_cast<std::uint32_t>(data.size()) << 16, 4);
    data.resize(4);
    return join(tag, data);
  }

  [[nodiscard]] Bytes head(std::uint32_t kind, std::uint32_t rows, std::uint32_t columns, const std::string& name) const {
    return join(element(6, join(number(kind, 4), number(0, 4))), element(5, join(number(rows, 4), number(columns, 4))),
                element(1, Bytes(name.begin(), name.end())));
  }

  [[nodiscard]] Bytes matrix(const Bytes& body) const { return element(14, body); }

  [[nodiscard]] Bytes text(const std::string& name, const std::string& value) const {
    return matrix(join(head(4, 1, static_cast<std::uint32_t>(value.size()), name), element(16, Bytes(value.begin(), value.end()))));
  }

  [[nodiscard]] Bytes file(const Bytes& content) const {
    Bytes header(124, ' ');
    const std::string title = "MATLAB 5.0 MAT-file";
    std::copy(title.begin(), title.end(), header.begin());
    return join(header, number(0x0100, 2), number('M' << 8 | 'I', 2), content);
  }
};

Bytes deflated(const Bytes& bytes) {
  Bytes result(compressBound(bytes.size()));
  auto size = static_cast<uLongf>(result.size());
  REQUIRE(compress(result.data(), &size, bytes.data(), bytes.size()) == Z_OK);
  result.resize(size);
  return result;
}

// Two structs of a path and a class, and a cell of two texts, as annotations of data sets are kept.
Bytes example(const Writer& w) {
  const auto one = w.matrix(Writer::join(w.head(6, 1, 1, ""), w.small(2, {7})));
  const auto two = w.matrix(Writer::join(w.head(6, 1, 1, ""), w.element(9, w.number(0x4059000000000000, 8))));  // 100.0
  Bytes names(32);
  std::copy_n("path", 4, names.begin());
  std::copy_n("class", 5, names.begin() + 16);
  const auto structs = w.matrix(Writer::join(w.head(2, 1, 2, "annotations"), w.small(5, w.number(16, 4)), w.element(1, names),
                                             w.text("", "a.jpg"), one, w.text("", "b.jpg"), two));
  const auto cells = w.matrix(Writer::join(w.head(1, 1, 2, "names"), w.text("", "Gull"), w.text("", "Owl")));
  return Writer::join(structs, cells);
}

}  // namespace

TEST_CASE("mat reads structs, cells, texts and numbers, in both byte orders and compressed") {
  for (const bool big : {false, true}) {
    const Writer w{big};
    for (const bool compressed : {false, true}) {
      INFO("big " << big << ", compressed " << compressed);
      auto content = example(w);
      if (compressed) {
        const auto stream = deflated(content);  // of both variables: only the first is one element
        const auto tag = Writer::join(w.number(15, 4), w.number(stream.size(), 4));
        content = Writer::join(tag, stream);
      }
      const auto variables = diva::parse_mat(w.file(content), "x.mat");
      const auto& annotations = variables.at("annotations");
      CHECK(annotations.kind == MatKind::structs);
      CHECK(annotations.size() == 2);
      CHECK(annotations.sizes == std::vector<std::int64_t>{1, 2});
      CHECK(annotations.fields == std::vector<std::string>{"path", "class"});
      CHECK(annotations.field(0, "path").text == "a.jpg");
      CHECK(annotations.field(1, "path").text == "b.jpg");
      CHECK(annotations.field(0, "class").numbers == std::vector<double>{7});
      CHECK(annotations.field(1, "class").numbers == std::vector<double>{100});
      if (!compressed) {
        CHECK(variables.at("names").kind == MatKind::cells);
        CHECK(variables.at("names").elements.at(1).text == "Owl");
      }
      CHECK_THROWS_AS(annotations.field(2, "path"), diva::DataError);
      CHECK_THROWS_WITH(annotations.field(0, "size"), Contains("path, class"));
    }
  }
}

TEST_CASE("mat reads every type of number, and characters beyond ASCII") {
  const Writer w;
  const auto read = [&](std::uint32_t kind, std::uint32_t columns, const Bytes& data) {
    return diva::parse_mat(w.file(w.matrix(Writer::join(w.head(kind, 1, columns, "x"), data))), "x.mat").at("x");
  };
  CHECK(read(8, 3, w.small(1, {0xFF, 0x00, 0x7F})).numbers == std::vector<double>{-1, 0, 127});
  CHECK(read(9, 2, w.small(2, {0xFF, 1})).numbers == std::vector<double>{255, 1});
  CHECK(read(10, 2, w.small(3, {0xFE, 0xFF, 1, 0})).numbers == std::vector<double>{-2, 1});
  CHECK(read(6, 1, w.small(4, {0x39, 0x3F})).numbers == std::vector<double>{16185});
  CHECK(read(12, 1, w.small(5, {0xFF, 0xFF, 0xFF, 0xFF})).numbers == std::vector<double>{-1});
  CHECK(read(13, 1, w.small(6, {0, 0, 0, 0x80})).numbers == std::vector<double>{2147483648});
  CHECK(read(7, 1, w.element(7, w.number(0x3FC00000, 4))).numbers == std::vector<double>{1.5});
  CHECK(read(14, 1, w.element(12, w.number(~std::uint64_t{0}, 8))).numbers == std::vector<double>{-1});
  CHECK(read(15, 1, w.element(13, w.number(std::uint64_t{1} << 40, 8))).numbers == std::vector<double>{1099511627776});
  // é is U+00E9 and 車 U+8ECA.
  CHECK(read(4, 2, w.element(17, {0xE9, 0x00, 0xCA, 0x8E})).text == "é車");
  CHECK(read(4, 2, w.element(4, {'o', 0, 'k', 0})).text == "ok");
  CHECK(read(6, 0, {}).numbers.empty());
  CHECK(read(4, 0, {}).text.empty());
}

TEST_CASE("mat refuses what it does not know and what is cut short, by name, at every length") {
  const Writer w;
  const auto whole = w.file(example(w));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    INFO(size);
    // Cut between its variables, a file is whole; so it is right behind the header.
    try {
      const auto variables = diva::parse_mat(part, "x.mat").size();
      CHECK(variables < 2);
    } catch (const diva::IoError& error) {
      CHECK_THAT(error.what(), Contains("x.mat"));
    }
  }
  CHECK_THROWS_WITH(diva::parse_mat(Bytes(200, 'x'), "x.mat"), Contains("byte order"));
  auto hdf5 = whole;
  const std::string title = "MATLAB 7.3 MAT-file";
  std::copy(title.begin(), title.end(), hdf5.begin());
  CHECK_THROWS_WITH(diva::parse_mat(hdf5, "x.mat"), Contains("HDF5"));
  CHECK_THROWS_AS(diva::read_mat("/no/such.mat"), diva::IoError);
  const auto of = [&](const Bytes& body) { return w.file(w.matrix(body)); };
  CHECK_THROWS_WITH(diva::parse_mat(of(Writer::join(w.head(5, 1, 1, "s"), w.small(2, {1}))), "x"), Contains("class 5"));
  CHECK_THROWS_WITH(diva::parse_mat(of(Writer::join(w.head(6 | 0x0800, 1, 1, "c"), w.small(2, {1}))), "x"), Contains("complex"));
  CHECK_THROWS_WITH(diva::parse_mat(of(Writer::join(w.head(6, 1, 3, "n"), w.small(2, {1}))), "x"), Contains("3 numbers"));
  CHECK_THROWS_AS(diva::parse_mat(of(w.head(1, 0xFFFF, 0xFFFF, "huge")), "x"), diva::IoError);
  auto nested = w.matrix(w.head(1, 1, 0, ""));
  for (int i = 0; i < 30; ++i) nested = w.matrix(Writer::join(w.head(1, 1, 1, ""), nested));
  CHECK_THROWS_WITH(diva::parse_mat(w.file(nested), "x"), Contains("16 levels"));
  Bytes damaged = deflated(example(w));
  damaged[damaged.size() / 2] ^= 0x55;
  CHECK_THROWS_AS(diva::parse_mat(w.file(Writer::join(w.number(15, 4), w.number(damaged.size(), 4), damaged)), "x"), diva::IoError);
}

TEST_CASE("mutated MAT files are refused or read, nothing else") {
  const Writer w;
  const auto whole = w.file(example(w));
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    diva::Generator generator(seed);
    auto bytes = whole;
    for (auto n = 1 + generator.below(4); n > 0; --n) {
      const auto at = static_cast<std::size_t>(128 + generator.below(static_cast<std::int64_t>(bytes.size()) - 128));
      bytes[at] = static_cast<std::uint8_t>(generator.below(3) == 0 ? 0xFF : generator.below(256));
    }
    try {
      diva::parse_mat(bytes, "bad.mat");
    } catch (const diva::IoError&) {
      ++refused;
    }
  }
  CHECK(refused > 2'000);
}

TEST_CASE("mat reads what SciPy wrote") {
  const auto variables = diva::read_mat(source_file("tests/fixtures/mat/annotations.mat"));
  const auto& annotations = variables.at("annotations");
  REQUIRE(annotations.size() == 2);
  CHECK(annotations.field(0, "relative_im_path").text == "car_ims/000001.jpg");
  CHECK(annotations.field(0, "bbox_x1").numbers == std::vector<double>{112});
  CHECK(annotations.field(1, "bbox_x1").numbers == std::vector<double>{4800.5});
  CHECK(annotations.field(1, "class").numbers == std::vector<double>{196});
  CHECK(variables.at("class_names").elements.at(1).text == "Smart fortwo Convertible 2012");
}

TEST_CASE("mat reads the annotations of Cars196") {
  const std::string path = source_file("../shared/data/split_lists/Cars196/cars_annos.mat");
  if (!std::filesystem::exists(path)) {
    std::cout << "skipped: " << path << " is not there\n";
    return;
  }
  const auto variables = diva::read_mat(path);
  const auto& annotations = variables.at("annotations");
  CHECK(annotations.size() == 16185);
  CHECK(annotations.field(0, "relative_im_path").text == "car_ims/000001.jpg");
  CHECK(annotations.field(16184, "class").numbers == std::vector<double>{196});
  CHECK(variables.at("class_names").elements.size() == 196);
  CHECK(variables.at("class_names").elements[0].text == "AM General Hummer SUV 2000");
}
