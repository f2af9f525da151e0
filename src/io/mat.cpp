#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/mat.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace diva::inline v0_1 {
namespace {

using Bytes = std::span<const std::uint8_t>;

// Types of data elements, and classes of arrays, by the format's numbers.
enum Type : std::uint32_t {
  int8 = 1,
  uint8 = 2,
  int16 = 3,
  uint16 = 4,
  int32 = 5,
  uint32 = 6,
  single_ = 7,
  double_ = 9,
  int64 = 12,
  uint64 = 13,
  matrix = 14,
  compressed = 15,
  utf8 = 16,
  utf16 = 17,
  utf32 = 18
};
enum Class : std::uint32_t { cell_class = 1, struct_class = 2, char_class = 4, first_numeric = 6, last_numeric = 15 };

constexpr std::int64_t max_elements = std::int64_t{1} << 28;
constexpr std::size_t max_inflated = std::size_t{1} << 31;
constexpr int max_depth = 16;

class Reader {
 public:
  Reader(Bytes bytes, const std::string& name, bool swapped) : bytes_(bytes), name_(name), swapped_(swapped) {}

  [[noreturn]] void fail(std::string_view expected, std::string_view got) const {
    detail::fail<IoError>("read_mat", fmt::format("'{}'", name_), expected, got);
  }

  [[nodiscard]] bool at_end() const { return at_ >= bytes_.size(); }

  template <class Number>
  Number number(Bytes bytes) const {
    std::array<std::uint8_t, sizeof(Number)> raw;
    std::copy_n(bytes.begin(), raw.size(), raw.begin());
    if (swapped_) std::reverse(raw.begin(), raw.end());
    return std::bit_cast<Number>(raw);
  }

  struct Element {
    std::uint32_t type;
    Bytes data;
  };

  // A tag and its data; up to four bytes lie within the tag itself. Data are padded to eight bytes, save compressed ones.
  Element next() {
    const auto tag = take(4);
    const auto first = number<std::uint32_t>(tag);
    if (first >> 16 != 0) {
      if (first >> 16 > 4) fail("a small element of at most 4 bytes", std::to_string(first >> 16));
      return {first & 0xFFFF, take(4).first(first >> 16)};
    }
    const auto size = number<std::uint32_t>(take(4));
    const auto data = take(size);
    if (first != Type::compressed) at_ = std::min(bytes_.size(), at_ + (8 - size % 8) % 8);
    return {first, data};
  }

  // The next one, which must be of one of these types.
  Element next(std::initializer_list<std::uint32_t> types, std::string_view what) {
    const auto element = next();
    if (std::find(types.begin(), types.end(), element.type) == types.end()) {
      fail(what, fmt::format("an element of type {}", element.type));
    }
    return element;
  }

  [[nodiscard]] Reader inside(Bytes data) const { return {data, name_, swapped_}; }

  std::pair<std::string, MatArray> array(int depth);

 private:
  Bytes take(std::size_t count) {
    if (count > bytes_.size() - at_) fail("a whole MAT file", "one that is cut short");
    const auto data = bytes_.subspan(at_, count);
    at_ += count;
    return data;
  }

  template <class Number>
  std::vector<double> convert(Bytes data) const {
    std::vector<double> values(data.size() / sizeof(Number));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(number<Number>(data.subspan(i * sizeof(Number), sizeof(Number))));
    }
    return values;
  }

  // Numbers are stored in the smallest type that holds them, whatever the class of their array.
  std::vector<double> numbers(const Element& element) const {
    switch (element.type) {
      case Type::int8:
        return convert<std::int8_t>(element.data);
      case Type::uint8:
      case Type::utf8:
        return convert<std::uint8_t>(element.data);
      case Type::int16:
        return convert<std::int16_t>(element.data);
      case Type::uint16:
      case Type::utf16:
        return convert<std::uint16_t>(element.data);
      case Type::int32:
        return convert<std::int32_t>(element.data);
      case Type::uint32:
      case Type::utf32:
        return convert<std::uint32_t>(element.data);
      case Type::single_:
        return convert<float>(element.data);
      case Type::double_:
        return convert<double>(element.data);
      case Type::int64:
        return convert<std::int64_t>(element.data);
      case Type::uint64:
        return convert<std::uint64_t>(element.data);
      default:
        fail("an array of numbers or characters", fmt::format("an element of type {}", element.type));
    }
  }

  std::string text(const Element& element) const {
    if (element.type == Type::utf8) return {element.data.begin(), element.data.end()};
    std::string result;
    for (const double value : numbers(element)) append_utf8(static_cast<std::uint32_t>(value), result);
    return result;
  }

  static void append_utf8(std::uint32_t code, std::string& text) {
    const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6);
      put(0x80 | (code & 0x3F));
    } else {
      put(0xE0 | (code >> 12 & 0x0F));
      put(0x80 | (code >> 6 & 0x3F));
      put(0x80 | (code & 0x3F));
    }
  }

  Bytes bytes_;
  const std::string& name_;
  bool swapped_;
  std::size_t at_ = 0;
};

std::string word(Bytes bytes) { return {bytes.begin(), std::find(bytes.begin(), bytes.end(), std::uint8_t{0})}; }

// The body of an element of type `matrix`: flags, sizes, name, contents.
std::pair<std::string, MatArray> Reader::array(int depth) {
  if (depth > max_depth) fail(fmt::format("nested at most {} levels", max_depth), "more");
  MatArray result;
  if (bytes_.empty()) return {"", result};  // an unset field or cell
  const auto flags = next({Type::uint32}, "flags of an array");
  if (flags.data.size() < 8) fail("flags of 8 bytes", std::to_string(flags.data.size()));
  const auto word_of_flags = number<std::uint32_t>(flags.data);
  const auto kind = word_of_flags & 0xFF;
  constexpr std::uint32_t complex_flag = 0x0800;
  if ((word_of_flags & complex_flag) != 0) fail("real numbers", "complex ones");

  const auto sizes = next({Type::int32}, "sizes of an array");
  std::int64_t count = 1;
  for (const double size : numbers(sizes)) {
    result.sizes.push_back(static_cast<std::int64_t>(size));
    if (size < 0 || (size > 0 && count > max_elements / static_cast<std::int64_t>(size))) {
      fail(fmt::format("arrays of at most {} elements", max_elements), "a larger one");
    }
    count *= static_cast<std::int64_t>(size);
  }
  auto name = word(next({Type::int8, Type::uint8, Type::utf8}, "the name of an array").data);

  const auto read_elements = [&](std::int64_t elements) {
    result.elements.reserve(static_cast<std::size_t>(std::min<std::int64_t>(elements, 1 << 20)));
    for (std::int64_t i = 0; i < elements; ++i) {
      result.elements.push_back(inside(next({Type::matrix}, "an array").data).array(depth + 1).second);
    }
  };
  if (kind == Class::cell_class) {
    result.kind = MatKind::cells;
    read_elements(count);
  } else if (kind == Class::struct_class) {
    result.kind = MatKind::structs;
    const auto length = next({Type::int32}, "the length of field names");
    const auto stride = length.data.size() == 4 ? number<std::int32_t>(length.data) : 0;
    const auto names = next({Type::int8, Type::uint8}, "field names").data;
    if (stride < 1) fail("field names of at least a byte", std::to_string(stride));
    for (std::size_t at = 0; at + static_cast<std::size_t>(stride) <= names.size(); at += static_cast<std::size_t>(stride)) {
      result.fields.push_back(word(names.subspan(at, static_cast<std::size_t>(stride))));
    }
    const auto fields = static_cast<std::int64_t>(result.fields.size());
    if (fields > 0 && count > max_elements / fields) fail(fmt::format("at most {} fields", max_elements), "more");
    read_elements(count * fields);
  } else if (kind == Class::char_class) {
    result.kind = MatKind::text;
    if (count > 0) result.text = text(next());
  } else if (kind >= Class::first_numeric && kind <= Class::last_numeric) {
    if (count > 0) result.numbers = numbers(next());
    if (static_cast<std::int64_t>(result.numbers.size()) != count) {
      fail(fmt::format("{} numbers in '{}'", count, name), std::to_string(result.numbers.size()));
    }
  } else {
    fail("numbers, texts, cells or structs", fmt::format("'{}' of class {}", name, kind));
  }
  return {std::move(name), std::move(result)};
}

std::vector<std::uint8_t> inflate_all(Bytes data, const Reader& reader) {
  std::vector<std::uint8_t> result(std::max<std::size_t>(1024, std::min(max_inflated, data.size() * 4)));
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) reader.fail("decompressible", "no memory");
  stream.next_in = const_cast<Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  int status = Z_OK;
  while (status == Z_OK && stream.total_out < max_inflated) {
    if (stream.total_out == result.size()) result.resize(2 * result.size());
    stream.next_out = result.data() + stream.total_out;
    stream.avail_out = static_cast<uInt>(result.size() - stream.total_out);
    const auto before = stream.total_out;
    status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_OK && stream.total_out == before && stream.avail_out > 0) break;  // nothing more to come
  }
  result.resize(stream.total_out);
  inflateEnd(&stream);
  if (status != Z_STREAM_END) reader.fail("whole compressed data", "a damaged or too large stream");
  return result;
}

}  // namespace

const MatArray& MatArray::field(std::int64_t index, const std::string& name) const {
  const auto found = std::find(fields.begin(), fields.end(), name);
  const auto count = static_cast<std::int64_t>(fields.size());
  const auto place = index * count + (found - fields.begin());
  if (kind != MatKind::structs || found == fields.end() || index < 0 || place >= static_cast<std::int64_t>(elements.size())) {
    detail::fail<DataError>("MatArray::field", name,
                            fmt::format("a field of {} structs", fields.empty() ? 0 : elements.size() / fields.size()),
                            fmt::format("struct {} with fields {}", index, fmt::join(fields, ", ")));
  }
  return elements[static_cast<std::size_t>(place)];
}

std::int64_t MatArray::size() const {
  std::int64_t count = sizes.empty() ? 0 : 1;
  for (const auto size : sizes) count *= size;
  return count;
}

std::map<std::string, MatArray> parse_mat(Bytes bytes, const std::string& name) {
  constexpr std::size_t header_size = 128;
  const Reader plain(bytes, name, false);
  constexpr std::string_view hdf5 = "MATLAB 7.3";
  if (bytes.size() >= hdf5.size() && std::equal(hdf5.begin(), hdf5.end(), bytes.begin())) {
    plain.fail("a MAT file of version 5 to 7", "version 7.3, which is HDF5");
  }
  if (bytes.size() < header_size) plain.fail("a MAT file of version 5", fmt::format("{} bytes", bytes.size()));
  const bool little = bytes[126] == 'I' && bytes[127] == 'M', big = bytes[126] == 'M' && bytes[127] == 'I';
  if (!little && !big) plain.fail("a MAT file of version 5", "a file without its mark of byte order");
  Reader reader(bytes.subspan(header_size), name, little != (std::endian::native == std::endian::little));

  std::map<std::string, MatArray> variables;
  while (!reader.at_end()) {
    const auto element = reader.next({Type::matrix, Type::compressed}, "an array");
    std::vector<std::uint8_t> inflated;
    auto body = element.data;
    if (element.type == Type::compressed) {
      inflated = inflate_all(element.data, reader);
      body = reader.inside(inflated).next({Type::matrix}, "an array").data;
    }
    auto [variable, array] = reader.inside(body).array(0);
    variables.insert_or_assign(std::move(variable), std::move(array));
  }
  return variables;
}

std::map<std::string, MatArray> read_mat(const std::string& path) { return parse_mat(read_file(path), path); }

}  // namespace diva::inline v0_1
