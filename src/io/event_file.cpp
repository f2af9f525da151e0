#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <diva/core/error.hpp>
#include <diva/io/event_file.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <filesystem>

namespace diva::inline v0_1 {
namespace detail {

std::uint32_t crc32c(std::span<const std::uint8_t> bytes) {
  static constexpr auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      auto entry = i;
      for (int bit = 0; bit < 8; ++bit) entry = (entry >> 1) ^ ((entry & 1) != 0 ? 0x82F63B78U : 0U);
      entries[i] = entry;
    }
    return entries;
  }();
  std::uint32_t sum = 0xFFFFFFFFU;
  for (const auto byte : bytes) sum = table[(sum ^ byte) & 0xFFU] ^ (sum >> 8);
  return ~sum;
}

}  // namespace detail

namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Protocol buffers: a field is a varint of (number << 3 | kind), and then its value.
enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7F) | 0x80));
  out.push_back(static_cast<char>(value));
}

template <class Number>
void put_little_endian(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xFF));
}

void put_key(std::string& out, int number, Wire wire) {
  put_varint(out, static_cast<std::uint64_t>(number) << 3 | static_cast<std::uint64_t>(wire));
}

void put_bytes(std::string& out, int number, std::string_view value) {
  put_key(out, number, Wire::bytes);
  put_varint(out, value.size());
  out.append(value);
}

// Event: double wall_time = 1, int64 step = 2.
std::string event_at(std::int64_t step) {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  std::string event;
  put_key(event, 1, Wire::fixed64);
  put_little_endian(event, std::bit_cast<std::uint64_t>(now.count()));
  put_key(event, 2, Wire::varint);
  put_varint(event, static_cast<std::uint64_t>(step));
  return event;
}

std::uint32_t masked_checksum(std::span<const std::uint8_t> bytes) {
  const auto sum = detail::crc32c(bytes);
  return std::rotr(sum, 15) + 0xA282EAD8U;
}

std::string new_path(const std::string& folder) {
  static std::atomic<int> number = 0;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) detail::fail<IoError>("EventFile", fmt::format("'{}'", folder), "a folder that can be made", error.message());
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '-';
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return fmt::format("{}/events.out.tfevents.{}.{}.{}.{}", folder, seconds, host.data(), ::getpid(), number++);
}

}  // namespace

EventFile::EventFile(const std::string& folder, std::int64_t first_step)
    : path_(new_path(folder)), file_("EventFile", path_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, "writable") {
  auto version = event_at(0);
  put_bytes(version, 3, "brain.Event:2");  // Event: string file_version = 3
  record(version);
  if (first_step > 0) {
    std::string started;
    put_key(started, 1, Wire::varint);  // SessionLog: status = 1, START = 1
    put_varint(started, 1);
    auto session = event_at(first_step);
    put_bytes(session, 7, started);  // Event: SessionLog session_log = 7
    record(session);
  }
}

void EventFile::scalar(std::string_view tag, std::int64_t step, double value) {
  std::string entry;  // Summary.Value: string tag = 1, float simple_value = 2
  put_bytes(entry, 1, tag);
  put_key(entry, 2, Wire::fixed32);
  put_little_endian(entry, std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  std::string summary;  // Summary: repeated Value value = 1
  put_bytes(summary, 1, entry);
  auto event = event_at(step);
  put_bytes(event, 5, summary);  // Event: Summary summary = 5
  record(event);
}

void EventFile::record(const std::string& event) {
  std::string bytes;
  put_little_endian(bytes, static_cast<std::uint64_t>(event.size()));
  put_little_endian(bytes, masked_checksum(as_bytes(bytes)));
  bytes += event;
  put_little_endian(bytes, masked_checksum(as_bytes(event)));
  detail::append_whole("EventFile", path_, file_.get(), as_bytes(bytes));
}

}  // namespace diva::inline v0_1
