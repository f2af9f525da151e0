#include "zip_archive.hpp"

#include <fmt/format.h>
#include <zlib.h>
#include <diva/core/error.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

#include "shown.hpp"

namespace diva::inline v0_1::detail {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50,
                        wide_end_signature = 0x06064b50, wide_locator_signature = 0x07064b50;
constexpr std::uint64_t local_size = 30, central_size = 46, end_size = 22, wide_end_size = 56, wide_locator_size = 20;
constexpr std::uint32_t wide = 0xFFFFFFFF;  // in a 32-bit field: the number stands in a 64-bit one
constexpr std::uint16_t wide_field = 1, padding_field = 0x4246;
constexpr std::uint64_t alignment = 64;
constexpr std::uint64_t deflate_ratio = 1032;  // the most that deflate makes of a byte

/// zlib counts in 32 bits.
constexpr std::size_t piece = std::size_t{1} << 30;

std::uint32_t checksum(std::span<const std::uint8_t> data) {
  auto sum = crc32(0, nullptr, 0);
  while (!data.empty()) {
    const auto part = data.first(std::min(data.size(), piece));
    sum = crc32(sum, part.data(), static_cast<uInt>(part.size()));
    data = data.subspan(part.size());
  }
  return static_cast<std::uint32_t>(sum);
}

/// Whether `source` inflates to exactly `target`.
bool inflate_whole(std::span<const std::uint8_t> source, std::span<std::uint8_t> target) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  int status = Z_OK;
  std::uint8_t none = 0;  // zlib wants a place to write to even where nothing will come
  stream.next_out = &none;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const auto part = source.first(std::min(source.size(), piece));
      stream.next_in = const_cast<std::uint8_t*>(part.data());  // zlib does not write there
      stream.avail_in = static_cast<uInt>(part.size());
      source = source.subspan(part.size());
    }
    if (stream.avail_out == 0 && !target.empty()) {
      const auto part = target.first(std::min(target.size(), piece));
      stream.next_out = part.data();
      stream.avail_out = static_cast<uInt>(part.size());
      target = target.subspan(part.size());
    }
    status = inflate(&stream, Z_NO_FLUSH);
  }
  const bool whole = status == Z_STREAM_END && stream.avail_in == 0 && source.empty() && stream.avail_out == 0 && target.empty();
  inflateEnd(&stream);
  return whole;
}

/// Little-endian numbers, appended.
class Record {
 public:
  Record& put(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) data_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    return *this;
  }
  Record& put(std::string_view text) {
    data_.insert(data_.end(), text.begin(), text.end());
    return *this;
  }
  [[nodiscard]] std::uint64_t size() const { return data_.size(); }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return data_; }

 private:
  std::vector<std::uint8_t> data_;
};

}  // namespace

ZipArchive::ZipArchive(std::string function, std::span<const std::uint8_t> bytes, std::string file)
    : function_(std::move(function)), bytes_(bytes), file_(std::move(file)) {
  read_directory(find_directory());
}

void ZipArchive::refuse(const std::string& what, std::string_view expected, std::string_view got) const {
  fail<IoError>(function_, what, expected, got);
}

std::string ZipArchive::entry_text(const std::string& name) const { return fmt::format("entry '{}' of '{}'", shown(name), file_); }

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

const ZipArchive::Entry& ZipArchive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    refuse(fmt::format("'{}'", file_), fmt::format("an archive with the entry '{}'", shown(name)), "none");
  return found->second;
}

std::uint64_t ZipArchive::number(std::uint64_t offset, int bytes) const {
  const auto count = static_cast<std::uint64_t>(bytes);
  if (offset > bytes_.size() || bytes_.size() - offset < count) {
    refuse(fmt::format("'{}'", file_), "a whole zip archive",
           fmt::format("an end at byte {}, within a number at {}", bytes_.size(), offset));
  }
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < count; ++i) value |= std::uint64_t{bytes_[offset + i]} << (8 * i);
  return value;
}

ZipArchive::Directory ZipArchive::find_directory() const {
  // The record lies at the end of the file, before a comment whose length it states.
  std::uint64_t end = bytes_.size();
  bool found = false;
  for (std::uint64_t comment = 0; comment <= 0xFFFF && end_size + comment <= bytes_.size() && !found; ++comment) {
    end = bytes_.size() - end_size - comment;
    found = number(end, 4) == end_signature && number(end + 20, 2) == comment;
  }
  if (!found) refuse(fmt::format("'{}'", file_), "a whole zip archive", "no directory at its end");
  Directory directory{.offset = number(end + 16, 4), .size = number(end + 12, 4), .entries = number(end + 10, 2)};
  std::uint64_t limit = end;  // where the directory must have ended
  if (end >= wide_locator_size && number(end - wide_locator_size, 4) == wide_locator_signature) {
    const auto record = number(end - wide_locator_size + 8, 8);
    limit = end - wide_locator_size;
    if (record > limit || limit - record < wide_end_size || number(record, 4) != wide_end_signature) {
      refuse(fmt::format("the 64-bit directory of '{}'", file_), "where the archive's end says", "nothing of it");
    }
    directory = {.offset = number(record + 48, 8), .size = number(record + 40, 8), .entries = number(record + 32, 8)};
    limit = record;
  }
  if (directory.offset > limit || directory.size > limit - directory.offset || directory.entries > directory.size / central_size) {
    refuse(fmt::format("the directory of '{}'", file_), fmt::format("within the first {} bytes", limit),
           fmt::format("{} entries in {} bytes at {}", directory.entries, directory.size, directory.offset));
  }
  return directory;
}

void ZipArchive::read_directory(const Directory& directory) {
  auto at = directory.offset;
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (number(at, 4) != central_signature) {
      refuse(fmt::format("the directory of '{}'", file_), fmt::format("of {} entries", directory.entries), fmt::format("{}", i));
    }
    const auto flags = number(at + 8, 2), name_size = number(at + 28, 2), extra_size = number(at + 30, 2),
               comment_size = number(at + 32, 2);
    Entry entry{.method = static_cast<std::uint16_t>(number(at + 10, 2)),
                .checksum = static_cast<std::uint32_t>(number(at + 16, 4)),
                .stored = number(at + 20, 4),
                .size = number(at + 24, 4),
                .header = number(at + 42, 4)};
    const auto name_at = at + central_size, next = name_at + name_size + extra_size + comment_size;
    if (next > directory.offset + directory.size) {
      refuse(fmt::format("the directory of '{}'", file_), fmt::format("of {} bytes", directory.size), "more");
    }
    const std::string name(reinterpret_cast<const char*>(bytes_.data()) + name_at, name_size);
    read_wide_fields(entry, name_at + name_size, extra_size, name);
    if ((flags & 1) != 0) refuse(entry_text(name), "not encrypted", "encrypted");
    if (entry.method != 0 && entry.method != Z_DEFLATED) {
      refuse(entry_text(name), "stored or deflated", fmt::format("method {}", entry.method));
    }
    if (entry.stored > bytes_.size() - total) refuse(entry_text(name), "apart from the other entries", "over them");
    total += entry.stored;
    const auto most = entry.method == 0 ? entry.stored : entry.stored * deflate_ratio;
    if (entry.size > most || (entry.method == 0 && entry.size != entry.stored)) {
      refuse(entry_text(name), fmt::format("{} {} bytes", entry.method == 0 ? "of" : "of at most", most),
             fmt::format("{}", entry.size));
    }
    if (!entries_.emplace(name, entry).second) refuse(entry_text(name), "the only one of its name", "twice");
    at = next;
  }
}

void ZipArchive::read_wide_fields(Entry& entry, std::uint64_t extra, std::uint64_t extra_size, const std::string& name) const {
  const auto end = extra + extra_size;
  const bool need = entry.size == wide || entry.stored == wide || entry.header == wide;
  while (need && end - extra >= 4) {
    const auto kind = number(extra, 2), length = number(extra + 2, 2);
    extra += 4;
    if (length > end - extra) break;
    if (kind == wide_field) {
      const auto field_end = extra + length;
      for (auto* value : {&entry.size, &entry.stored, &entry.header}) {
        if (*value != wide) continue;
        if (field_end - extra < 8) refuse(entry_text(name), "with 64-bit numbers in its extra field", "too few");
        *value = number(extra, 8);
        extra += 8;
      }
      return;
    }
    extra += length;
  }
}

void ZipArchive::read(const std::string& name, std::span<std::uint8_t> target) const {
  const auto& found = entry(name);
  if (target.size() != found.size) {
    refuse(entry_text(name), fmt::format("of {} bytes", target.size()), fmt::format("{}", found.size));
  }
  const auto at = found.header;
  if (at > bytes_.size() || bytes_.size() - at < local_size || number(at, 4) != local_signature) {
    refuse(entry_text(name), fmt::format("at byte {}, as the directory says", at), "something else there");
  }
  const auto name_size = number(at + 26, 2);
  const auto start = at + local_size + name_size + number(at + 28, 2);
  if (start > bytes_.size() || found.stored > bytes_.size() - start) {
    refuse(entry_text(name), fmt::format("of {} bytes at {}", found.stored, start),
           fmt::format("an end of the file at {}", bytes_.size()));
  }
  if (std::string_view(reinterpret_cast<const char*>(bytes_.data()) + at + local_size, name_size) != name) {
    refuse(entry_text(name), "of the same name in the directory and before its data", "two names");
  }
  const auto source = bytes_.subspan(start, found.stored);
  if (found.method == 0) {
    std::copy(source.begin(), source.end(), target.begin());
  } else if (!inflate_whole(source, target)) {
    refuse(entry_text(name), fmt::format("{} bytes that were deflated", target.size()), "damaged ones");
  }
  if (const auto sum = checksum(target); sum != found.checksum) {
    refuse(entry_text(name), fmt::format("of checksum {:08x}", found.checksum), fmt::format("{:08x}", sum));
  }
}

void ZipWriter::write(std::span<const std::uint8_t> bytes) {
  file_.write(bytes);
  offset_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::span<const std::uint8_t> data) {
  const auto sum = checksum(data);
  const bool large = data.size() >= wide_from_;
  Record extra;
  if (large) extra.put(wide_field, 2).put(16, 2).put(data.size(), 8).put(data.size(), 8);
  const auto unpadded = offset_ + local_size + name.size() + extra.size() + 4;
  const auto padding = (alignment - unpadded % alignment) % alignment;
  extra.put(padding_field, 2).put(padding, 2).put(std::string(padding, 'Z'));
  Record header;
  header.put(local_signature, 4).put(large ? 45 : 20, 2).put(0, 2).put(0, 2);  // version, flags, stored
  header.put(0, 2).put(0x21, 2);                                               // midnight of 1 January 1980
  header.put(sum, 4).put(large ? wide : data.size(), 4).put(large ? wide : data.size(), 4);
  header.put(name.size(), 2).put(extra.size(), 2).put(name);
  entries_.push_back({name, sum, data.size(), offset_});
  write(header.bytes());
  write(extra.bytes());
  write(data);
}

void ZipWriter::finish() {
  const auto start = offset_;
  for (const auto& entry : entries_) {
    const bool large = entry.size >= wide_from_, far = entry.header >= wide_from_;
    Record extra;
    if (large || far) {
      extra.put(wide_field, 2).put((large ? 16 : 0) + (far ? 8 : 0), 2);
      if (large) extra.put(entry.size, 8).put(entry.size, 8);
      if (far) extra.put(entry.header, 8);
    }
    const auto version = large || far ? 45 : 20;
    Record header;
    header.put(central_signature, 4).put(version, 2).put(version, 2).put(0, 2).put(0, 2).put(0, 2).put(0x21, 2);
    header.put(entry.checksum, 4).put(large ? wide : entry.size, 4).put(large ? wide : entry.size, 4);
    header.put(entry.name.size(), 2).put(extra.size(), 2).put(0, 2).put(0, 2).put(0, 2).put(0, 4);
    header.put(far ? wide : entry.header, 4).put(entry.name);
    write(header.bytes());
    write(extra.bytes());
  }
  const auto end = offset_, size = end - start, count = static_cast<std::uint64_t>(entries_.size());
  Record record;
  const bool many = count >= std::min<std::uint64_t>(wide_from_, 0xFFFF), far = start >= wide_from_ || size >= wide_from_;
  if (many || far) {
    record.put(wide_end_signature, 4).put(wide_end_size - 12, 8).put(45, 2).put(45, 2).put(0, 4).put(0, 4);
    record.put(count, 8).put(count, 8).put(size, 8).put(start, 8);
    record.put(wide_locator_signature, 4).put(0, 4).put(end, 8).put(1, 4);
  }
  const auto short_count = many ? 0xFFFF : count;
  record.put(end_signature, 4).put(0, 2).put(0, 2).put(short_count, 2).put(short_count, 2);
  record.put(far ? wide : size, 4).put(far ? wide : start, 4).put(0, 2);
  write(record.bytes());
}

}  // namespace diva::inline v0_1::detail
