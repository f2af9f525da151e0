#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/core/generator.hpp>
#include <diva/io/csv.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>

#include "io/file_size_limit.hpp"
#include "support/temporary_folder.hpp"

using Catch::Matchers::Contains;
using diva::CsvMode;
using diva::CsvWriter;
using diva::parse_csv;
using Row = std::vector<std::string>;

namespace {

std::string text_of(const std::string& path) {
  const auto bytes = diva::read_file(path);
  return {bytes.begin(), bytes.end()};
}

void write_text(const std::string& path, const std::string& text) {
  diva::write_file_atomically(path, std::vector<std::uint8_t>(text.begin(), text.end()));
}

}  // namespace

TEST_CASE("CSV reads plain, quoted and empty fields, LF and CRLF, with and without a last line end") {
  for (const std::string end : {"\n", "\r\n"}) {
    for (const auto& last : {std::string(), end}) {
      const auto table = parse_csv("a,b,c" + end + "1,,3" + end + "\"x,y\",\"say \"\"hi\"\"\",\"two\r\nlines\"" + last, "t");
      CHECK(table.columns == Row{"a", "b", "c"});
      REQUIRE(table.rows.size() == 2);
      CHECK(table.rows[0] == Row{"1", "", "3"});
      CHECK(table.rows[1] == Row{"x,y", "say \"hi\"", "two\r\nlines"});
    }
  }
}

TEST_CASE("CSV drops a byte order mark and keeps spaces, UTF-8 and a carriage return inside a line") {
  const auto table = parse_csv("\xEF\xBB\xBF\"a\", b\né\r,\" \"\n", "t");
  CHECK(table.columns == Row{"a", " b"});
  CHECK(table.rows.at(0) == Row{"é\r", " "});
  CHECK(table.index_of(" b") == 1);
  CHECK_THROWS_WITH(diva::CsvTable({.columns = {"path", "label"}, .rows = {}}).index_of("lable"), Contains("did you mean 'label'"));
}

TEST_CASE("CSV errors name the file and the line") {
  const auto complains = [](const std::string& text, const std::string& line, const std::string& what) {
    INFO(text);
    CHECK_THROWS_AS(parse_csv(text, "log.csv"), diva::IoError);
    CHECK_THROWS_WITH(parse_csv(text, "log.csv"), Contains("'log.csv', line " + line + ":") && Contains(what));
  };
  complains("", "1", "empty");
  complains("\xEF\xBB\xBF", "1", "empty");
  complains("a,b\n1,2\n3\n", "3", "2 fields");
  complains("a,b\n1,2,3\n", "2", "got 3");
  complains("a,b\n1,2\n\n", "3", "got 1");
  complains("a,b\n\"x\ny\",1\n3\n", "4", "got 1");  // the quoted line break counts
  complains("a\n\"x", "2", "closed quote");
  complains("a\n\"x\n\n\n", "2", "closed quote");  // where it began
  complains("a\nx\"y\n", "2", "quotes");
  complains("a\n\"x\"y\n", "2", "a comma or a line end");
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(diva::read_csv(folder / "absent.csv"), Contains("absent.csv"));
}

TEST_CASE("CSV tables of awkward fields survive writing and reading, over many seeds") {
  const TemporaryFolder folder;
  const std::vector<std::string> pieces{"", ",", "\"", "\n", "\r\n", "\r", " ", "x", "é", "\"\"", "\xEF\xBB\xBF"};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    diva::Generator generator(seed);
    const auto field = [&] {
      std::string text;
      for (auto n = generator.below(4); n > 0; --n)
        text += pieces[static_cast<std::size_t>(generator.below(static_cast<std::int64_t>(pieces.size())))];
      return text;
    };
    const auto row = [&](std::size_t count) {
      Row fields;
      for (std::size_t i = 0; i < count; ++i) fields.push_back(field());
      return fields;
    };
    const auto count = static_cast<std::size_t>(1 + generator.below(4));
    diva::CsvTable table{.columns = row(count), .rows = {}};
    for (auto n = generator.below(5); n > 0; --n) table.rows.push_back(row(count));

    diva::write_csv(folder / "table.csv", table);
    const auto text = diva::csv_text(table, "memory");
    CHECK(diva::read_file(folder / "table.csv") == std::vector<std::uint8_t>(text.begin(), text.end()));
    const auto whole = diva::read_csv(folder / "table.csv");
    INFO("seed " << seed << ": " << text_of(folder / "table.csv"));
    CHECK(whole.columns == table.columns);
    CHECK(whole.rows == table.rows);
    CsvWriter writer(folder / "rows.csv", table.columns);
    for (const auto& fields : table.rows) writer.append({fields.begin(), fields.end()});
    CHECK(text_of(folder / "rows.csv") == text_of(folder / "table.csv"));
  }
}

TEST_CASE("CSV numbers read back as the same value in the fewest digits") {
  CHECK(diva::CsvValue(0.1).text == "0.1");
  CHECK(diva::CsvValue(0.1f).text == "0.1");
  CHECK(diva::CsvValue(3).text == "3");
  CHECK(diva::CsvValue(std::numeric_limits<std::int64_t>::min()).text == "-9223372036854775808");
  CHECK(diva::CsvValue(std::numeric_limits<std::uint64_t>::max()).text == "18446744073709551615");
  CHECK(diva::CsvValue(NAN).text == "nan");
  CHECK(diva::CsvValue(-INFINITY).text == "-inf");
  diva::Generator generator(1);
  for (int i = 0; i < 10000; ++i) {
    const auto bits = generator.next();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isnan(value)) continue;
    const auto back = std::strtod(diva::CsvValue(value).text.c_str(), nullptr);
    REQUIRE(std::memcmp(&back, &value, sizeof value) == 0);
  }
}

TEST_CASE("CSV rows are in the file as soon as they are appended") {
  const TemporaryFolder folder;
  const auto path = folder / "log.csv";
  CsvWriter writer(path, {"epoch", "loss", "note"});
  CHECK(text_of(path) == "epoch,loss,note\n");
  writer.append({1, 0.25, "first, best"});
  CHECK(text_of(path) == "epoch,loss,note\n1,0.25,\"first, best\"\n");
  CHECK_THROWS_AS(writer.append({1, 2}), diva::ShapeError);
  CHECK_THROWS_WITH(writer.append({1, 2, 3, 4}), Contains(path) && Contains("3 values, got 4"));
  CHECK(text_of(path) == "epoch,loss,note\n1,0.25,\"first, best\"\n");
}

TEST_CASE("a resumed CSV log goes on after its rows, and only after its own columns") {
  const TemporaryFolder folder;
  const auto path = folder / "log.csv";
  { CsvWriter(path, {"epoch", "loss"}, CsvMode::append).append({1, 0.5}); }
  { CsvWriter(path, {"epoch", "loss"}, CsvMode::append).append({2, 0.25}); }
  CHECK(text_of(path) == "epoch,loss\n1,0.5\n2,0.25\n");
  CHECK_THROWS_AS(CsvWriter(path, {"epoch", "recall"}, CsvMode::append), diva::IoError);
  CHECK_THROWS_WITH(CsvWriter(path, {"epoch"}, CsvMode::append), Contains(path) && Contains("epoch,loss"));
  CHECK(text_of(path) == "epoch,loss\n1,0.5\n2,0.25\n");
  { CsvWriter(path, {"epoch"}).append({7}); }
  CHECK(text_of(path) == "epoch\n7\n");

  write_text(path, "epoch,loss\n1,0.5\n2,0.2");
  CHECK_THROWS_WITH(CsvWriter(path, {"epoch", "loss"}, CsvMode::append), Contains(path) && Contains("a part of a row"));
  CHECK_THROWS_WITH(CsvWriter(folder / "no/log.csv", {"a"}), Contains("no/log.csv") && Contains("No such file"));
}

TEST_CASE("a CSV log comes with its header, or not at all") {
  const TemporaryFolder folder;
  const auto path = folder / "log.csv";
  {
    const FileSizeLimit limit(3);
    CHECK_THROWS_AS(CsvWriter(path, {"epoch", "loss"}), diva::IoError);
    CHECK_THROWS_AS(CsvWriter(path, {"epoch", "loss"}, CsvMode::append), diva::IoError);
  }
  CHECK(folder.entries() == 0);
  write_text(path, "former\n1\n");
  {
    const FileSizeLimit limit(3);
    CHECK_THROWS_AS(CsvWriter(path, {"epoch", "loss"}), diva::IoError);
  }
  CHECK(text_of(path) == "former\n1\n");
  write_text(path, "");  // somebody else's empty file is as good as none
  CsvWriter(path, {"epoch", "loss"}, CsvMode::append).append({1, 0.5});
  CHECK(text_of(path) == "epoch,loss\n1,0.5\n");
}

TEST_CASE("a CSV log may be a pipe") {
  const TemporaryFolder folder;
  const auto path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  CsvWriter(path, {"a"}, CsvMode::append).append({"first"});
  std::array<char, 64> text{};
  CHECK(::read(reader, text.data(), text.size()) == 8);
  CHECK(std::string(text.data()) == "a\nfirst\n");
  ::close(reader);
  CHECK(std::filesystem::is_fifo(path));
}

TEST_CASE("a CSV row that does not fit on the disk is an error and leaves whole rows") {
  const TemporaryFolder folder;
  CsvWriter writer(folder / "log.csv", {"a"});
  writer.append({"first"});
  {
    const FileSizeLimit limit(20);
    CHECK_THROWS_AS(writer.append({std::string(50, 'x')}), diva::IoError);
  }
  CHECK(text_of(folder / "log.csv") == "a\nfirst\n");
  writer.append({"second"});
  CHECK(text_of(folder / "log.csv") == "a\nfirst\nsecond\n");
}
