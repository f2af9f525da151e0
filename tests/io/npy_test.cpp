#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/npy.hpp>

#include <cstring>
#include <limits>

#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// A file made by hand: version 1.0, the header as given, data.
Bytes file(const std::string& header, const Bytes& data, int version = 1) {
  const std::string magic = "\x93NUMPY";
  Bytes bytes(magic.begin(), magic.end());
  bytes.insert(bytes.end(), {static_cast<std::uint8_t>(version), 0, static_cast<std::uint8_t>(header.size() & 0xFF),
                             static_cast<std::uint8_t>(header.size() >> 8)});
  if (version > 1) bytes.insert(bytes.end(), {0, 0});
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

std::string header(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}\n", descr, fortran, shape);
}

torch::Tensor parse(const std::string& text, const Bytes& data, int version = 1) {
  return diva::parse_npy(file(text, data, version), "array.npy");
}

}  // namespace

TEST_CASE("every type and shape that is written is read again, from the file, from memory and mapped") {
  const TemporaryFolder folder;
  for (const auto type : {torch::kFloat16, torch::kFloat32, torch::kFloat64, torch::kInt8, torch::kInt16, torch::kInt32,
                          torch::kInt64, torch::kUInt8, torch::kBool}) {
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{
             {}, {0}, {5}, {3, 4}, {2, 0, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}}) {
      std::int64_t count = 1;
      for (const auto size : shape) count *= size;
      const auto array = torch::arange(-1, count - 1).to(type).reshape(shape);  // -1 wraps in bytes and is true in bools
      diva::write_npy(folder / "a.npy", array);
      const auto bytes = diva::read_file(folder / "a.npy");
      CHECK((bytes.size() - array.nbytes()) % 64 == 0);  // the data is aligned
      for (const auto& back :
           {diva::read_npy(folder / "a.npy"), diva::parse_npy(bytes, "memory"), diva::map_npy(folder / "a.npy")}) {
        REQUIRE(back.scalar_type() == type);
        REQUIRE(back.sizes() == array.sizes());
        CHECK(back.equal(array));
      }
    }
  }
  const auto infinity = std::numeric_limits<double>::infinity();
  const auto special = torch::tensor({infinity, -infinity, -0.0, std::nan(""), 5e-324}, torch::kFloat64);
  diva::write_npy(folder / "special.npy", special);
  CHECK(std::memcmp(diva::read_npy(folder / "special.npy").data_ptr(), special.data_ptr(), 40) == 0);
}

TEST_CASE("a tensor is written as it shows, not as it lies in memory, and without its graph") {
  const TemporaryFolder folder;
  const auto base = torch::arange(12, torch::kFloat32).reshape({3, 4});
  for (const auto& array :
       {base.t(), base.select(1, 2), torch::ones({1}).expand({5}), torch::ones({2}, torch::requires_grad()) * 3}) {
    diva::write_npy(folder / "a.npy", array);
    CHECK(diva::read_npy(folder / "a.npy").equal(array.detach()));
  }
}

TEST_CASE("the header is a Python dictionary in any order, spacing and quotes, of versions 1 to 3") {
  const Bytes data = {0, 0, 128, 63, 0, 0, 0, 64};  // 1 and 2 in float32
  const auto expected = torch::tensor({1.0F, 2.0F});
  for (const int version : {1, 2, 3}) {
    CHECK(parse(header("<f4", "(2,)"), data, version).equal(expected));
    CHECK(parse("{\"shape\":(2L,),'fortran_order':True,'descr':'<f4'}", data, version).equal(expected));
    CHECK(parse("  { 'shape' : ( 2 , ) , 'descr' : '=f4' , 'fortran_order' : False , }  \n\n", data, version).equal(expected));
  }
}

TEST_CASE("byte order, unsigned types and Fortran order are turned into what NumPy shows") {
  CHECK(parse(header(">i2", "(2,)"), {1, 2, 0xFF, 0xFE}).equal(torch::tensor({258, -2}, torch::kInt16)));
  CHECK(parse(header(">f8", "()"), {0x3F, 0xF8, 0, 0, 0, 0, 0, 0}).item<double>() == 1.5);
  CHECK(parse(header("<u2", "(2,)"), {0xFF, 0xFF, 1, 0}).equal(torch::tensor({65535, 1}, torch::kInt32)));
  CHECK(parse(header(">u4", "(1,)"), {0xFF, 0xFF, 0xFF, 0xFE}).equal(torch::tensor({std::int64_t{4294967294}}, torch::kInt64)));
  CHECK(parse(header("<u8", "(1,)"), {5, 0, 0, 0, 0, 0, 0, 0}).equal(torch::tensor({std::int64_t{5}}, torch::kInt64)));
  CHECK_THROWS_AS(parse(header("<u8", "(1,)"), {0, 0, 0, 0, 0, 0, 0, 0x80}), diva::IoError);
  // Stored column by column: (0, 1), (2, 3), (4, 5) are the columns of [[0, 2, 4], [1, 3, 5]].
  CHECK(parse(header("|u1", "(2, 3)", "True"), {0, 1, 2, 3, 4, 5})
            .equal(torch::tensor({0, 2, 4, 1, 3, 5}, torch::kUInt8).reshape({2, 3})));
}

TEST_CASE("a mapped array is the file, and writing to it leaves the file as it is") {
  const TemporaryFolder folder;
  diva::write_npy(folder / "a.npy", torch::arange(6, torch::kFloat32));
  auto mapped = diva::map_npy(folder / "a.npy");
  mapped[0] = 7;
  CHECK(mapped[0].item<float>() == 7);
  CHECK(diva::read_npy(folder / "a.npy")[0].item<float>() == 0);
  // The map is of the file that was there, not of its name.
  diva::write_npy(folder / "a.npy", torch::zeros({2}));
  CHECK(mapped[5].item<float>() == 5);
  // 2 GiB of zeros in a file without blocks, at an even address: a copy would have to read it.
  auto text = header("<f4", fmt::format("({},)", std::int64_t{1} << 29));
  text.insert(text.size() - 1, (54 - text.size() % 64 + 64) % 64, ' ');
  diva::write_file_atomically(folder / "sparse.npy", file(text, {}));
  std::filesystem::resize_file(folder / "sparse.npy", 10 + text.size() + (std::uint64_t{1} << 31));
  const auto sparse = diva::map_npy(folder / "sparse.npy");
  CHECK(sparse.numel() == std::int64_t{1} << 29);
}

TEST_CASE("a header that lies is refused with the file and the reason") {
  CHECK(parse(header("<f4", "(2, 1)"), Bytes(8)).numel() == 2);  // the good one, of which each below is a variation
  struct Case {
    std::string header;
    std::size_t data;
    std::string complaint;
  };
  const std::vector<Case> cases{
      {header("<f4", "(2, 1)"), 7, "8 bytes of data"},
      {header("<f4", "(2, 1)"), 9, "8 bytes of data"},
      {header("<f4", "(-2, 1)"), 8, "whole number"},
      {header("<f4", "(2, x)"), 8, "whole number"},
      {header("<f4", "(9223372036854775807, 4)"), 8, "memory can hold"},
      {header("<f4", "(0, 9223372036854775807)"), 0, "memory can hold"},
      {header("<f4", "(99999999999999999999,)"), 8, "whole number"},
      {header("<c8", "(1,)"), 8, "got c8"},
      {header("|O", "(1,)"), 8, "got O"},
      {header("<U2", "(1,)"), 8, "which are texts"},
      {header("f4", "(2,)"), 8, "'<f4'"},
      {header("<f4", "(2,)", "Maybe"), 8, "True or False"},
      {"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2,)}", 8, "structured"},
      {"{'descr': '<f4', 'shape': (2,)}", 8, "fewer"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8, "each once"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + 1", 8, "nothing after"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", 8, "its end"},
      {"", 8, "its end"},
  };
  for (const auto& [text, data, complaint] : cases) {
    INFO(text);
    CHECK_THROWS_WITH(parse(text, Bytes(data)), Contains("array.npy") && Contains(complaint));
    CHECK_THROWS_AS(parse(text, Bytes(data)), diva::IoError);
  }
  CHECK_THROWS_WITH(parse(header("|b1", "(2,)"), {0, 2}), Contains("bytes 0 and 1"));
  CHECK_THROWS_WITH(parse(header("<f4", "(0,)"), {}, 4), Contains("4.0"));
  CHECK_THROWS_WITH(diva::parse_npy(Bytes{'n', 'o'}, "array.npy"), Contains("2 bytes"));
  CHECK_THROWS_WITH(diva::parse_npy(Bytes(100, 'x'), "array.npy"), Contains("another beginning"));
  CHECK_THROWS_AS(diva::read_npy("/no/such/file.npy"), diva::IoError);
  CHECK_THROWS_AS(diva::map_npy("/no/such/file.npy"), diva::IoError);
}

TEST_CASE("texts are read as UTF-8, and other arrays refused as texts") {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& text, const Bytes& data) {
    diva::write_file_atomically(folder / "t.npy", file(text, data));
  };
  write(header("<U2", "(2,)"), {'a', 0, 0, 0, 0, 0, 0, 0, 0xB2, 3, 0, 0, 'b', 0, 0, 0});
  CHECK(diva::npy_holds_texts(folder / "t.npy"));
  CHECK(diva::read_npy_texts(folder / "t.npy") == std::vector<std::string>{"a", "βb"});
  write(header("|S3", "(2,)"), {'o', 'n', 'e', 'x', 0, 0});
  CHECK(diva::read_npy_texts(folder / "t.npy") == std::vector<std::string>{"one", "x"});
  write(header("<U0", "(3,)"), {});
  CHECK(diva::read_npy_texts(folder / "t.npy") == std::vector<std::string>(3));
  write(header("<U0", "(9000000000000000000,)"), {});
  CHECK_THROWS_AS(diva::read_npy_texts(folder / "t.npy"), diva::IoError);
  write(header("<U1", "(1,)"), {0, 0xD8, 0, 0});  // half of a surrogate pair
  CHECK_THROWS_AS(diva::read_npy_texts(folder / "t.npy"), diva::IoError);
  write(header("<U1", "(1, 1)"), {'a', 0, 0, 0});
  CHECK_THROWS_AS(diva::read_npy_texts(folder / "t.npy"), diva::IoError);
  diva::write_npy(folder / "t.npy", torch::zeros({2}));
  CHECK_FALSE(diva::npy_holds_texts(folder / "t.npy"));
  CHECK_THROWS_AS(diva::read_npy_texts(folder / "t.npy"), diva::IoError);
}

TEST_CASE("what NumPy cannot hold is not written, and an interrupted writer leaves nothing") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(diva::write_npy(folder / "a.npy", torch::ones({2}, torch::kBFloat16)),
                    Contains("BFloat16") && Contains("a.npy"));
  CHECK_THROWS_AS(diva::write_npy(folder / "a.npy", torch::Tensor()), diva::IoError);
  CHECK_THROWS_AS(diva::NpyWriter(folder / "a.npy", torch::kBFloat16, {2}), diva::IoError);
  {
    diva::NpyWriter writer(folder / "a.npy", torch::kFloat32, {2});
    writer.append(torch::ones({3, 2}));
    CHECK_THROWS_AS(writer.append(torch::ones({3, 3})), diva::ShapeError);
    CHECK_THROWS_AS(writer.append(torch::ones({2})), diva::ShapeError);
    CHECK_FALSE(std::filesystem::exists(folder / "a.npy"));
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("rows written in pieces make one array") {
  const TemporaryFolder folder;
  const auto whole = torch::arange(60, torch::kFloat32).reshape({10, 2, 3});
  diva::NpyWriter writer(folder / "a.npy", torch::kFloat32, {2, 3});
  for (const auto& part : whole.split(4)) writer.append(part);
  CHECK(writer.rows() == 10);
  writer.commit();
  CHECK(diva::read_npy(folder / "a.npy").equal(whole));
  diva::NpyWriter labels(folder / "b.npy", torch::kInt64, {});
  labels.append(torch::arange(3));
  labels.commit();
  CHECK(diva::map_npy(folder / "b.npy").equal(torch::arange(3)));
  diva::NpyWriter none(folder / "c.npy", torch::kFloat16, {4});
  none.commit();
  CHECK(diva::read_npy(folder / "c.npy").sizes() == torch::IntArrayRef({0, 4}));
}
