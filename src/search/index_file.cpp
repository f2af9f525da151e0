#include "index_file.hpp"

#include <faiss/impl/FaissException.h>
#include <faiss/impl/io.h>
#include <faiss/index_io.h>
#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>

// The file, all numbers little-endian of 8 bytes:
//
//   "diva idx" | version | bytes of the description | rows | the description | ids of the rows | 1 byte a row: removed?
//   | FAISS's bytes | how many | checksum of all before
namespace diva::inline v0_1::detail {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

constexpr std::string_view magic = "diva idx";
constexpr std::uint64_t version = 1;
constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::size_t head_bytes = 4 * word, tail_bytes = 2 * word;
constexpr std::size_t block_bytes = std::size_t{1} << 20;

// Of all bytes; each but the last `add` takes whole words. A step maps states one to one, so damage within one word always shows,
// and other damage but for a chance of 2^-64.
class Checksum {
 public:
  void add(std::span<const std::uint8_t> bytes) {
    for (std::size_t at = 0; at < bytes.size(); at += word) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data() + at, std::min(word, bytes.size() - at));
      step(value);
    }
    size_ += bytes.size();
  }
  [[nodiscard]] std::uint64_t value() const {
    Checksum last = *this;
    last.step(size_);
    return last.state_;
  }

 private:
  void step(std::uint64_t value) {
    state_ = (state_ ^ value) * 0x9e3779b97f4a7c15;  // odd: 2^64 / the golden ratio
    state_ ^= state_ >> 32;
  }

  std::uint64_t state_ = 0x243f6a8885a308d3;  // of π
  std::uint64_t size_ = 0;
};

// FAISS writes a vector's size and its values one by one; they are gathered to blocks.
class Writer : public faiss::IOWriter {
 public:
  explicit Writer(const std::string& path) : file_(path) { block_.reserve(block_bytes); }

  std::size_t operator()(const void* data, std::size_t size, std::size_t count) override {
    put({static_cast<const std::uint8_t*>(data), size * count});
    return count;
  }

  void put(std::span<const std::uint8_t> bytes) {
    written_ += bytes.size();
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min(bytes.size(), block_bytes - block_.size()));
      block_.insert(block_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
      if (block_.size() == block_bytes) flush();
    }
  }

  template <class Value>
  void put_values(std::span<const Value> values) {
    put({reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  }
  void put_number(std::uint64_t number) { put_values(std::span<const std::uint64_t>(&number, 1)); }

  [[nodiscard]] std::uint64_t written() const { return written_; }

  void finish() {
    flush();
    const auto sum = std::bit_cast<std::array<std::uint8_t, word>>(checksum_.value());
    file_.write(sum);
    file_.commit();
  }

 private:
  void flush() {
    checksum_.add(block_);
    file_.write(block_);
    block_.clear();
  }

  AtomicFile file_;
  std::vector<std::uint8_t> block_;
  Checksum checksum_;
  std::uint64_t written_ = 0;
};

// Reads from memory; FAISS takes fewer items than it asked for as an error.
class Reader : public faiss::IOReader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::size_t operator()(void* data, std::size_t size, std::size_t count) override {
    const auto items = size == 0 ? 0 : std::min(count, bytes_.size() / size);
    if (items > 0) std::memcpy(data, bytes_.data(), size * items);
    bytes_ = bytes_.subspan(size * items);
    return items;
  }

  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

[[noreturn]] void fail_read(const std::string& path, std::string_view expected, std::string_view got) {
  fail<IoError>("Index::load", fmt::format("'{}'", path), expected, got);
}

std::uint64_t number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, word);
  return number;
}

}  // namespace

void write_index_file(const std::string& path, const IndexFrame& frame, const faiss::Index& index) {
  Writer writer(path);
  writer.put_values(std::span<const char>(magic));
  writer.put_number(version);
  writer.put_number(frame.description.size());
  writer.put_number(frame.ids.size());
  writer.put_values(std::span<const char>(frame.description));
  writer.put_values(std::span<const std::int64_t>(frame.ids));
  writer.put_values(std::span<const char>(frame.removed));
  const auto before = writer.written();
  try {
    faiss::write_index(&index, &writer);
  } catch (const faiss::FaissException& error) {
    fail<IoError>("Index::save", fmt::format("'{}'", path), "what FAISS can write", error.what());
  }
  writer.put_number(writer.written() - before);
  writer.finish();
}

IndexFile read_index_file(const std::string& path) {
  const auto content = read_file(path);
  const std::span<const std::uint8_t> bytes(content);
  if (bytes.size() < head_bytes + tail_bytes || std::memcmp(bytes.data(), magic.data(), word) != 0) {
    fail_read(path, "an index that Index::save wrote", fmt::format("{} bytes that do not begin as one", bytes.size()));
  }
  Checksum checksum;
  checksum.add(bytes.first(bytes.size() - word));
  if (checksum.value() != number_at(bytes, bytes.size() - word)) {
    fail_read(path, "an undamaged index",
              fmt::format("{} bytes that differ from those written: their checksum is wrong", bytes.size()));
  }
  if (number_at(bytes, word) != version)
    fail_read(path, fmt::format("an index of version {}", version), std::to_string(number_at(bytes, word)));

  const auto description = number_at(bytes, 2 * word), rows = number_at(bytes, 3 * word),
             payload = number_at(bytes, bytes.size() - tail_bytes);
  const auto body = bytes.size() - head_bytes - tail_bytes;
  if (description > body || rows > body / (word + 1) || payload > body || description + rows * (word + 1) + payload != body) {
    fail_read(path, "an index whose parts fill it", fmt::format("{} bytes for {} rows", bytes.size(), rows));
  }
  IndexFile file;
  auto rest = bytes.subspan(head_bytes, body);
  const auto take = [&](auto& values, std::size_t count) {
    values.resize(count);
    const auto size = count * sizeof(values[0]);
    std::copy_n(rest.data(), size, reinterpret_cast<std::uint8_t*>(values.data()));
    rest = rest.subspan(size);
  };
  take(file.frame.description, description);
  take(file.frame.ids, rows);
  take(file.frame.removed, rows);
  Reader reader(rest);
  try {
    file.index.reset(faiss::read_index(&reader));
  } catch (const faiss::FaissException& error) {
    fail_read(path, "an index that FAISS can read", error.what());
  }
  if (reader.left() > 0) fail_read(path, "an index that FAISS reads to its end", fmt::format("{} bytes more", reader.left()));
  return file;
}

}  // namespace diva::inline v0_1::detail
