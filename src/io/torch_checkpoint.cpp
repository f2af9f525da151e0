#include <fcntl.h>
#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>

#include "pickle.hpp"
#include "shown.hpp"
#include "zip_archive.hpp"

namespace diva::inline v0_1 {
namespace {

using detail::PickleDictionary;
using detail::PickleGlobal;
using detail::PickleObject;
using detail::PickleSequence;
using detail::PickleStorage;
using detail::PickleTensor;
using detail::PickleValue;
using detail::shown;
using detail::Unpickler;

using Bytes = std::span<const std::uint8_t>;

constexpr const char* reading = "read_torch_checkpoint";
constexpr const char* writing = "write_torch_checkpoint";
constexpr std::array<std::uint8_t, 4> zip_magic{'P', 'K', 3, 4};
/// The pickle, in protocol 2, of the number 0x1950a86a20f9469cfc6c, which a stream of pickles begins with.
constexpr std::array<std::uint8_t, 15> stream_magic{0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                                    0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};
constexpr std::string_view tar_magic = "ustar";
constexpr std::size_t tar_magic_offset = 257, tar_block = 512;

[[noreturn]] void refuse(const std::string& what, std::string_view expected, std::string_view got) {
  detail::fail<IoError>(reading, what, expected, got);
}

bool starts_with(Bytes bytes, Bytes start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

bool is_tar(Bytes bytes) {
  return bytes.size() >= tar_block && std::memcmp(bytes.data() + tar_magic_offset, tar_magic.data(), tar_magic.size()) == 0;
}

/// Bytes of `size` elements; refused where there are fewer than 2^63 only in theory.
std::uint64_t bytes_of(torch::ScalarType type, std::int64_t size, const Unpickler& pickle) {
  const auto element = static_cast<std::int64_t>(c10::elementSize(type));
  if (size < 0 || size > std::numeric_limits<std::int64_t>::max() / element) {
    pickle.refuse("storages that memory can hold", fmt::format("one of {} elements", size));
  }
  return static_cast<std::uint64_t>(size * element);
}

/// Copied bytes as values; a bool other than 0 and 1 is undefined behaviour in C++.
torch::Tensor values_of(const torch::Tensor& bytes, torch::ScalarType type, const std::string& what) {
  if (type == torch::kBool && bytes.gt(1).any().item<bool>()) refuse(what, "of bytes 0 and 1", "others");
  return bytes.view(type);
}

torch::Tensor copied(Bytes bytes) {
  auto tensor = torch::empty({static_cast<std::int64_t>(bytes.size())}, torch::kUInt8);
  std::copy(bytes.begin(), bytes.end(), tensor.data_ptr<std::uint8_t>());
  return tensor;
}

torch::ScalarType storage_type(const Unpickler& pickle, const PickleValue& value) {
  const auto* global = pickle.get<const PickleGlobal*>(value, "the class of a storage");
  if (global->kind != PickleGlobal::Kind::storage) pickle.refuse("the class of a storage", global->name);
  return global->scalar;
}

/// ('storage', class, key, device, size) and, in a stream of pickles, what part of it is a view.
const std::vector<PickleValue>& storage_id(const Unpickler& pickle, const PickleValue& id, std::size_t fields) {
  const auto& items = pickle.get<PickleSequence*>(id, "a tuple that names a storage")->items;
  if (items.size() != fields) pickle.refuse(fmt::format("{} values that name a storage", fields), fmt::format("{}", items.size()));
  if (pickle.get<std::string_view>(items[0], "the word 'storage'") != "storage") {
    pickle.refuse("tensors only, not whole modules", fmt::format("'{}'", shown(std::get<std::string_view>(items[0]))));
  }
  return items;
}

/// The tree of a pickle as names with dots.
class Flattening {
 public:
  /// Names and texts are as long as the pickle makes them, repeated as often as it refers to them: their sum is bounded.
  Flattening(const std::string& file, std::size_t pickle_bytes) : file_(file), budget_(4096 + 32 * pickle_bytes) {}

  State operator()(const PickleValue& root) {
    const bool container = std::holds_alternative<PickleSequence*>(root) || std::holds_alternative<PickleDictionary*>(root);
    add(container ? "" : "tensor", root, 0);
    return std::move(state_);
  }

 private:
  void add(const std::string& name, const PickleValue& value, int depth) {
    if (depth > 64) refuse(fmt::format("'{}'", file_), "of containers at most 64 deep", "more");
    spend(name.size() + 1);
    if (const auto* const* sequence = std::get_if<PickleSequence*>(&value)) {
      for (std::size_t i = 0; i < (*sequence)->items.size(); ++i)
        add(joined(name, std::to_string(i)), (*sequence)->items[i], depth + 1);
    } else if (const auto* const* dictionary = std::get_if<PickleDictionary*>(&value)) {
      for (const auto& [key, item] : (*dictionary)->items) add(joined(name, key_text(name, key)), item, depth + 1);
    } else if (const auto* const* tensor = std::get_if<const PickleTensor*>(&value)) {
      const auto& values = (*tensor)->storage->values;
      put(name, values.as_strided((*tensor)->sizes, (*tensor)->strides, values.storage_offset() + (*tensor)->offset));
    } else if (const auto* const* storage = std::get_if<PickleStorage*>(&value)) {
      put(name, (*storage)->values);
    } else if (const auto* truth = std::get_if<bool>(&value)) {
      put(name, torch::tensor(*truth));
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      put(name, torch::tensor(*integer));
    } else if (const auto* real = std::get_if<double>(&value)) {
      put(name, torch::tensor(*real, torch::kFloat64));
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      put(name, *text);
    } else if (const auto* const* object = std::get_if<const PickleObject*>(&value)) {
      put(name, fmt::format("<{}>", shown((*object)->name)));
    } else if (const auto* const* global = std::get_if<const PickleGlobal*>(&value)) {
      if ((*global)->kind == PickleGlobal::Kind::unknown) put(name, fmt::format("<{}>", shown((*global)->name)));
    }
  }

  void spend(std::size_t bytes) {
    if (bytes > budget_) refuse(fmt::format("'{}'", file_), "without values that occur again and again", "such ones");
    budget_ -= bytes;
  }

  void put(const std::string& name, torch::Tensor tensor) {
    if (!state_.tensors.emplace(name, std::move(tensor)).second) twice(name);
  }

  void put(const std::string& name, std::string_view text) {
    spend(text.size());
    if (!state_.texts.emplace(name, text).second) twice(name);
  }

  static std::string joined(const std::string& name, const std::string& key) { return name.empty() ? key : name + "." + key; }

  std::string key_text(const std::string& name, const PickleValue& key) const {
    if (const auto* text = std::get_if<std::string_view>(&key)) return std::string(*text);
    if (const auto* number = std::get_if<std::int64_t>(&key)) return std::to_string(*number);
    refuse(fmt::format("the dictionary '{}' of '{}'", shown(name), file_), "of keys that are texts or whole numbers", "others");
  }

  [[noreturn]] void twice(const std::string& name) const {
    refuse(fmt::format("'{}' of '{}'", shown(name), file_), "the only entry of its name, containers joined by dots", "twice");
  }

  const std::string& file_;
  std::size_t budget_;
  State state_;
};

// --- The zip archive: PREFIX/data.pkl, and PREFIX/data/KEY for each storage.

State parse_zip(Bytes bytes, const std::string& file) {
  const detail::ZipArchive archive(reading, bytes, file);
  std::string pickle_name;
  for (const auto& name : archive.names()) {
    if (name == "data.pkl" || name.ends_with("/data.pkl")) pickle_name = name;
  }
  if (pickle_name.empty()) refuse(fmt::format("'{}'", file), "an archive of torch.save, with data.pkl", "another one");
  const auto prefix = pickle_name.substr(0, pickle_name.size() - std::string_view("data.pkl").size());
  if (archive.contains(prefix + "constants.pkl")) {
    refuse(fmt::format("'{}'", file), "tensors that torch.save wrote", "a TorchScript program, which make_backbone takes");
  }
  const auto whole = [&](const std::string& name) {
    std::vector<std::uint8_t> content(archive.size(name));
    archive.read(name, content);
    return content;
  };
  if (archive.contains(prefix + "byteorder")) {
    const auto order = whole(prefix + "byteorder");
    if (std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) != "little") {
      refuse(fmt::format("'{}'", file), "of little-endian values", "others");
    }
  }
  if (archive.size(pickle_name) > std::size_t{1} << 25) {
    refuse(fmt::format("entry '{}' of '{}'", shown(pickle_name), file), "of at most 2^25 bytes",
           fmt::format("{}", archive.size(pickle_name)));
  }
  const auto program = whole(pickle_name);
  Unpickler pickle(reading, program, file);
  std::map<std::string, torch::Tensor> memory;  // by storage
  std::map<std::pair<std::string, torch::ScalarType>, PickleStorage*> storages;
  const auto root = pickle.load([&](const PickleValue& id) -> PickleValue {
    const auto& items = storage_id(pickle, id, 5);
    const auto type = storage_type(pickle, items[1]);
    const std::string key(pickle.get<std::string_view>(items[2], "the key of a storage"));
    const auto size = pickle.get<std::int64_t>(items[4], "the size of a storage");
    auto& storage = storages[{key, type}];
    if (storage == nullptr) {
      const auto name = fmt::format("{}data/{}", prefix, key);
      const auto count = bytes_of(type, size, pickle);
      if (archive.size(name) != count) {
        refuse(fmt::format("entry '{}' of '{}'", shown(name), file), fmt::format("of {} bytes, as the pickle says", count),
               fmt::format("{}", archive.size(name)));
      }
      auto& values = memory[key];
      if (!values.defined()) {
        values = torch::empty({static_cast<std::int64_t>(count)}, torch::kUInt8);
        archive.read(name, {values.data_ptr<std::uint8_t>(), count});
      }
      storage = pickle.make_storage(type, size, key);
      storage->values = values_of(values, type, fmt::format("entry '{}' of '{}'", shown(name), file));
    }
    if (storage->size != size) pickle.refuse("one size for a storage", fmt::format("{} and {}", storage->size, size));
    return storage;
  });
  return Flattening(file, program.size())(root);
}

// --- The stream of pickles: magic, version, machine, value, keys of storages; then the storages, each its size and its bytes.

State parse_stream(Bytes bytes, const std::string& file) {
  Unpickler pickle(reading, bytes, file);
  pickle.take(stream_magic.size());
  const auto nothing = [&](const PickleValue&) -> PickleValue { pickle.refuse("no storage here", "one"); };
  const auto version = pickle.get<std::int64_t>(pickle.load(nothing), "the version of the format");
  if (version != 1001) pickle.refuse("version 1001 of the format", fmt::format("{}", version));
  for (const auto& [key, value] : pickle.get<PickleDictionary*>(pickle.load(nothing), "a description of the machine")->items) {
    const auto* name = std::get_if<std::string_view>(&key);
    const auto* little = std::get_if<bool>(&value);
    if (name != nullptr && little != nullptr && *name == "little_endian" && !*little)
      pickle.refuse("little-endian values", "others");
  }

  struct View {
    PickleStorage* view;
    PickleStorage* root;
    std::int64_t offset;
  };
  std::map<std::string, PickleStorage*> storages, views;
  std::vector<View> all_views;
  const auto begin = pickle.position();
  const auto root = pickle.load([&](const PickleValue& id) -> PickleValue {
    const auto& items = storage_id(pickle, id, 6);
    const auto type = storage_type(pickle, items[1]);
    const std::string key(pickle.get<std::string_view>(items[2], "the key of a storage"));
    const auto size = pickle.get<std::int64_t>(items[4], "the size of a storage");
    bytes_of(type, size, pickle);
    auto& storage = storages[key];
    if (storage == nullptr) storage = pickle.make_storage(type, size, key);
    if (storage->size != size || storage->type != type) pickle.refuse("one form for a storage", "two");
    if (std::holds_alternative<detail::PickleNone>(items[5])) return storage;
    const auto& part = pickle.get<PickleSequence*>(items[5], "a part of a storage")->items;
    if (part.size() != 3) pickle.refuse("the key, offset and size of a part of a storage", fmt::format("{} values", part.size()));
    const std::string part_key(pickle.get<std::string_view>(part[0], "the key of a part"));
    const auto offset = pickle.get<std::int64_t>(part[1], "an offset"), count = pickle.get<std::int64_t>(part[2], "a size");
    if (offset < 0 || count < 0 || offset > size || count > size - offset) {
      pickle.refuse("parts within their storages", fmt::format("{} elements at {} of {}", count, offset, size));
    }
    auto& view = views[part_key];
    if (view == nullptr) {
      view = pickle.make_storage(type, count, part_key);
      all_views.push_back({view, storage, offset});
    }
    return view;
  });
  const auto pickle_bytes = pickle.position() - begin;

  const auto keys = pickle.get<PickleSequence*>(pickle.load(nothing), "the keys of the storages")->items;
  for (const auto& item : keys) {
    const std::string key(pickle.get<std::string_view>(item, "the key of a storage"));
    const auto found = storages.find(key);
    if (found == storages.end() || found->second->values.defined()) {
      pickle.refuse("each storage that a tensor uses, once", fmt::format("'{}'", shown(key)));
    }
    auto& storage = *found->second;
    const auto size = static_cast<std::int64_t>(pickle.take_number(8));
    if (size != storage.size) pickle.refuse(fmt::format("a storage of {} elements", storage.size), fmt::format("{}", size));
    storage.values = values_of(copied(pickle.take(bytes_of(storage.type, size, pickle))), storage.type,
                               fmt::format("storage '{}' of '{}'", shown(key), file));
  }
  for (const auto& [key, storage] : storages) {
    if (!storage->values.defined())
      pickle.refuse("followed by each storage that a tensor uses", fmt::format("no '{}'", shown(key)));
  }
  if (pickle.position() != bytes.size()) {
    pickle.refuse("the end of the file after the storages", fmt::format("{} bytes more", bytes.size() - pickle.position()));
  }
  for (const auto& [view, storage, offset] : all_views) view->values = storage->values.narrow(0, offset, view->size);
  return Flattening(file, pickle_bytes)(root);
}

// --- The tar archive: its members storages and tensors describe what the pickle refers to by numbers.

std::map<std::string, Bytes> tar_members(Bytes bytes, const std::string& file) {
  std::map<std::string, Bytes> members;
  for (std::size_t at = 0; bytes.size() - at >= tar_block && bytes[at] != 0;) {
    const auto text = [&](std::size_t offset, std::size_t size) {
      const auto* begin = reinterpret_cast<const char*>(bytes.data()) + at + offset;
      return std::string(begin, std::find(begin, begin + size, '\0'));
    };
    const auto name = text(0, 100), size_text = text(124, 12);
    std::uint64_t size = 0;
    std::from_chars(size_text.data(), size_text.data() + size_text.size(), size, 8);
    at += tar_block;
    if (size > bytes.size() - at) {
      refuse(fmt::format("member '{}' of '{}'", shown(name), file), fmt::format("of {} bytes", size), "a shorter file");
    }
    members[name] = bytes.subspan(at, size);
    at += std::min<std::size_t>((size + tar_block - 1) / tar_block * tar_block, bytes.size() - at);
  }
  return members;
}

State parse_tar(Bytes bytes, const std::string& file) {
  const auto members = tar_members(bytes, file);
  const auto member = [&](const std::string& name) {
    const auto found = members.find(name);
    if (found == members.end()) refuse(fmt::format("'{}'", file), fmt::format("an archive of torch.save, with '{}'", name), "none");
    return found->second;
  };
  std::map<std::int64_t, PickleValue> objects;
  const auto storage_of = [&](const Unpickler& pickle, const PickleValue& key) {
    const auto found = objects.find(pickle.get<std::int64_t>(key, "the number of a storage"));
    if (found == objects.end()) pickle.refuse("the number of a storage", fmt::format("{}", std::get<std::int64_t>(key)));
    return pickle.get<PickleStorage*>(found->second, "the number of a storage");
  };
  const auto fields = [](const Unpickler& pickle, const PickleValue& value, std::size_t count, const char* what) {
    const auto& items = pickle.get<PickleSequence*>(value, what)->items;
    if (items.size() != count) pickle.refuse(what, fmt::format("{} values", items.size()));
    return items;
  };
  const auto nothing = [](const PickleValue& value) { return value; };

  Unpickler storages(reading, member("storages"), file);
  auto count = storages.get<std::int64_t>(storages.load(nothing), "the number of storages");
  for (; count > 0; --count) {
    const auto items = fields(storages, storages.load(nothing), 3, "the key, place and class of a storage");
    const auto type = storage_type(storages, items[2]);
    const auto size = static_cast<std::int64_t>(storages.take_number(8));
    const auto data = storages.take(bytes_of(type, size, storages));
    const auto number = storages.get<std::int64_t>(items[0], "the number of a storage");
    auto* storage = storages.make_storage(type, size, std::to_string(number));
    storage->values = values_of(copied(data), type, fmt::format("storage {} of '{}'", number, file));
    objects[number] = storage;
  }
  const auto views = storages.get<PickleSequence*>(storages.load(nothing), "a list of parts of storages")->items;
  for (const auto& view : views) {
    const auto items = fields(storages, view, 4, "the key, storage, offset and size of a part");
    const auto* root = storage_of(storages, items[1]);
    const auto offset = storages.get<std::int64_t>(items[2], "an offset"), size = storages.get<std::int64_t>(items[3], "a size");
    if (offset < 0 || size < 0 || offset > root->size || size > root->size - offset) {
      storages.refuse("parts within their storages", fmt::format("{} elements at {} of {}", size, offset, root->size));
    }
    auto* part = storages.make_storage(root->type, size, "a part of " + root->key);
    part->values = root->values.narrow(0, offset, size);
    objects[storages.get<std::int64_t>(items[0], "the number of a storage")] = part;
  }

  Unpickler tensors(reading, member("tensors"), file);
  count = tensors.get<std::int64_t>(tensors.load(nothing), "the number of tensors");
  for (; count > 0; --count) {
    const auto items = fields(tensors, tensors.load(nothing), 3, "the key, storage and class of a tensor");
    PickleTensor tensor;
    tensor.storage = storage_of(tensors, items[1]);
    const auto dimensions = tensors.take_number(8) & 0xFFFFFFFF;  // the upper half is filling
    if (dimensions > 64) tensors.refuse("at most 64 dimensions", fmt::format("{}", dimensions));
    for (auto* numbers : {&tensor.sizes, &tensor.strides}) {
      for (std::uint64_t i = 0; i < dimensions; ++i) numbers->push_back(static_cast<std::int64_t>(tensors.take_number(8)));
    }
    tensor.offset = static_cast<std::int64_t>(tensors.take_number(8));
    objects[tensors.get<std::int64_t>(items[0], "the number of a tensor")] = tensors.make_tensor(std::move(tensor));
  }

  Unpickler pickle(reading, member("pickle"), file);
  const auto root = pickle.load([&](const PickleValue& id) -> PickleValue {
    const auto text = pickle.get<std::string_view>(id, "the number of a tensor as text");
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto found = error == std::errc() && end == text.data() + text.size() ? objects.find(number) : objects.end();
    if (found == objects.end()) pickle.refuse("the number of a tensor as text", fmt::format("'{}'", shown(text)));
    return found->second;
  });
  return Flattening(file, pickle.position())(root);
}

State parse(Bytes bytes, const std::string& file) {
  if (starts_with(bytes, zip_magic)) return parse_zip(bytes, file);
  if (starts_with(bytes, stream_magic)) return parse_stream(bytes, file);
  if (is_tar(bytes)) return parse_tar(bytes, file);
  refuse(fmt::format("'{}'", file), "a file that torch.save wrote", fmt::format("{} bytes of another kind", bytes.size()));
}

/// The file mapped; a view of nothing for an empty one.
std::pair<std::shared_ptr<std::uint8_t>, Bytes> mapped(const char* function, const std::string& path) {
  const detail::Descriptor file(function, path, O_RDONLY, "a readable file");
  const auto size = detail::file_size(function, path, file.get());
  if (size == 0) return {};
  auto map = detail::map_file(function, path, file.get(), size);
  const Bytes bytes(map.get(), size);
  return {std::move(map), bytes};
}

}  // namespace

State read_torch_checkpoint(const std::string& path) {
  const auto [map, bytes] = mapped(reading, path);
  return parse(bytes, path);
}

State parse_torch_checkpoint(std::span<const std::uint8_t> bytes, const std::string& name) { return parse(bytes, name); }

void write_torch_checkpoint(const std::string& path, const State& state) {
  detail::Pickler pickle;
  pickle.begin_dictionary();
  std::size_t number = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const auto what = fmt::format("tensor '{}' of '{}'", name, path);
    if (!tensor.defined() || tensor.layout() != torch::kStrided || detail::storage_class(tensor.scalar_type()).empty()) {
      detail::fail<IoError>(writing, what, "defined, dense, and of real, whole or boolean values", detail::describe(tensor));
    }
    if (state.texts.contains(name)) detail::fail<IoError>(writing, what, "the only entry of its name", "a text also");
    pickle.text(name);
    pickle.tensor(tensor, std::to_string(number++));
  }
  for (const auto& [name, text] : state.texts) {
    pickle.text(name);
    pickle.text(text);
  }
  pickle.end_dictionary();
  const auto program = pickle.finish();

  AtomicFile file(path);
  detail::ZipWriter archive(file);
  const auto add_text = [&](const std::string& name, std::string_view text) {
    archive.add("archive/" + name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  };
  add_text("data.pkl", program);
  add_text("byteorder", "little");
  number = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const auto values = tensor.detach().resolve_neg().to(torch::kCPU).contiguous();
    archive.add(fmt::format("archive/data/{}", number++), {static_cast<const std::uint8_t*>(values.data_ptr()), values.nbytes()});
  }
  add_text("version", "3\n");
  archive.finish();
  file.commit();
}

State read_weights(const std::string& path) {
  const auto [map, bytes] = mapped("read_weights", path);
  if (starts_with(bytes, zip_magic) || starts_with(bytes, stream_magic) || is_tar(bytes)) return parse(bytes, path);
  return read_safetensors(path);
}

}  // namespace diva::inline v0_1
