#include "support/catch.hpp"

#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <cstring>
#include <filesystem>

#include "../../src/io/zip_archive.hpp"
#include "support/source_file.hpp"
#include "support/temporary_folder.hpp"

// The files and the object in them: tests/fixtures/checkpoints/make_checkpoints.py.

namespace {

using Catch::Matchers::Contains;
using Bytes = std::vector<std::uint8_t>;

const std::string fixtures = source_file("tests/fixtures/checkpoints/");

bool same(const torch::Tensor& a, const torch::Tensor& b) { return a.scalar_type() == b.scalar_type() && torch::equal(a, b); }

/// A pickle behind the zip archive that it needs.
Bytes archive_with(std::string_view program, const std::vector<std::pair<std::string, Bytes>>& others = {}) {
  const TemporaryFolder folder;
  diva::AtomicFile file(folder / "file");
  diva::detail::ZipWriter writer(file);
  writer.add("a/data.pkl", {reinterpret_cast<const std::uint8_t*>(program.data()), program.size()});
  for (const auto& [name, data] : others) writer.add(name, data);
  writer.finish();
  file.commit();
  return diva::read_file(folder / "file");
}

diva::State parse(const Bytes& bytes) { return diva::parse_torch_checkpoint(bytes, "bad.file"); }

std::string error_of(const Bytes& bytes) {
  try {
    parse(bytes);
  } catch (const diva::IoError& error) {
    return error.what();
  }
  return "no error";
}

/// With a literal's zeros.
template <std::size_t n>
std::string_view program(const char (&text)[n]) {
  return {text, n - 1};
}

}  // namespace

TEST_CASE("torch.save's files of every format give the tensors, numbers and texts that were saved") {
  for (const auto* name : {"zip.pth", "stream.pth", "wide.pth"}) {
    INFO(name);
    const auto state = diva::read_torch_checkpoint(fixtures + name);
    const auto tensor = [&](const char* key) { return state.tensor(key); };
    const auto base = torch::arange(20, torch::kFloat32);
    CHECK(same(tensor("state_dict.module.conv1.weight"), torch::arange(24, torch::kFloat32).reshape({2, 3, 2, 2}) / 8));
    CHECK(state.integer("state_dict.module.bn1.num_batches_tracked") == 7);
    CHECK(same(tensor("state_dict.module.fc.bias"), torch::tensor({0.5F, -2.0F})));
    CHECK(same(tensor("rows"), base.view({4, 5}).slice(0, 1, 3)));
    CHECK(same(tensor("columns"), base.view({4, 5}).t()));
    CHECK(tensor("columns").strides() == torch::IntArrayRef({1, 5}));
    CHECK(tensor("rows").storage().data_ptr().get() == tensor("columns").storage().data_ptr().get());  // one storage, as saved
    CHECK(same(tensor("every_fourth"), torch::tensor({3.0F, 7.0F, 11.0F, 15.0F, 19.0F})));
    CHECK(same(tensor("expanded"), torch::full({3}, 4.0F)));
    CHECK(same(tensor("float64"), torch::tensor({{1.0, 1e300}}, torch::kFloat64)));
    CHECK(same(tensor("float16"), torch::tensor({0.5, 65504.0}, torch::kFloat16)));
    CHECK(same(tensor("bfloat16"), torch::tensor({1.5, -3e38}, torch::kFloat64).to(torch::kBFloat16)));
    CHECK(same(tensor("int64"), torch::tensor({-(std::int64_t{1} << 62), std::int64_t{3}})));
    CHECK(same(tensor("int32"), torch::tensor({-5, 2147483647}, torch::kInt32)));
    CHECK(same(tensor("int16"), torch::tensor({-300}, torch::kInt16)));
    CHECK(same(tensor("int8"), torch::tensor({-128, 127}, torch::kInt8)));
    CHECK(same(tensor("uint8"), torch::tensor({0, 255}, torch::kUInt8)));
    CHECK(same(tensor("bool"), torch::tensor({1, 0, 1}).to(torch::kBool)));
    CHECK(tensor("empty").sizes() == torch::IntArrayRef({0, 3}));
    CHECK(same(tensor("scalar"), torch::tensor(2.5F)));
    CHECK(state.integer("epoch") == 300);
    CHECK(state.integer("large") == -(std::int64_t{1} << 40));
    CHECK(state.real("learning_rate") == 0.25);
    CHECK(tensor("done").item<bool>());
    CHECK(state.text("name") == "a text of β");
    CHECK(state.integer("list.0") == 1);
    CHECK(state.text("list.1") == "two");
    CHECK(same(tensor("list.2"), torch::ones({2})));
    CHECK(same(tensor("list.3.0"), torch::zeros({1})));
    CHECK(state.integer("list.3.1.deep") == 4);
    CHECK(state.integer("by_number.0.step") == 5);
    CHECK(same(tensor("by_number.17"), torch::ones({1})));
    CHECK(state.integer("size.1") == 4);
    CHECK(state.text("device") == "cuda:1");
    CHECK(state.text("bytes") == "ab\xff");
    CHECK(state.tensors.size() == 30);  // None, the type and 2^100 are left out
    CHECK(state.texts.size() == 4);
  }
}

TEST_CASE("the tar archive of torch 0.1 gives tensors, parts of storages and texts") {
  const auto state = diva::read_torch_checkpoint(fixtures + "tar.pth");
  CHECK(same(state.tensor("whole"), torch::arange(12, torch::kFloat32).reshape({3, 4})));
  CHECK(same(state.tensor("column"), torch::tensor({1.0F, 5.0F, 9.0F})));
  CHECK(same(state.tensor("int64"), torch::tensor({5, 6}, torch::kInt64)));
  CHECK(state.text("name") == "tar");
  CHECK(state.tensors.size() == 3);
}

TEST_CASE("a written checkpoint reads back equal, strides dropped, and equal states give equal bytes") {
  const TemporaryFolder folder;
  const auto state = diva::read_torch_checkpoint(fixtures + "zip.pth");
  diva::write_torch_checkpoint(folder / "a.pth", state);
  diva::write_torch_checkpoint(folder / "b.pth", state);
  CHECK(diva::read_file(folder / "a.pth") == diva::read_file(folder / "b.pth"));
  const auto back = diva::read_torch_checkpoint(folder / "a.pth");
  CHECK(back.texts == state.texts);
  REQUIRE(back.tensors.size() == state.tensors.size());
  for (const auto& [name, tensor] : state.tensors) {
    INFO(name);
    CHECK(same(back.tensor(name), tensor));
    CHECK(back.tensor(name).is_contiguous());
  }
  diva::write_torch_checkpoint(folder / "empty.pth", {});
  CHECK(diva::read_torch_checkpoint(folder / "empty.pth").tensors.empty());
}

TEST_CASE("what cannot be written is an error that names it, and leaves no file") {
  const TemporaryFolder folder;
  const auto refuse = [&](const char* name, const torch::Tensor& tensor) {
    diva::State state;
    state.put(name, tensor);
    state.put("both", std::string("text"));
    CHECK_THROWS_WITH(diva::write_torch_checkpoint(folder / "x.pth", state), Contains(name) && Contains("x.pth"));
  };
  refuse("nothing", torch::Tensor());
  refuse("complex", torch::zeros({2}, torch::kComplexFloat));
  refuse("sparse", torch::eye(2).to_sparse());
  refuse("both", torch::ones({1}));
  CHECK(folder.entries() == 0);
  CHECK_THROWS_AS(diva::write_torch_checkpoint(folder / "no/folder.pth", {}), diva::IoError);
}

TEST_CASE("read_weights tells the formats by their first bytes") {
  const TemporaryFolder folder;
  diva::State state;
  state.put("weight", torch::ones({2, 2}));
  diva::write_safetensors(folder / "a.bin", state);
  diva::write_torch_checkpoint(folder / "b.bin", state);
  for (const auto* name : {"a.bin", "b.bin"}) CHECK(same(diva::read_weights(folder / name).tensor("weight"), torch::ones({2, 2})));
  CHECK(diva::read_weights(fixtures + "stream.pth").integer("epoch") == 300);
  CHECK(diva::read_weights(fixtures + "tar.pth").text("name") == "tar");
  diva::write_file_atomically(folder / "empty", {});
  CHECK_THROWS_WITH(diva::read_weights(folder / "empty"), Contains("empty"));
  CHECK_THROWS_WITH(diva::read_torch_checkpoint(folder / "empty"), Contains("a file that torch.save wrote"));
  CHECK_THROWS_WITH(diva::read_torch_checkpoint(folder / "a.bin"), Contains("a file that torch.save wrote"));
  CHECK_THROWS_AS(diva::read_weights(folder / "absent"), diva::IoError);
}

TEST_CASE("objects of unknown classes are left out, told in their place, and nothing is run for them") {
  for (const auto* name : {"dino.pth", "dino_stream.pth", "dino_protocol4.pth"}) {
    INFO(name);
    const auto state = diva::read_torch_checkpoint(fixtures + name);
    CHECK(same(state.tensor("student.module.weight"), torch::ones({2})));
    CHECK(same(state.tensor("teacher.module.weight"), torch::full({2}, 3.0F)));
    CHECK(state.integer("epoch") == 7);
    CHECK(state.integer("last") == 5);  // what follows the objects
    CHECK(state.tensors.size() == 4);
    CHECK(state.text("args") == "<argparse.Namespace>");
    CHECK(state.text("same_args") == "<argparse.Namespace>");
    CHECK(state.text("counter") == "<collections.Counter>");
    CHECK(state.text("deque") == "<collections.deque>");
    CHECK(state.text("by_default") == "<collections.defaultdict>");
    CHECK(state.text("class") == "<__main__.Unlisted>");
    CHECK(state.text("harmful") == "<posix.system>");
    CHECK(state.texts.contains("keywords"));
  }
  CHECK_FALSE(std::filesystem::exists("harmful_ran"));
  CHECK(parse(archive_with(program("\x80\x04\x8c\5posix\x8c\6system\x93."))).text("tensor") == "<posix.system>");
}

TEST_CASE("what may hold tensors that would be lost is refused with its name and the file") {
  CHECK_THROWS_WITH(diva::read_torch_checkpoint(fixtures + "torchscript.pt"),
                    Contains("TorchScript") && Contains("torchscript.pt"));
  CHECK_THAT(error_of(archive_with(program("\x80\x02"
                                           "ctorch._utils\n_rebuild_sparse_tensor\n)R."))),
             Contains("torch._utils._rebuild_sparse_tensor") && Contains("bad.file"));
  // An object in place of a storage, of sizes, of a dictionary's key.
  const auto object = std::string("cargparse\nNamespace\n)\x81");
  CHECK_THAT(error_of(archive_with("\x80\x02" + object + "Q.")), Contains("an object of argparse.Namespace"));
  CHECK_THAT(error_of(archive_with("\x80\x02" + ("ctorch._utils\n_rebuild_tensor_v2\n(" + object + "K") + '\0' + "))tR.")),
             Contains("an object of argparse.Namespace"));
  CHECK_THAT(error_of(archive_with("\x80\x02}" + object + "K\1s.")), Contains("keys"));
  CHECK_THAT(error_of(archive_with(program("\x80\x02I5\n."))), Contains("instruction 0x49"));
}

TEST_CASE("a text or a name that is referred to over and over is refused without the memory it would take") {
  std::string many;
  for (int i = 0; i < 2000; ++i) many += std::string("h") + '\0';
  const auto text = std::string("X\0\x20\0\0", 5) + std::string(8192, 'a') + "q" + '\0' + "0";
  CHECK_THAT(error_of(archive_with("\x80\x02" + text + "](" + many + "e.")), Contains("again and again"));
}

TEST_CASE("protocol 4 and 5 with frames, short texts and a memo by order are read") {
  // {"a": 1, "b": [1.0]} as pickle.dumps(..., 4) frames it; MEMOIZE numbers values from 0, and BINGET 1 is "a".
  const auto state = parse(archive_with(
      program("\x80\x04\x95\x20\0\0\0\0\0\0\0}\x94(\x8c\1a\x94K\1\x8c\1b\x94]\x94G\x3f\xf0\0\0\0\0\0\0a\x8c\1c\x94h\1u.")));
  CHECK(state.integer("a") == 1);
  CHECK(state.real("b.0") == 1);
  CHECK(state.text("c") == "a");
}

TEST_CASE("pickles that ask the stack for what it does not hold are refused") {
  for (const auto text : {program("\x80\x02."),
                          program("\x80\x02(."),
                          program("\x80\x02t."),
                          program("\x80\x02u."),
                          program("\x80\x02K\1a."),
                          program("\x80\x02K\1K\2a."),
                          program("\x80\x02}K\1s."),
                          program("\x80\x02}(K\1u."),
                          program("\x80\x02h\5."),
                          program("\x80\x02R."),
                          program("\x80\x02K\1K\2R."),
                          program("\x80\x02\x87."),
                          program("\x80\x02K\1b."),
                          program("\x80\x02q\1."),
                          program("\x80\x02X\xff\xff\xff\xff."),
                          program("\x80\x06N."),
                          program("\x80\x02"),
                          program("\x80\x02}(NK\1u."),
                          program("\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff."),
                          program("0."),
                          program("1.")}) {
    CHECK_THAT(error_of(archive_with(text)), Contains("bad.file"));
  }
}

TEST_CASE("containers that hold themselves, or one another over and over, are refused without the memory they would take") {
  // A list that is its own element: ] q0 h0 a .
  CHECK_THAT(error_of(archive_with(program("\x80\x02]q\0h\0a."))), Contains("64 deep"));
  // Thirty lists, each twice in the next: 2^30 elements.
  std::string bomb = "\x80\x02]q";
  bomb += '\0';
  for (char i = 0; i < 30; ++i) bomb += std::string("](h") + i + "h" + i + "eq" + static_cast<char>(i + 1);
  CHECK_THAT(error_of(archive_with(bomb + ".")), Contains("occur again and again"));
}

TEST_CASE("tensors beyond their storages are refused, whatever sizes and strides say") {
  const auto refused = [](std::int64_t offset, std::int64_t rows, std::int64_t stride) {
    const auto number = [](std::int64_t value) {
      std::string text = "\x8a\x08";
      for (int i = 0; i < 8; ++i) text += static_cast<char>(value >> (8 * i));
      return text;
    };
    const auto storage =
        std::string(program("((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0"
                            "0X\3\0\0\0cpuK\4tQ"));
    const auto text =
        "\x80\x02"
        "ctorch._utils\n_rebuild_tensor_v2\n" +
        storage + number(offset) + number(rows) + "\x85" + number(stride) +
        "\x85\x89"
        "ccollections\nOrderedDict\n)RtR.";
    const Bytes data(16, 0);
    return error_of(archive_with(text, {{"a/data/0", data}}));
  };
  CHECK(refused(0, 4, 1) == "no error");
  CHECK(refused(3, 1, 1) == "no error");
  CHECK(refused(3, 5, 0) == "no error");
  CHECK(refused(4, 0, 1) == "no error");
  const auto large = std::int64_t{1} << 62;
  for (const auto& [offset, rows, stride] : std::vector<std::array<std::int64_t, 3>>{{1, 4, 1},
                                                                                     {0, 5, 1},
                                                                                     {4, 1, 1},
                                                                                     {-1, 2, 1},
                                                                                     {0, -1, 1},
                                                                                     {0, 2, -1},
                                                                                     {0, 2, large},
                                                                                     {0, large, 0},
                                                                                     {large, 0, 1},
                                                                                     {5, 0, 1},
                                                                                     {large, 3, large}}) {
    INFO(offset << ' ' << rows << ' ' << stride);
    CHECK_THAT(refused(offset, rows, stride), Contains("within their storages"));
  }
}

TEST_CASE("a storage of another size than its entry, or a bool of another byte, is refused with the entry") {
  const auto with = [](const std::string& type, char size, const Bytes& data) {
    return error_of(archive_with(std::string(program("\x80\x02(X\7\0\0\0storagectorch\n")) + type +
                                     std::string(program("\nX\1\0\0\0"
                                                         "0X\3\0\0\0cpuK")) +
                                     size + "tQ.",
                                 {{"a/data/0", data}}));
  };
  CHECK(with("FloatStorage", 4, Bytes(16, 0)) == "no error");
  CHECK_THAT(with("FloatStorage", 3, Bytes(16, 0)), Contains("a/data/0") && Contains("of 12 bytes"));
  CHECK_THAT(with("DoubleStorage", 4, Bytes(16, 0)), Contains("of 32 bytes"));
  CHECK(with("BoolStorage", 2, {0, 1}) == "no error");
  CHECK_THAT(with("BoolStorage", 2, {0, 2}), Contains("bytes 0 and 1") && Contains("a/data/0"));
  CHECK_THAT(with("ComplexFloatStorage", 2, Bytes(16, 0)), Contains("torch.ComplexFloatStorage"));
}

TEST_CASE("a damaged byte of an archive is found by the checksum of its entry") {
  auto bytes = diva::read_file(fixtures + "zip.pth");
  // The float64 value 1e300, 0x7E37E43C8800759C, is data of an entry.
  const Bytes value{0x9c, 0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0x7e};
  const auto found = std::search(bytes.begin(), bytes.end(), value.begin(), value.end());
  REQUIRE(found != bytes.end());
  *found ^= 1;
  CHECK_THAT(error_of(bytes), Contains("checksum") && Contains("data/") && Contains("bad.file"));
}

TEST_CASE("zip archives with 64-bit fields are written and read back, entries aligned to 64 bytes") {
  const TemporaryFolder folder;
  const Bytes first{1, 2, 3}, second(100, 7);
  for (const std::uint64_t wide_from : {std::uint64_t{0xFFFFFFFF}, std::uint64_t{0}, std::uint64_t{50}}) {
    INFO(wide_from);
    {
      diva::AtomicFile file(folder / "zip");
      diva::detail::ZipWriter writer(file, wide_from);
      writer.add("first", first);
      writer.add("second", second);
      writer.add("none", {});
      writer.finish();
      file.commit();
    }
    const auto bytes = diva::read_file(folder / "zip");
    const diva::detail::ZipArchive archive("test", bytes, "zip");
    CHECK(archive.names() == std::vector<std::string>{"first", "none", "second"});
    Bytes back(3), more(100), nothing;
    archive.read("first", back);
    archive.read("second", more);
    archive.read("none", nothing);
    CHECK(back == first);
    CHECK(more == second);
    CHECK((std::search(bytes.begin(), bytes.end(), second.begin(), second.end()) - bytes.begin()) % 64 == 0);
    CHECK_THROWS_WITH(archive.size("third"), Contains("'third'"));
    CHECK_THROWS_AS(archive.read("first", more), diva::IoError);
  }
}

TEST_CASE("a deflated entry that claims more than its bytes can hold is refused before memory is taken") {
  auto bytes = diva::read_file(fixtures + "wide.pth");
  // In the directory, the 64-bit size of the first entry follows its name and the extra field's four bytes.
  const Bytes signature{'P', 'K', 1, 2};
  const auto entry = std::search(bytes.begin(), bytes.end(), signature.begin(), signature.end());
  REQUIRE(entry != bytes.end());
  const auto name_size = entry[28];
  std::fill_n(entry + 46 + name_size + 4, 6, std::uint8_t{0x7F});  // about 2^46 bytes
  CHECK_THAT(error_of(bytes), Contains("of at most") && Contains("bad.file"));
}
