#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/safetensors.hpp>

#include <cstring>
#include <iostream>
#include <limits>

#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;
using diva::State;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// A file made by hand: length, header as given, data.
Bytes file(const std::string& header, std::size_t data_bytes) {
  Bytes bytes(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  for (std::size_t i = 0; i < data_bytes; ++i) bytes[8 + header.size() + i] = static_cast<std::uint8_t>(i);
  return bytes;
}

State parse(const std::string& header, std::size_t data_bytes) {
  return diva::parse_safetensors(file(header, data_bytes), "model.st");
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return fmt::format(R"({{"dtype":"{}","shape":{},"data_offsets":{}}})", dtype, shape, offsets);
}

bool same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.contiguous(), y = b.contiguous();
  return x.scalar_type() == y.scalar_type() && x.sizes() == y.sizes() &&
         (x.nbytes() == 0 || std::memcmp(x.data_ptr(), y.data_ptr(), x.nbytes()) == 0);
}

}  // namespace

TEST_CASE("safetensors keeps every type, shape, value and text") {
  State state;
  for (const auto type : {torch::kFloat64, torch::kFloat32, torch::kFloat16, torch::kBFloat16, torch::kInt64, torch::kInt32,
                          torch::kInt16, torch::kInt8, torch::kUInt8, torch::kBool}) {
    const std::string name = c10::toString(type);
    // -3 … 8, which wraps in unsigned bytes and becomes false and true in bools
    state.put(name, torch::arange(-3, 9).reshape({3, 4}).to(type));
    state.put(name + ".scalar", torch::ones({}, type));
    state.put(name + ".empty", torch::empty({0}, type));
    state.put(name + ".odd", torch::ones({5}, type));
    state.put(name + ".empty2", torch::empty({2, 0, 3}, type));
  }
  const auto infinity = std::numeric_limits<double>::infinity();
  state.put("special", torch::tensor({infinity, -infinity, -0.0, std::nan(""), 5e-324}, torch::kFloat64));
  state.put("ünïcode \"quoted\" \\ \n", torch::ones({1}));
  state.put("text", std::string("{\"a\": \"β\"}\n"));
  state.put("empty text", std::string());

  const TemporaryFolder folder;
  diva::write_safetensors(folder / "state", state);
  const auto from_file = diva::read_safetensors(folder / "state");
  const auto from_memory = diva::parse_safetensors(diva::read_file(folder / "state"), "memory");
  for (const auto& back : {from_file, from_memory}) {
    CHECK(back.texts == state.texts);
    REQUIRE(back.tensors.size() == state.tensors.size());
    for (const auto& [name, tensor] : state.tensors) {
      INFO(name);
      CHECK(same_bits(back.tensor(name), tensor));
    }
  }
}

TEST_CASE("safetensors writes the same bytes for equal states, aligned, and an empty state too") {
  State state;
  state.put("a", torch::ones({3}, torch::kUInt8));
  state.put("b", torch::ones({3}, torch::kFloat64));
  state.put("c", torch::ones({1}, torch::kFloat16));
  state.put("note", std::string("x"));
  const TemporaryFolder folder;
  diva::write_safetensors(folder / "one", state);
  diva::write_safetensors(folder / "two", diva::read_safetensors(folder / "one"));
  const auto bytes = diva::read_file(folder / "one");
  CHECK(bytes == diva::read_file(folder / "two"));

  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  CHECK(length % 8 == 0);
  CHECK(bytes.size() == 8 + length + 24 + 2 + 3);
  // The largest elements first: b at 0, c at 24, a at 26.
  const std::string header(bytes.begin() + 8, bytes.begin() + 8 + static_cast<std::ptrdiff_t>(length));
  CHECK_THAT(header,
             Contains("\"data_offsets\":[0,24]") && Contains("\"data_offsets\":[24,26]") && Contains("\"data_offsets\":[26,29]"));

  diva::write_safetensors(folder / "none", State{});
  CHECK(diva::read_file(folder / "none") == file("{}      ", 0));
  CHECK(diva::read_safetensors(folder / "none").tensors.empty());
}

TEST_CASE("safetensors writes what a tensor shows, not how it lies in memory, and without its graph") {
  State state;
  const auto base = torch::arange(12, torch::kFloat32).reshape({3, 4});
  state.put("transposed", base.t());
  state.put("column", base.select(1, 2));
  state.put("expanded", torch::ones({1}).expand({5}));
  state.put("learned", torch::ones({2}, torch::requires_grad()) * 3);
  const TemporaryFolder folder;
  diva::write_safetensors(folder / "state", state);
  const auto back = diva::read_safetensors(folder / "state");
  for (const auto& [name, tensor] : state.tensors) CHECK(back.tensor(name).equal(tensor.detach()));
}

TEST_CASE("a mapped safetensors file is the one that is read, and writing to its tensors leaves it as it is") {
  State state;
  state.put("a", torch::arange(5, torch::kFloat64));
  state.put("b", torch::ones({3}, torch::kBool));
  state.put("c", torch::empty({0, 2}));
  state.put("d", torch::ones({3}, torch::kInt8));
  state.put("note", std::string("x"));
  const TemporaryFolder folder;
  diva::write_safetensors(folder / "state", state);
  auto mapped = diva::map_safetensors(folder / "state");
  CHECK(mapped.texts == state.texts);
  for (const auto& [name, tensor] : state.tensors) CHECK(same_bits(mapped.tensor(name), tensor));
  mapped.tensors.at("a")[0] = 9;
  CHECK(same_bits(diva::read_safetensors(folder / "state").tensor("a"), state.tensor("a")));
  // Another file takes its name; the map is of the one that was there.
  diva::write_safetensors(folder / "state", State{});
  CHECK(mapped.tensor("d")[2].item<int>() == 1);
  // Values at odd addresses are copied.
  diva::write_file_atomically(
      folder / "odd",
      file(fmt::format(R"({{"last":{},"first":{}}})", entry("I16", "[2]", "[1,5]"), entry("U8", "[]", "[0,1]")), 5));
  CHECK(diva::map_safetensors(folder / "odd").tensor("last")[1].item<int>() == 0x0403);
  CHECK_THROWS_AS(diva::map_safetensors(folder / "none"), diva::IoError);
}

TEST_CASE("safetensors reads a file laid out by hand, out of order and unaligned") {
  // One byte first, so the 16-bit values lie at odd addresses; the header lists the last tensor first.
  const auto state = parse(fmt::format(R"({{"last":{},"first":{},"__metadata__":{{"format":"pt"}}}})", entry("I16", "[2]", "[1,5]"),
                                       entry("U8", "[]", "[0,1]")),
                           5);
  CHECK(state.text("format") == "pt");
  CHECK(state.tensor("first").item<int>() == 0);
  CHECK(state.tensor("last")[0].item<int>() == 0x0201);  // bytes 1, 2, little-endian
  CHECK(state.tensor("last")[1].item<int>() == 0x0403);
}

TEST_CASE("safetensors refuses headers that lie, and says which tensor of which file") {
  const auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return fmt::format(R"({{"w":{}}})", entry(dtype, shape, offsets));
  };
  const auto two = [](const std::string& first, const std::string& second) {
    return fmt::format(R"({{"v":{},"w":{}}})", entry("U8", "[4]", first), entry("U8", "[4]", second));
  };
  CHECK(parse(one("F32", "[2,1]", "[0,8]"), 8).tensor("w").numel() == 2);  // the good one, of which each below is a variation

  struct Case {
    std::string header;
    std::size_t data;
    std::string complaint;
  };
  const std::vector<Case> cases{
      {one("F32", "[2,1]", "[0,8]"), 7, "bytes of data"},
      {one("F32", "[2,1]", "[0,8]"), 9, "bytes of data"},
      {one("F32", "[2,1]", "[4,12]"), 12, "where the one before ends"},  // a hole at the start
      {one("F32", "[2,1]", "[8,0]"), 8, "8 bytes"},
      {one("F32", "[3,1]", "[0,8]"), 8, "12 bytes"},
      {one("F32", "[2,1]", "[0,8,8]"), 8, "data_offsets"},
      {one("F32", "[2,1]", "[-8,0]"), 8, "data_offsets"},
      {one("F32", "[2,1]", "[0,8.0]"), 8, "data_offsets"},
      {one("F32", "[2,1]", "{}"), 8, "data_offsets"},
      {one("F32", "[-2,-1]", "[0,8]"), 8, "whole numbers"},
      {one("F32", "[2.0]", "[0,8]"), 8, "whole numbers"},
      {one("F32", "[\"2\"]", "[0,8]"), 8, "whole numbers"},
      {one("F32", "2", "[0,8]"), 8, "whole numbers"},
      {one("F32", "[[2]]", "[0,8]"), 8, "levels"},
      {one("F32", "[4611686018427387904]", "[0,0]"), 0, "memory"},               // 2^62 · 4 overflows to 0
      {one("F32", "[4294967296,4294967296]", "[0,0]"), 0, "memory"},             // 2^64 · 4
      {one("F32", "[0,4294967296,4294967296]", "[0,0]"), 0, "memory"},           // no bytes, but strides overflow
      {one("F32", "[18446744073709551616]", "[0,0]"), 0, "whole numbers"},       // 2^64 is no integer to JSON
      {one("U8", "[8]", "[18446744073709551608,18446744073709551616]"), 8, ""},  // wraps around
      {one("F8_E4M3", "[8]", "[0,8]"), 8, "of type"},
      {one("f32", "[2]", "[0,8]"), 8, "of type"},
      {two("[0,4]", "[3,7]"), 7, "where the one before ends"},  // overlap
      {two("[0,4]", "[5,9]"), 9, "where the one before ends"},  // hole
      {two("[0,4]", "[0,4]"), 4, "where the one before ends"},  // shared bytes
      {R"({"w":{"dtype":"U8","shape":[1]}})", 1, "data_offsets"},
      {R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})", 1, "described by"},
      {R"({"w":{"dtype":8,"shape":[1],"data_offsets":[0,1]}})", 1, "of type"},
      {R"({"w":[1]})", 1, "described by"},
  };
  for (const auto& [header, data, complaint] : cases) {
    INFO(header);
    CHECK_THROWS_AS(parse(header, data), diva::IoError);
    CHECK_THROWS_WITH(parse(header, data), Contains("model.st") && Contains(complaint));
  }
  CHECK_THROWS_WITH(parse(one("F32", "[3]", "[0,8]"), 8), Contains("tensor 'w' of 'model.st'"));
}

TEST_CASE("safetensors refuses malformed headers") {
  for (const std::string header :
       {"", " {}", "[]", "{", "{}}", "{\"a\"}", "null", "{\"w\":null}", "{\"\xff\":1}", "{\"__metadata__\":{\"a\":1}}",
        "{\"__metadata__\":[]}", "{\"__metadata__\":{\"a\":\"x\",\"a\":\"y\"}}"}) {
    INFO(header);
    CHECK_THROWS_AS(parse(header, 0), diva::IoError);
    CHECK_THROWS_WITH(parse(header, 0), Contains("model.st"));
  }
  const auto twice = entry("U8", "[0]", "[0,0]");
  CHECK_THROWS_WITH(parse(fmt::format(R"({{"w":{0},"w":{0}}})", twice), 0), Contains("'w' again"));
  CHECK_THROWS_WITH(parse(R"({"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0), Contains("'dtype' again"));
  CHECK_NOTHROW(parse(fmt::format(R"({{"v":{0},"w":{0}}})", twice), 0));
  // Nested as deep as the bytes allow: must neither overflow the stack nor take long.
  CHECK_THROWS_WITH(parse(fmt::format("{{\"w\":{:[>1000000}", ""), 0), Contains("levels"));
}

TEST_CASE("safetensors compares the length of the header with the file before it believes it") {
  auto bytes = file("{}", 0);
  for (const std::uint64_t length : {std::uint64_t{3}, std::uint64_t{100'000'001}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    std::memcpy(bytes.data(), &length, 8);
    CHECK_THROWS_WITH(diva::parse_safetensors(bytes, "model.st"), Contains("model.st") && Contains("at most 2 bytes"));
  }
  CHECK_THROWS_WITH(diva::parse_safetensors({}, "model.st"), Contains("at least 8 bytes"));
  CHECK_THROWS_WITH(diva::parse_safetensors(Bytes(7), "model.st"), Contains("at least 8 bytes"));
}

TEST_CASE("safetensors refuses bools that are neither 0 nor 1") {
  CHECK_THROWS_WITH(parse(fmt::format(R"({{"mask":{}}})", entry("BOOL", "[3]", "[0,3]")), 3),
                    Contains("'mask'") && Contains("got 2"));
}

TEST_CASE("safetensors names what it cannot write, and leaves the old file") {
  const TemporaryFolder folder;
  State good;
  good.put("w", torch::ones({2}));
  diva::write_safetensors(folder / "state", good);
  const auto before = diva::read_file(folder / "state");
  const auto refused = [&](const std::string& name, const torch::Tensor& tensor) {
    State state = good;
    state.put(name, tensor);
    CHECK_THROWS_AS(diva::write_safetensors(folder / "state", state), diva::IoError);
    CHECK_THROWS_WITH(diva::write_safetensors(folder / "state", state), Contains(name) && Contains(folder / "state"));
  };
  refused("undefined", torch::Tensor());
  refused("complex", torch::ones({2}, torch::kComplexFloat));
  refused("sparse", torch::ones({2}).to_sparse());
  refused("__metadata__", torch::ones({2}));
  State state = good;
  state.put("note", std::string("\xff"));
  CHECK_THROWS_AS(diva::write_safetensors(folder / "state", state), diva::IoError);
  CHECK_THROWS_AS(diva::write_safetensors(folder / "no/state", good), diva::IoError);
  CHECK_THROWS_WITH(diva::read_safetensors(folder / "absent"), Contains(folder / "absent") && Contains("No such file"));
  CHECK(diva::read_file(folder / "state") == before);
  CHECK(folder.entries() == 1);
}

TEST_CASE("every golden file parses") {
  const std::filesystem::path folder = source_file("../shared/golden");
  if (!std::filesystem::exists(folder)) {
    std::cout << "skipped: no " << folder.string() << "\n";
    return;
  }
  std::size_t count = 0;
  for (const auto& item : std::filesystem::recursive_directory_iterator(folder)) {
    if (item.path().extension() != ".safetensors") continue;
    INFO(item.path().string());
    const auto state = diva::read_safetensors(item.path().string());
    CHECK(!state.text("kind").empty());
    ++count;
  }
  CHECK(count > 0);
}
