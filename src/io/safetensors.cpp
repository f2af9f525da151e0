#include <fcntl.h>
#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/io/safetensors.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace diva::inline v0_1 {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors stores little-endian values, which are copied as they are");

using Json = nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t length_bytes = 8;
constexpr std::uint64_t max_header = 100'000'000;  // the format's own limit

struct Type {
  const char* name;
  torch::ScalarType type;
};
constexpr std::array types{Type{"F64", torch::kFloat64},   Type{"F32", torch::kFloat32}, Type{"F16", torch::kFloat16},
                           Type{"BF16", torch::kBFloat16}, Type{"I64", torch::kInt64},   Type{"I32", torch::kInt32},
                           Type{"I16", torch::kInt16},     Type{"I8", torch::kInt8},     Type{"U8", torch::kUInt8},
                           Type{"BOOL", torch::kBool}};
constexpr const char* type_names = "F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL";

struct Entry {
  std::string name;
  torch::ScalarType type;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

std::string tensor_of(const std::string& name, const std::string& file) { return fmt::format("tensor '{}' of '{}'", name, file); }

[[noreturn]] void fail_read(const std::string& what, std::string_view expected, std::string_view got) {
  detail::fail<IoError>("read_safetensors", what, expected, got);
}

std::string shown(const Json& value) {
  const auto text = value.dump();
  return text.size() <= 200 ? text : text.substr(0, 200) + " …";
}

/// The header as JSON; stops at a name that occurs twice and at lists or objects deeper than the format has any.
Json parse_header(std::span<const std::uint8_t> text, const std::string& file) {
  const auto header = fmt::format("the header of '{}'", file);
  if (text.empty() || text[0] != '{') fail_read(header, "a JSON object", "something else");
  std::array<std::set<std::string>, 3> seen;  // the names so far of the objects that are open, outermost first
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) {
      if (depth > 2) fail_read(header, "at most three levels deep", "more");
      seen[static_cast<std::size_t>(depth)].clear();
    } else if (event == Json::parse_event_t::key &&
               !seen[static_cast<std::size_t>(depth) - 1].insert(value.get<std::string>()).second) {
      fail_read(header, "without a name that occurs twice", fmt::format("'{}' again", value.get<std::string>()));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception& error) {
    fail_read(header, "valid JSON", error.what());
  }
}

Entry parse_entry(const std::string& name, const Json& value, const std::string& file) {
  const auto what = tensor_of(name, file);
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    fail_read(what, "described by dtype, shape and data_offsets", shown(value));
  }
  const auto& dtype = value["dtype"];
  const auto type = std::find_if(types.begin(), types.end(), [&](const Type& candidate) { return dtype == candidate.name; });
  if (type == types.end()) fail_read(what, fmt::format("of type {}", type_names), shown(dtype));

  const auto unsigned_list = [&](const Json& list) {
    return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& number) { return number.is_number_unsigned(); });
  };
  const auto& shape = value["shape"];
  const auto& offsets = value["data_offsets"];
  if (!unsigned_list(shape)) fail_read(what, "of a shape of whole numbers", shown(shape));
  if (!unsigned_list(offsets) || offsets.size() != 2) fail_read(what, "at two whole numbers as data_offsets", shown(offsets));

  Entry entry{.name = name, .type = type->type, .shape = {}, .begin = offsets[0], .end = offsets[1]};
  // Sizes of zero count as one in the product that must not overflow, since strides are made the same way.
  std::uint64_t bytes = c10::elementSize(type->type), bound = bytes;
  for (const auto& number : shape) {
    const auto size = number.get<std::uint64_t>();
    if (size > std::numeric_limits<std::int64_t>::max() / bound) fail_read(what, "of a shape that memory can hold", shown(shape));
    bound *= std::max<std::uint64_t>(size, 1);
    bytes *= size;
    entry.shape.push_back(static_cast<std::int64_t>(size));
  }
  if (entry.end < entry.begin || entry.end - entry.begin != bytes) {
    fail_read(what, fmt::format("of {} bytes, as its shape {} of {} has", bytes, shown(shape), type->name),
              fmt::format("data_offsets {}", shown(offsets)));
  }
  return entry;
}

std::map<std::string, std::string> parse_metadata(const Json& value, const std::string& file) {
  const auto what = fmt::format("{} of '{}'", metadata_key, file);
  if (!value.is_object()) fail_read(what, "an object of texts", shown(value));
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : value.items()) {
    if (!text.is_string()) fail_read(what, fmt::format("a text for '{}'", name), shown(text));
    texts[name] = text.get<std::string>();
  }
  return texts;
}

torch::Tensor unplaced(const Entry&, std::uint64_t) { return {}; }

/// `read(bytes, offset)` fills the bytes from the file or returns how many there were. `place(entry, offset)` gives the tensor
/// where its bytes are in memory already, or an undefined one to have them read.
template <class Read, class Place = decltype(&unplaced)>
State parse(std::uint64_t file_size, const std::string& file, Read&& read, Place&& place = &unplaced) {
  const auto fill = [&](std::span<std::uint8_t> bytes, std::uint64_t offset) {
    if (read(bytes, offset) != bytes.size())
      fail_read(fmt::format("'{}'", file), fmt::format("of {} bytes still", file_size), "fewer");
  };
  if (file_size < length_bytes) {
    fail_read(fmt::format("'{}'", file), "a safetensors file of at least 8 bytes", fmt::format("{}", file_size));
  }
  std::array<std::uint8_t, length_bytes> length{};
  fill(length, 0);
  const auto header_size = std::bit_cast<std::uint64_t>(length);
  if (header_size > std::min(max_header, file_size - length_bytes)) {
    fail_read(fmt::format("the header of '{}'", file),
              fmt::format("at most {} bytes", std::min(max_header, file_size - length_bytes)), fmt::format("{}", header_size));
  }
  std::vector<std::uint8_t> text(header_size);
  fill(text, length_bytes);
  const auto header = parse_header(text, file);

  State state;
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == metadata_key) {
      state.texts = parse_metadata(value, file);
    } else {
      entries.push_back(parse_entry(name, value, file));
    }
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  const auto data_start = length_bytes + header_size, data_size = file_size - data_start;
  std::uint64_t end = 0;
  for (const auto& entry : entries) {
    if (entry.begin != end) {
      fail_read(tensor_of(entry.name, file), fmt::format("at offset {}, where the one before ends", end),
                fmt::format("{}", entry.begin));
    }
    end = entry.end;
  }
  if (end != data_size) {
    fail_read(fmt::format("'{}'", file), fmt::format("{} bytes of data after its header, as the tensors need", end),
              fmt::format("{}", data_size));
  }

  for (const auto& entry : entries) {
    if (auto placed = place(entry, data_start + entry.begin); placed.defined()) {
      state.tensors.emplace(entry.name, std::move(placed));
      continue;
    }
    auto tensor = torch::empty(entry.shape, entry.type);
    const std::span bytes(static_cast<std::uint8_t*>(tensor.data_ptr()), entry.end - entry.begin);
    fill(bytes, data_start + entry.begin);
    if (entry.type == torch::kBool) {
      const auto wrong = std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte > 1; });
      if (wrong != bytes.end()) fail_read(tensor_of(entry.name, file), "of bytes 0 and 1", fmt::format("{}", *wrong));
    }
    state.tensors.emplace(entry.name, std::move(tensor));
  }
  return state;
}

[[noreturn]] void fail_write(const std::string& what, std::string_view expected, std::string_view got) {
  detail::fail<IoError>("write_safetensors", what, expected, got);
}

const char* type_name(const std::string& name, const torch::Tensor& tensor, const std::string& file) {
  if (!tensor.defined() || tensor.layout() != torch::kStrided)
    fail_write(tensor_of(name, file), "defined and dense", detail::describe(tensor));
  const auto type =
      std::find_if(types.begin(), types.end(), [&](const Type& candidate) { return candidate.type == tensor.scalar_type(); });
  if (type == types.end()) fail_write(tensor_of(name, file), fmt::format("of type {}", type_names), detail::describe(tensor));
  return type->name;
}

}  // namespace

State read_safetensors(const std::string& path) {
  const detail::Descriptor file("read_safetensors", path, O_RDONLY, "a readable file");
  return parse(detail::file_size("read_safetensors", path, file.get()), path,
               [&](std::span<std::uint8_t> bytes, std::uint64_t offset) {
                 return detail::read_at("read_safetensors", path, file.get(), bytes, offset);
               });
}

State map_safetensors(const std::string& path) {
  const detail::Descriptor file("read_safetensors", path, O_RDONLY, "a readable file");
  const auto size = detail::file_size("read_safetensors", path, file.get());
  std::shared_ptr<std::uint8_t> map;  // made only once the header is known to be good
  return parse(
      size, path,
      [&](std::span<std::uint8_t> bytes, std::uint64_t offset) {
        return detail::read_at("read_safetensors", path, file.get(), bytes, offset);
      },
      [&](const Entry& entry, std::uint64_t offset) -> torch::Tensor {
        if (entry.type == torch::kBool || entry.begin == entry.end || offset % c10::elementSize(entry.type) != 0) return {};
        if (!map) map = detail::map_file("map_safetensors", path, file.get(), size);
        return torch::from_blob(
            map.get() + offset, entry.shape, [map](void*) {}, entry.type);
      });
}

State parse_safetensors(std::span<const std::uint8_t> bytes, const std::string& name) {
  return parse(bytes.size(), name, [&](std::span<std::uint8_t> target, std::uint64_t offset) {
    const auto source = bytes.subspan(offset, target.size());
    std::copy(source.begin(), source.end(), target.begin());
    return source.size();
  });
}

void write_safetensors(const std::string& path, const State& state) {
  std::vector<std::pair<std::string, torch::Tensor>> tensors(state.tensors.begin(), state.tensors.end());
  Json header = Json::object();
  if (!state.texts.empty()) header[metadata_key] = state.texts;
  for (const auto& [name, tensor] : tensors) {
    if (name == metadata_key) fail_write(tensor_of(name, path), "of another name, which the format reserves", "this one");
    type_name(name, tensor, path);
  }
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](const auto& a, const auto& b) { return a.second.element_size() > b.second.element_size(); });
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto end = offset + tensor.nbytes();
    header[name] = {{"dtype", type_name(name, tensor, path)}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    fail_write(fmt::format("the names and texts of '{}'", path), "UTF-8", error.what());
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  if (text.size() > max_header)
    fail_write(fmt::format("the header of '{}'", path), fmt::format("at most {} bytes", max_header),
               fmt::format("{}", text.size()));

  AtomicFile file(path);
  file.write(std::bit_cast<std::array<std::uint8_t, length_bytes>>(static_cast<std::uint64_t>(text.size())));
  file.write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  for (const auto& [name, tensor] : tensors) {
    const auto values = tensor.detach().resolve_neg().to(torch::kCPU).contiguous();
    file.write({static_cast<const std::uint8_t*>(values.data_ptr()), values.nbytes()});
  }
  file.commit();
}

}  // namespace diva::inline v0_1
