#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/io/npy.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

namespace diva::inline v0_1 {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they are where the file is little-endian");

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::uint64_t prefix_bytes = 8;                     // magic and version
constexpr std::uint64_t max_header = std::uint64_t{1} << 20;  // a list of 32 sizes takes less than 1 KiB
constexpr std::size_t max_dimensions = 64;                    // NumPy's own limit
constexpr std::uint64_t alignment = 64;                       // of the data, as the format demands

// `stored` is the type of the same size that is read, `shown` what the values become.
struct Type {
  const char* code;
  torch::ScalarType stored, shown;
};
constexpr std::array types{Type{"f2", torch::kFloat16, torch::kFloat16}, Type{"f4", torch::kFloat32, torch::kFloat32},
                           Type{"f8", torch::kFloat64, torch::kFloat64}, Type{"i1", torch::kInt8, torch::kInt8},
                           Type{"i2", torch::kInt16, torch::kInt16},     Type{"i4", torch::kInt32, torch::kInt32},
                           Type{"i8", torch::kInt64, torch::kInt64},     Type{"u1", torch::kUInt8, torch::kUInt8},
                           Type{"b1", torch::kBool, torch::kBool},       Type{"u2", torch::kInt16, torch::kInt32},
                           Type{"u4", torch::kInt32, torch::kInt64},     Type{"u8", torch::kInt64, torch::kInt64}};
constexpr const char* type_names = "f2, f4, f8, i1, i2, i4, i8, u1, u2, u4, u8 or b1 (bool)";

[[noreturn]] void fail_read(const std::string& what, std::string_view expected, std::string_view got) {
  detail::fail<IoError>("read_npy", what, expected, got);
}

struct Header {
  bool big_endian = false;
  std::string code;  // of the type, without its byte order
  bool fortran = false;
  std::vector<std::int64_t> shape;
  std::uint64_t data_start = 0;
};

/// Reads the dictionary as Python would, but only the three entries that NumPy writes, each once, in any order.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), what_(fmt::format("the header of '{}'", file)) {}

  Header parse() {
    Header header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        read_type(header);
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran = boolean();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = tuple();
        has_shape = true;
      } else {
        fail_read(what_, "of descr, fortran_order and shape, each once", fmt::format("'{}'", key));
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) fail_here("nothing after the dictionary");
    if (!has_type || !has_order || !has_shape) fail_read(what_, "of descr, fortran_order and shape", "fewer");
    return header;
  }

 private:
  [[noreturn]] void fail_here(std::string_view expected) const {
    fail_read(what_, expected,
              at_ < text_.size() ? fmt::format("byte {:#04x} at {}", static_cast<unsigned char>(text_[at_]), at_) : "its end");
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_here(fmt::format("'{}'", c));
  }
  std::string quoted() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    if (quote != '\'' && quote != '"') fail_here("a quoted text (a structured type is a list)");
    const auto end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail_here("a text that ends");
    const auto value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    for (const char c : value) {
      if (c < ' ' || c > '~' || c == '\\') fail_read(what_, "of plain texts", "other bytes in one");
    }
    return std::string(value);
  }
  bool boolean() {
    skip_spaces();
    for (const auto& [word, value] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail_here("True or False");
  }
  void read_type(Header& header) {
    const auto text = quoted();
    if (text.size() < 2 || std::string_view("<>|=").find(text[0]) == std::string_view::npos) {
      fail_read(what_, "of a type such as '<f4'", fmt::format("'{}'", text));
    }
    header.big_endian = text[0] == '>';
    header.code = text.substr(1);
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      skip_spaces();
      std::int64_t size = 0;
      const auto [stop, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc() || size < 0) fail_here("a size that is a whole number");
      at_ = static_cast<std::size_t>(stop - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // as Python 2 wrote long integers
      sizes.push_back(size);
      if (sizes.size() > max_dimensions) fail_read(what_, fmt::format("of at most {} dimensions", max_dimensions), "more");
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  std::string what_;
  std::size_t at_ = 0;
};

/// A file of `size` bytes; `read(bytes, offset)` fills the bytes or returns how many there were.
template <class Read>
struct Source {
  std::uint64_t size;
  const std::string& name;
  Read read;

  void fill(std::span<std::uint8_t> bytes, std::uint64_t offset) const {
    if (read(bytes, offset) != bytes.size()) fail_read(fmt::format("'{}'", name), fmt::format("of {} bytes still", size), "fewer");
  }
};

template <class Read>
Header read_header(const Source<Read>& source) {
  const auto what = fmt::format("'{}'", source.name);
  const auto too_short = [&] { fail_read(what, "a .npy file with its header", fmt::format("{} bytes", source.size)); };
  if (source.size < prefix_bytes) too_short();
  std::array<std::uint8_t, prefix_bytes> prefix{};
  source.fill(prefix, 0);
  if (std::string_view(reinterpret_cast<const char*>(prefix.data()), magic.size()) != magic) {
    fail_read(what, "a .npy file, which begins with \\x93NUMPY", "another beginning");
  }
  if (prefix[6] < 1 || prefix[6] > 3 || prefix[7] != 0) {
    fail_read(what, "of version 1.0, 2.0 or 3.0", fmt::format("{}.{}", prefix[6], prefix[7]));
  }
  const std::uint64_t length_bytes = prefix[6] == 1 ? 2 : 4;
  if (source.size < prefix_bytes + length_bytes) too_short();
  std::array<std::uint8_t, 4> digits{};
  source.fill({digits.data(), length_bytes}, prefix_bytes);
  const std::uint64_t length = std::bit_cast<std::uint32_t>(digits), start = prefix_bytes + length_bytes;
  if (length > std::min(max_header, source.size - start)) {
    fail_read(fmt::format("the header of {}", what), fmt::format("at most {} bytes", std::min(max_header, source.size - start)),
              fmt::format("{}", length));
  }
  std::string text(length, ' ');
  source.fill({reinterpret_cast<std::uint8_t*>(text.data()), length}, start);
  auto header = HeaderParser(text, source.name).parse();
  header.data_start = start + length;
  return header;
}

/// Elements of `element_bytes` fill the rest of the file exactly; returns their number.
template <class Read>
std::uint64_t checked_count(const Source<Read>& source, const Header& header, std::uint64_t element_bytes) {
  // Sizes of zero count as one in the product that must not overflow, since strides are made the same way.
  std::uint64_t count = 1, bound = std::max<std::uint64_t>(element_bytes, 1);
  for (const auto size : header.shape) {
    const auto factor = static_cast<std::uint64_t>(std::max<std::int64_t>(size, 1));
    if (factor > std::numeric_limits<std::int64_t>::max() / bound) {
      fail_read(fmt::format("'{}'", source.name), "of a shape that memory can hold",
                fmt::format("({})", fmt::join(header.shape, ", ")));
    }
    bound *= factor;
    count *= static_cast<std::uint64_t>(size);
  }
  const auto held = source.size - header.data_start;
  if (held != count * element_bytes) {
    fail_read(fmt::format("'{}'", source.name),
              fmt::format("{} bytes of data after its header, as ({}) of {} has", count * element_bytes,
                          fmt::join(header.shape, ", "), header.code),
              fmt::format("{}", held));
  }
  return count;
}

const Type& find_type(const Header& header, const std::string& file) {
  const auto type = std::find_if(types.begin(), types.end(), [&](const Type& candidate) { return header.code == candidate.code; });
  if (type != types.end()) return *type;
  const bool texts = header.code[0] == 'U' || header.code[0] == 'S';
  fail_read(fmt::format("'{}'", file), fmt::format("of type {}", type_names),
            fmt::format("{}{}", header.code, texts ? ", which are texts" : ""));
}

void turn_bytes(std::span<std::uint8_t> bytes, std::size_t element) {
  for (std::size_t at = 0; element > 1 && at < bytes.size(); at += element)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(at + element));
}

/// The shape in which the elements lie, and back to the one that is shown.
std::vector<std::int64_t> stored_shape(const Header& header) {
  auto shape = header.shape;
  if (header.fortran) std::reverse(shape.begin(), shape.end());
  return shape;
}

torch::Tensor shown(torch::Tensor tensor, const Header& header) {
  if (!header.fortran) return tensor;
  std::vector<std::int64_t> order(header.shape.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(order.size() - 1 - i);
  return tensor.permute(order);
}

template <class Read>
torch::Tensor parse_with(const Source<Read>& source, const Header& header) {
  const auto& type = find_type(header, source.name);
  checked_count(source, header, c10::elementSize(type.stored));
  auto tensor = torch::empty(stored_shape(header), type.stored);
  const std::span bytes(static_cast<std::uint8_t*>(tensor.data_ptr()), tensor.nbytes());
  source.fill(bytes, header.data_start);
  if (header.big_endian) turn_bytes(bytes, tensor.element_size());
  const std::string_view code = type.code;
  if (code == "b1" && std::any_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte > 1; })) {
    fail_read(fmt::format("'{}'", source.name), "of bytes 0 and 1, as bool is", "others");
  }
  if (code == "u2") tensor = tensor.to(torch::kInt32).bitwise_and_(0xFFFF);
  if (code == "u4") tensor = tensor.to(torch::kInt64).bitwise_and_(std::int64_t{0xFFFFFFFF});
  if (code == "u8" && tensor.numel() > 0 && tensor.min().template item<std::int64_t>() < 0) {
    fail_read(fmt::format("'{}'", source.name), "of values below 2^63", "larger ones");
  }
  return shown(tensor, header);
}

// A Source over an open file, which must outlive it.
auto file_source(const detail::Descriptor& file, const std::string& path) {
  const auto read = [&file, &path](std::span<std::uint8_t> bytes, std::uint64_t offset) {
    return detail::read_at("read_npy", path, file.get(), bytes, offset);
  };
  return Source<decltype(read)>{detail::file_size("read_npy", path, file.get()), path, read};
}

std::string utf8(std::span<const std::uint8_t> element, bool big_endian, const std::string& file) {
  std::string text;
  for (std::size_t at = 0; at < element.size(); at += 4) {
    std::uint32_t c = 0;
    for (std::size_t i = 0; i < 4; ++i) c |= static_cast<std::uint32_t>(element[at + i]) << 8 * (big_endian ? 3 - i : i);
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
      fail_read(fmt::format("'{}'", file), "of Unicode characters", fmt::format("{:#x}", c));
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += static_cast<char>(0xC0 | c >> 6);
      tail(0);
    } else if (c < 0x10000) {
      text += static_cast<char>(0xE0 | c >> 12);
      tail(6), tail(0);
    } else {
      text += static_cast<char>(0xF0 | c >> 18);
      tail(12), tail(6), tail(0);
    }
  }
  return text;
}

const Type& writable_type(torch::ScalarType type, const std::string& path) {
  const auto found = std::find_if(types.begin(), types.end(),
                                  [&](const Type& candidate) { return candidate.shown == type && candidate.stored == type; });
  if (found == types.end()) {
    detail::fail<IoError>("write_npy", fmt::format("the array of '{}'", path), "of a type that NumPy has", c10::toString(type));
  }
  return *found;
}

/// Magic to the last byte before the data, of at least `least` bytes.
std::string header_text(const Type& type, const std::vector<std::int64_t>& shape, std::uint64_t least) {
  const std::string_view code = type.code;
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", code.back() == '1' ? '|' : '<',
                                 code, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  const auto whole = std::max(least, (prefix_bytes + 2 + text.size() + 1 + alignment - 1) / alignment * alignment);
  const auto length = whole - prefix_bytes - 2;
  text.resize(length - 1, ' ');
  std::string start(magic);
  start += {'\x01', '\x00', static_cast<char>(length & 0xFF), static_cast<char>(length >> 8)};
  return start + text + '\n';
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

void write_values(AtomicFile& file, const torch::Tensor& tensor) {
  const auto values = tensor.detach().resolve_neg().to(torch::kCPU).contiguous();
  file.write({static_cast<const std::uint8_t*>(values.data_ptr()), values.nbytes()});
}

}  // namespace

torch::Tensor read_npy(const std::string& path) {
  const detail::Descriptor file("read_npy", path, O_RDONLY, "a readable file");
  const auto source = file_source(file, path);
  return parse_with(source, read_header(source));
}

torch::Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& name) {
  const auto read = [bytes](std::span<std::uint8_t> target, std::uint64_t offset) {
    const auto part = bytes.subspan(offset, target.size());
    std::copy(part.begin(), part.end(), target.begin());
    return part.size();
  };
  const Source<decltype(read)> source{bytes.size(), name, read};
  return parse_with(source, read_header(source));
}

torch::Tensor map_npy(const std::string& path) {
  const detail::Descriptor file("read_npy", path, O_RDONLY, "a readable file");
  const auto source = file_source(file, path);
  const auto header = read_header(source);
  const auto& type = find_type(header, path);
  const auto element = c10::elementSize(type.stored);
  const bool as_it_lies = !(header.big_endian && element > 1) && type.stored == type.shown && std::string_view(type.code) != "u8" &&
                          type.stored != torch::kBool && header.data_start % element == 0;
  if (!as_it_lies) return parse_with(source, header);
  checked_count(source, header, element);
  const auto map = detail::map_file("map_npy", path, file.get(), source.size);
  return shown(torch::from_blob(
                   map.get() + header.data_start, stored_shape(header), [map](void*) {}, type.stored),
               header);
}

std::vector<std::string> read_npy_texts(const std::string& path) {
  const detail::Descriptor file("read_npy", path, O_RDONLY, "a readable file");
  const auto source = file_source(file, path);
  const auto header = read_header(source);
  const auto what = fmt::format("'{}'", path);
  const bool unicode = header.code[0] == 'U';
  std::uint64_t length = 0;
  const auto* end = header.code.data() + header.code.size();
  const auto [stop, error] = std::from_chars(header.code.data() + 1, end, length);
  if ((!unicode && header.code[0] != 'S') || error != std::errc() || stop != end || length > max_header) {
    fail_read(what, "an array of texts, of type U or S", header.code);
  }
  if (header.shape.size() != 1) fail_read(what, "of one dimension", fmt::format("{}", header.shape.size()));
  const auto element = unicode ? 4 * length : length, count = checked_count(source, header, element);
  // The file's size bounds the number of texts unless they take no bytes.
  if (element == 0 && count > max_header) fail_read(what, fmt::format("of at most {} empty texts", max_header), "more");
  std::vector<std::uint8_t> bytes(count * element);
  source.fill(bytes, header.data_start);
  std::vector<std::string> texts(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = std::span(bytes).subspan(i * element, element);
    texts[i] = unicode ? utf8(part, header.big_endian, path) : std::string(part.begin(), part.end());
    texts[i].resize(texts[i].find_last_not_of('\0') + 1);
  }
  return texts;
}

bool npy_holds_texts(const std::string& path) {
  const detail::Descriptor file("read_npy", path, O_RDONLY, "a readable file");
  const auto code = read_header(file_source(file, path)).code;
  return code[0] == 'U' || code[0] == 'S';
}

void write_npy(const std::string& path, const torch::Tensor& tensor) {
  if (!tensor.defined() || tensor.layout() != torch::kStrided) {
    detail::fail<IoError>("write_npy", fmt::format("the array of '{}'", path), "defined and dense", detail::describe(tensor));
  }
  const auto header = header_text(writable_type(tensor.scalar_type(), path), tensor.sizes().vec(), 0);
  AtomicFile file(path);
  file.write(bytes_of(header));
  write_values(file, tensor);
  file.commit();
}

namespace {

std::string header_of_rows(torch::ScalarType type, const std::vector<std::int64_t>& row, std::int64_t rows,
                           const std::string& path) {
  const auto with = [&](std::int64_t count, std::uint64_t least) {
    std::vector<std::int64_t> shape = {count};
    shape.insert(shape.end(), row.begin(), row.end());
    return header_text(writable_type(type, path), shape, least);
  };
  // Of one size for any number of rows, since it is written before they are counted.
  return with(rows, with(std::numeric_limits<std::int64_t>::max(), 0).size());
}

}  // namespace

NpyWriter::NpyWriter(const std::string& path, torch::ScalarType type, std::vector<std::int64_t> row)
    : path_(path), type_(writable_type(type, path).stored), row_(std::move(row)), file_(path) {
  file_.write(bytes_of(header_of_rows(type_, row_, 0, path_)));
}

void NpyWriter::append(const torch::Tensor& rows) {
  if (!rows.defined() || rows.dim() != static_cast<std::int64_t>(row_.size()) + 1 ||
      rows.sizes().slice(1) != torch::IntArrayRef(row_)) {
    detail::fail<ShapeError>("NpyWriter::append", "rows", fmt::format("[n{}{}]", row_.empty() ? "" : ", ", fmt::join(row_, ", ")),
                             detail::describe(rows));
  }
  write_values(file_, rows.to(type_));
  rows_ += rows.size(0);
}

void NpyWriter::commit() {
  file_.overwrite(0, bytes_of(header_of_rows(type_, row_, rows_, path_)));
  file_.commit();
}

}  // namespace diva::inline v0_1
