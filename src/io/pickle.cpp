#include "pickle.hpp"

#include <fmt/format.h>
#include <diva/core/checks.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "shown.hpp"

namespace diva::inline v0_1::detail {
namespace {

constexpr std::size_t max_pickle = std::size_t{1} << 25;
constexpr std::size_t max_dimensions = 64;  // LibTorch's own

enum Instruction : std::uint8_t {
  op_mark = '(',
  op_stop = '.',
  op_pop = '0',
  op_pop_mark = '1',
  op_dup = '2',
  op_binbytes = 'B',
  op_short_binbytes = 'C',
  op_binfloat = 'G',
  op_binint = 'J',
  op_binint1 = 'K',
  op_binint2 = 'M',
  op_none = 'N',
  op_binpersid = 'Q',
  op_reduce = 'R',
  op_binstring = 'T',
  op_short_binstring = 'U',
  op_binunicode = 'X',
  op_empty_list = ']',
  op_append = 'a',
  op_build = 'b',
  op_global = 'c',
  op_dict = 'd',
  op_appends = 'e',
  op_binget = 'h',
  op_long_binget = 'j',
  op_list = 'l',
  op_binput = 'q',
  op_long_binput = 'r',
  op_setitem = 's',
  op_tuple = 't',
  op_setitems = 'u',
  op_empty_dict = '}',
  op_empty_tuple = ')',
  op_proto = 0x80,
  op_newobj = 0x81,
  op_tuple1 = 0x85,
  op_tuple2 = 0x86,
  op_tuple3 = 0x87,
  op_newtrue = 0x88,
  op_newfalse = 0x89,
  op_long1 = 0x8a,
  op_long4 = 0x8b,
  op_short_binunicode = 0x8c,
  op_binunicode8 = 0x8d,
  op_binbytes8 = 0x8e,
  op_empty_set = 0x8f,
  op_additems = 0x90,
  op_frozenset = 0x91,
  op_newobj_ex = 0x92,
  op_stack_global = 0x93,
  op_memoize = 0x94,
  op_frame = 0x95,
  op_bytearray8 = 0x96,
};

using Kind = PickleGlobal::Kind;

struct StorageClass {
  std::string_view name;
  torch::ScalarType type;
};
constexpr std::array storage_classes{
    StorageClass{"FloatStorage", torch::kFloat32}, StorageClass{"DoubleStorage", torch::kFloat64},
    StorageClass{"HalfStorage", torch::kFloat16},  StorageClass{"BFloat16Storage", torch::kBFloat16},
    StorageClass{"LongStorage", torch::kInt64},    StorageClass{"IntStorage", torch::kInt32},
    StorageClass{"ShortStorage", torch::kInt16},   StorageClass{"CharStorage", torch::kInt8},
    StorageClass{"ByteStorage", torch::kUInt8},    StorageClass{"BoolStorage", torch::kBool},
    StorageClass{"UntypedStorage", torch::kUInt8}};

/// The list of names that a pickle may use.
std::vector<PickleGlobal> known_globals() {
  std::vector<PickleGlobal> globals{
      {"collections.OrderedDict", Kind::ordered_dict},
      {"torch._utils._rebuild_tensor", Kind::rebuild_tensor},
      {"torch._utils._rebuild_tensor_v2", Kind::rebuild_tensor},
      {"torch._utils._rebuild_parameter", Kind::rebuild_parameter},
      {"torch._utils._rebuild_parameter_with_state", Kind::rebuild_parameter},
      {"torch.Size", Kind::size},
      {"torch.device", Kind::device},
      {"_codecs.encode", Kind::encode},
      {"torch.storage.UntypedStorage", Kind::storage},
      {"torch.storage._UntypedStorage", Kind::storage},
      {"torch.nn.parameter.Parameter", Kind::tensor_class},
      {"torch.Tensor", Kind::tensor_class},
  };
  static const std::deque<std::string> names = [] {
    std::deque<std::string> list;
    for (const auto& [name, type] : storage_classes) list.push_back(fmt::format("torch.{}", name));
    for (const auto& [name, type] : storage_classes) {
      list.push_back(fmt::format("torch.{}Tensor", name.substr(0, name.size() - std::string_view("Storage").size())));
    }
    for (const auto* type : {"float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"}) {
      list.push_back(fmt::format("torch.{}", type));
    }
    return list;
  }();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto classes = storage_classes.size();
    const auto kind = i < classes ? Kind::storage : i < 2 * classes ? Kind::tensor_class : Kind::type;
    globals.push_back({names[i], kind, storage_classes[i % classes].type});
  }
  return globals;
}

const PickleGlobal* find_global(std::string_view name) {
  static const auto globals = known_globals();
  const auto found = std::find_if(globals.begin(), globals.end(), [&](const PickleGlobal& global) { return global.name == name; });
  return found == globals.end() ? nullptr : &*found;
}

}  // namespace

std::string_view storage_class(torch::ScalarType type) {
  const auto found =
      std::find_if(storage_classes.begin(), storage_classes.end(), [&](const auto& known) { return known.type == type; });
  return found == storage_classes.end() ? std::string_view() : found->name;
}

Unpickler::Unpickler(std::string function, std::span<const std::uint8_t> bytes, std::string file)
    : function_(std::move(function)), bytes_(bytes), file_(std::move(file)) {}

void Unpickler::refuse(std::string_view expected, std::string_view got) const {
  fail<IoError>(function_, fmt::format("the pickle of '{}', before byte {},", file_, position_), expected, got);
}

std::string Unpickler::kind_of(const PickleValue& value) {
  if (const auto* text = std::get_if<std::string_view>(&value)) return fmt::format("the text '{}'", shown(*text));
  if (const auto* number = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *number);
  if (const auto* global = std::get_if<const PickleGlobal*>(&value)) return shown((*global)->name);
  if (const auto* object = std::get_if<const PickleObject*>(&value)) return fmt::format("an object of {}", shown((*object)->name));
  constexpr std::array names{"None",
                             "a mark",
                             "an integer of more than 64 bits",
                             "a bool",
                             "",
                             "a float",
                             "",
                             "",
                             "a list or a tuple",
                             "a dictionary",
                             "a storage",
                             "a tensor",
                             "an object"};
  static_assert(names.size() == std::variant_size_v<PickleValue>);
  return names[value.index()];
}

std::span<const std::uint8_t> Unpickler::take(std::uint64_t count) {
  if (count > bytes_.size() - position_) {
    refuse(fmt::format("{} bytes more", count), fmt::format("{}", bytes_.size() - position_));
  }
  const auto part = bytes_.subspan(position_, count);
  position_ += count;
  return part;
}

std::uint64_t Unpickler::take_number(int bytes) {
  std::uint64_t value = 0;
  const auto part = take(static_cast<std::uint64_t>(bytes));
  for (std::size_t i = 0; i < part.size(); ++i) value |= std::uint64_t{part[i]} << (8 * i);
  return value;
}

PickleValue Unpickler::load(const Persistent& persistent) {
  stack_.clear();
  memo_.clear();
  start_ = position_;
  while (true) {
    const auto instruction = take(1)[0];
    if (position_ - start_ > max_pickle) refuse(fmt::format("of at most {} bytes", max_pickle), "more");
    if (instruction == op_stop) return pop();
    execute(instruction, persistent);
  }
}

void Unpickler::execute(std::uint8_t instruction, const Persistent& persistent) {
  switch (instruction) {
    case op_proto:
      if (const auto protocol = take_number(1); protocol > 5) refuse("of protocol 2 to 5", fmt::format("{}", protocol));
      return;
    case op_frame:
      take_number(8);
      return;
    case op_mark:
      return stack_.emplace_back(PickleMark{}), void();
    case op_pop:
      if (stack_.empty()) refuse("a value to drop", "none");
      stack_.pop_back();
      return;
    case op_pop_mark:
      pop_to_mark();
      return;
    case op_dup: {
      const auto value = pop();
      stack_.push_back(value);
      stack_.push_back(value);
      return;
    }
    case op_none:
      return stack_.emplace_back(PickleNone{}), void();
    case op_newtrue:
    case op_newfalse:
      return stack_.emplace_back(instruction == op_newtrue), void();
    case op_binint:
      return stack_.emplace_back(std::int64_t{static_cast<std::int32_t>(take_number(4))}), void();
    case op_binint1:
      return stack_.emplace_back(static_cast<std::int64_t>(take_number(1))), void();
    case op_binint2:
      return stack_.emplace_back(static_cast<std::int64_t>(take_number(2))), void();
    case op_long1:
      return push_long(take_number(1));
    case op_long4:
      return push_long(take_number(4));
    case op_binfloat: {
      std::uint64_t bits = 0;
      for (const auto byte : take(8)) bits = bits << 8 | byte;  // the one number with its large end first
      return stack_.emplace_back(std::bit_cast<double>(bits)), void();
    }
    case op_short_binunicode:
    case op_short_binstring:
    case op_short_binbytes:
      return push_text(take_number(1));
    case op_binunicode:
    case op_binstring:
    case op_binbytes:
      return push_text(take_number(4));
    case op_binunicode8:
    case op_binbytes8:
    case op_bytearray8:
      return push_text(take_number(8));
    case op_empty_list:
    case op_empty_tuple:
    case op_empty_set:
      return stack_.emplace_back(new_sequence({})), void();
    case op_tuple:
    case op_list:
    case op_frozenset: {
      auto items = pop_to_mark();
      return stack_.emplace_back(new_sequence(std::move(items))), void();
    }
    case op_tuple1:
    case op_tuple2:
    case op_tuple3:
      return push_tuple(std::size_t{instruction} - op_tuple1 + 1);
    case op_append: {
      const auto value = pop();
      if (on_object()) return;
      if (stack_.empty()) refuse("a list to append to", "nothing");
      return get<PickleSequence*>(stack_.back(), "a list to append to")->items.push_back(value);
    }
    case op_appends:
    case op_additems: {
      const auto items = pop_to_mark();
      if (on_object()) return;
      if (stack_.empty()) refuse("a list to append to", "nothing");
      auto& list = get<PickleSequence*>(stack_.back(), "a list to append to")->items;
      list.insert(list.end(), items.begin(), items.end());
      return;
    }
    case op_empty_dict:
      return stack_.emplace_back(&dictionaries_.emplace_back()), void();
    case op_dict: {
      const auto items = pop_to_mark();
      stack_.emplace_back(&dictionaries_.emplace_back());
      return set_items(items);
    }
    case op_setitem: {
      const auto value = pop(), key = pop();
      return set_items(std::array{key, value});
    }
    case op_setitems:
      return set_items(pop_to_mark());
    case op_binput:
      return push_memo(take_number(1));
    case op_long_binput:
      return push_memo(take_number(4));
    case op_memoize:
      return push_memo(memo_.size());
    case op_binget:
    case op_long_binget: {
      const auto index = take_number(instruction == op_binget ? 1 : 4);
      const auto found = memo_.find(index);
      if (found == memo_.end()) refuse("a value that was remembered", fmt::format("none of number {}", index));
      return stack_.push_back(found->second);
    }
    case op_global: {
      const auto line = [&] {
        const auto begin = position_;
        while (take(1)[0] != '\n') {
        }
        return std::string_view(reinterpret_cast<const char*>(bytes_.data()) + begin, position_ - begin - 1);
      };
      const auto module = line();
      return push_global(module, line());
    }
    case op_stack_global: {
      const auto name = get<std::string_view>(pop(), "a name as text"), module = get<std::string_view>(pop(), "a name as text");
      return push_global(module, name);
    }
    case op_binpersid:
      return stack_.push_back(persistent(pop()));
    case op_reduce:
    case op_newobj: {
      const auto arguments = pop(), function = pop();
      return stack_.push_back(call(function, arguments));
    }
    case op_newobj_ex: {
      pop();  // arguments by name, which no known class has
      const auto arguments = pop(), function = pop();
      return stack_.push_back(call(function, arguments));
    }
    case op_build:  // attributes of an object, such as the versions that a state dictionary carries: nothing that is kept here
      pop();
      if (on_object()) return;
      if (stack_.empty()) refuse("an OrderedDict to give attributes to", "nothing");
      get<PickleDictionary*>(stack_.back(), "an OrderedDict to give attributes to");
      return;
    default:
      refuse("made of the instructions that torch.save uses", fmt::format("instruction 0x{:02x}", instruction));
  }
}

PickleValue Unpickler::pop() {
  if (stack_.empty()) refuse("a value on the stack", "none");
  const auto value = stack_.back();
  if (std::holds_alternative<PickleMark>(value)) refuse("a value on the stack", "a mark");
  stack_.pop_back();
  return value;
}

bool Unpickler::on_object() const { return !stack_.empty() && std::holds_alternative<const PickleObject*>(stack_.back()); }

std::vector<PickleValue> Unpickler::pop_to_mark() {
  auto mark = stack_.end();
  while (mark != stack_.begin() && !std::holds_alternative<PickleMark>(*(mark - 1))) --mark;
  if (mark == stack_.begin()) refuse("a mark on the stack", "none");
  std::vector<PickleValue> items(mark, stack_.end());
  stack_.erase(mark - 1, stack_.end());
  return items;
}

PickleSequence* Unpickler::new_sequence(std::vector<PickleValue> items) {
  sequences_.push_back({std::move(items)});
  return &sequences_.back();
}

std::string_view Unpickler::new_text(std::string text) {
  spend(text.size());
  return texts_.emplace_back(std::move(text));
}

void Unpickler::spend(std::size_t bytes) {
  copied_ += bytes;
  if (copied_ > max_pickle) refuse("few copies of what it repeats", fmt::format("more than {} bytes of them", max_pickle));
}

void Unpickler::push_tuple(std::size_t count) {
  std::vector<PickleValue> items(count);
  for (auto item = items.rbegin(); item != items.rend(); ++item) *item = pop();
  stack_.emplace_back(new_sequence(std::move(items)));
}

void Unpickler::push_text(std::uint64_t bytes) {
  const auto text = take(bytes);
  stack_.emplace_back(std::string_view(reinterpret_cast<const char*>(text.data()), text.size()));
}

void Unpickler::push_long(std::uint64_t bytes) {
  const auto digits = take(bytes);
  if (digits.size() > 8) return stack_.emplace_back(PickleHuge{}), void();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) value |= std::uint64_t{digits[i]} << (8 * i);
  const bool negative = !digits.empty() && digits.back() >= 0x80;
  if (negative && digits.size() < 8) value |= ~std::uint64_t{0} << (8 * digits.size());
  stack_.emplace_back(static_cast<std::int64_t>(value));
}

void Unpickler::push_memo(std::uint64_t index) {
  if (stack_.empty()) refuse("a value to remember", "none");
  memo_[index] = stack_.back();
}

void Unpickler::push_global(std::string_view module, std::string_view name) {
  auto full = fmt::format("{}.{}", module, name);
  const auto* global = find_global(full);
  if (global == nullptr) global = &unknown_.emplace_back(PickleGlobal{new_text(std::move(full)), Kind::unknown});
  stack_.emplace_back(global);
}

void Unpickler::set_items(std::span<const PickleValue> flat) {
  if (on_object()) return;
  if (stack_.empty()) refuse("a dictionary to fill", "nothing");
  auto& items = get<PickleDictionary*>(stack_.back(), "a dictionary to fill")->items;
  if (flat.size() % 2 != 0) refuse("a value for each key", "a key alone");
  for (std::size_t i = 0; i < flat.size(); i += 2) items.emplace_back(flat[i], flat[i + 1]);
}

std::vector<std::int64_t> Unpickler::numbers(const PickleValue& value, std::string_view what) const {
  const auto& items = get<PickleSequence*>(value, what)->items;
  if (items.size() > max_dimensions) refuse(what, fmt::format("{} numbers", items.size()));
  std::vector<std::int64_t> result;
  for (const auto& item : items) result.push_back(get<std::int64_t>(item, what));
  return result;
}

PickleStorage* Unpickler::make_storage(torch::ScalarType type, std::int64_t size, std::string key) {
  storages_.push_back({type, size, std::move(key), {}});
  return &storages_.back();
}

const PickleTensor* Unpickler::make_tensor(PickleTensor tensor) {
  const auto& [storage, offset, sizes, strides] = tensor;
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  bool fits = sizes.size() == strides.size() && offset >= 0 && sizes.size() <= max_dimensions, empty = false;
  // Sizes of zero count as one in the product that must not overflow, since LibTorch multiplies the others too.
  std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(storage->type)), last = offset;
  for (std::size_t i = 0; i < sizes.size() && fits; ++i) {
    fits = sizes[i] >= 0 && strides[i] >= 0 && sizes[i] <= most / bytes;
    if (!fits) break;
    empty = empty || sizes[i] == 0;
    bytes *= std::max<std::int64_t>(sizes[i], 1);
    const auto steps = std::max<std::int64_t>(sizes[i] - 1, 0);
    fits = strides[i] == 0 || steps <= (most - last) / strides[i];
    if (fits) last += steps * strides[i];
  }
  if (!fits || (empty ? offset > storage->size : last >= storage->size)) {
    refuse(fmt::format("tensors within their storages, such as '{}' of {} elements", shown(storage->key), storage->size),
           fmt::format("one of {} dimensions that goes beyond", sizes.size()));
  }
  return &tensors_.emplace_back(std::move(tensor));
}

PickleValue Unpickler::rebuild_tensor(const std::vector<PickleValue>& arguments) {
  if (arguments.size() < 4)
    refuse("a tensor of a storage, an offset, sizes and strides", fmt::format("{} values", arguments.size()));
  return make_tensor({.storage = get<PickleStorage*>(arguments[0], "a storage to make a tensor of"),
                      .offset = get<std::int64_t>(arguments[1], "an offset"),
                      .sizes = numbers(arguments[2], "sizes of a tensor"),
                      .strides = numbers(arguments[3], "strides of a tensor")});
}

PickleValue Unpickler::call(const PickleValue& function, const PickleValue& arguments) {
  if (std::holds_alternative<const PickleObject*>(function)) return function;  // a functools.partial makes another unknown one
  const auto& global = *get<const PickleGlobal*>(function, "a name to call");
  if (global.kind == Kind::unknown) {
    if (global.name.starts_with("torch.")) refuse("made of dense tensors, which no other names of torch make", shown(global.name));
    return &objects_.emplace_back(PickleObject{global.name});
  }
  const auto& items = get<PickleSequence*>(arguments, "arguments")->items;
  switch (global.kind) {
    case Kind::ordered_dict: {
      auto* dictionary = &dictionaries_.emplace_back();
      if (items.empty()) return dictionary;
      const auto& pairs = get<PickleSequence*>(items[0], "pairs of an OrderedDict")->items;
      spend(pairs.size() * sizeof(dictionary->items[0]));
      for (const auto& item : pairs) {
        const auto& pair = get<PickleSequence*>(item, "a pair of an OrderedDict")->items;
        if (pair.size() != 2) refuse("a pair of an OrderedDict", fmt::format("{} values", pair.size()));
        dictionary->items.emplace_back(pair[0], pair[1]);
      }
      return dictionary;
    }
    case Kind::rebuild_tensor:
      return rebuild_tensor(items);
    case Kind::rebuild_parameter:
      if (items.empty()) refuse("a tensor for a parameter", "nothing");
      return get<const PickleTensor*>(items[0], "a tensor for a parameter");
    case Kind::size:
      if (items.empty()) return new_sequence({});
      return get<PickleSequence*>(items[0], "numbers of a torch.Size");
    case Kind::device: {
      if (items.empty()) refuse("the name of a device", "nothing");
      const auto name = get<std::string_view>(items[0], "the name of a device");
      if (items.size() == 1) return name;
      return new_text(fmt::format("{}:{}", name, get<std::int64_t>(items[1], "the number of a device")));
    }
    case Kind::encode: {  // bytes, in protocol 2 written as a text of their codes
      if (items.empty()) refuse("a text to encode", "nothing");
      std::string bytes;
      const auto text = get<std::string_view>(items[0], "a text to encode");
      for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
          bytes.push_back(text[i]);
        } else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < text.size()) {
          bytes.push_back(static_cast<char>((byte & 3) << 6 | (text[++i] & 0x3F)));
        } else {
          refuse("a text of characters below 256 to encode", "another");
        }
      }
      return new_text(std::move(bytes));
    }
    case Kind::unknown:
    case Kind::storage:
    case Kind::tensor_class:
    case Kind::type:
      break;
  }
  refuse("a function of torch.save's", global.name);
}

Pickler::Pickler() : bytes_("\x80\x02") {}

void Pickler::number(std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
}

void Pickler::global(std::string_view module, std::string_view name) { bytes_ += fmt::format("c{}\n{}\n", module, name); }

void Pickler::begin_dictionary() { bytes_ += "}("; }
void Pickler::end_dictionary() { op(op_setitems); }

void Pickler::text(std::string_view value) {
  op(op_binunicode);
  number(value.size(), 4);
  bytes_ += value;
}

void Pickler::integer(std::int64_t value) {
  if (value == static_cast<std::int32_t>(value)) {
    op(op_binint);
    number(static_cast<std::uint64_t>(value), 4);
  } else {
    bytes_ += "\x8a\x08";
    number(static_cast<std::uint64_t>(value), 8);
  }
}

void Pickler::tuple(torch::IntArrayRef values) {
  op(op_mark);
  for (const auto value : values) integer(value);
  op(op_tuple);
}

void Pickler::tensor(const torch::Tensor& tensor, const std::string& storage_key) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(tensor.dim()), 1);
  for (auto i = strides.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * std::max<std::int64_t>(tensor.size(static_cast<std::int64_t>(i)), 1);
  }
  global("torch._utils", "_rebuild_tensor_v2");
  op(op_mark);
  op(op_mark);
  text("storage");
  global("torch", storage_class(tensor.scalar_type()));
  text(storage_key);
  text("cpu");
  integer(tensor.numel());
  op(op_tuple);
  op(op_binpersid);
  integer(0);
  tuple(tensor.sizes());
  tuple(strides);
  op(static_cast<char>(op_newfalse));
  global("collections", "OrderedDict");
  op(op_empty_tuple);
  op(op_reduce);
  op(op_tuple);
  op(op_reduce);
}

std::string Pickler::finish() {
  op(op_stop);
  return std::move(bytes_);
}

}  // namespace diva::inline v0_1::detail
