#pragma once

#include <torch/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace diva::inline v0_1::detail {

struct PickleSequence;
struct PickleDictionary;
struct PickleObject;
struct PickleStorage;
struct PickleTensor;

struct PickleNone {};
/// The place of a MARK on the stack; never a value of the result.
struct PickleMark {};
/// A whole number that 64 bits do not hold.
struct PickleHuge {};

/// A name that a pickle refers to, of a class or a function, which is never run. Those of torch.save's have a meaning here; of the
/// others nothing is known but the name.
struct PickleGlobal {
  enum class Kind { unknown, ordered_dict, rebuild_tensor, rebuild_parameter, size, device, encode, storage, tensor_class, type };
  std::string_view name;  ///< "torch._utils._rebuild_tensor_v2"
  Kind kind;
  torch::ScalarType scalar = torch::kByte;  ///< of a storage
};

/// Pointers belong to the Unpickler, texts to the pickle's bytes or to the Unpickler.
using PickleValue =
    std::variant<PickleNone, PickleMark, PickleHuge, bool, std::int64_t, double, std::string_view, const PickleGlobal*,
                 PickleSequence*, PickleDictionary*, PickleStorage*, const PickleTensor*, const PickleObject*>;

struct PickleSequence {
  std::vector<PickleValue> items;
};

struct PickleDictionary {
  std::vector<std::pair<PickleValue, PickleValue>> items;
};

/// What a class or function that is not known here would have made. It takes attributes and items, and keeps none.
struct PickleObject {
  std::string_view name;  ///< "argparse.Namespace"
};

/// Flat memory that tensors share. Its values come from elsewhere in the file.
struct PickleStorage {
  torch::ScalarType type = torch::kByte;
  std::int64_t size = 0;  ///< In elements.
  std::string key;        ///< How the file calls it.
  torch::Tensor values;   ///< [size], once read.
};

/// A view of a storage, checked to lie within it.
struct PickleTensor {
  PickleStorage* storage = nullptr;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes, strides;
};

/// Reads pickles of tensors, dictionaries, lists, tuples, sets, numbers and texts, as torch.save writes them, without running
/// anything: a pickle is a program for a stack machine, of which only the instructions that make such values are known, and of the
/// names that it calls only a short list, each with its meaning here. Any other name makes an empty PickleObject; but those of
/// torch are refused, since what they make may hold tensors.
///
/// Source:  CPython's pickletools; protocols 2 to 5. torch/serialization.py, torch/_utils.py.
/// Cost:    a few dozen bytes of memory for each byte of the pickle, which may have 2^25.
/// Throws:  IoError with the file: an unknown instruction, an unknown name of torch, a value of another kind than an instruction
/// takes, a cut pickle.
class Unpickler {
 public:
  /// What a persistent id stands for: a storage or a tensor, which lies outside of the pickle.
  using Persistent = std::function<PickleValue(const PickleValue&)>;

  Unpickler(std::string function, std::span<const std::uint8_t> bytes, std::string file);
  Unpickler(const Unpickler&) = delete;
  Unpickler& operator=(const Unpickler&) = delete;

  /// The value of the pickle at `position()`, which then stands behind it. Values live as long as the Unpickler.
  PickleValue load(const Persistent& persistent);

  [[nodiscard]] std::size_t position() const { return position_; }
  /// Bytes that are no pickle, at the position; IoError where there are fewer.
  std::span<const std::uint8_t> take(std::uint64_t count);
  std::uint64_t take_number(int bytes);

  PickleStorage* make_storage(torch::ScalarType type, std::int64_t size, std::string key);
  /// IoError for one that does not lie within its storage.
  const PickleTensor* make_tensor(PickleTensor tensor);

  [[noreturn]] void refuse(std::string_view expected, std::string_view got) const;
  /// A value of the wanted kind, or IoError with `what`.
  template <class Kind>
  Kind get(const PickleValue& value, std::string_view what) const {
    if (const auto* held = std::get_if<Kind>(&value)) return *held;
    refuse(what, kind_of(value));
  }

 private:
  static std::string kind_of(const PickleValue& value);

  void execute(std::uint8_t instruction, const Persistent& persistent);
  PickleValue pop();
  [[nodiscard]] bool on_object() const;
  std::vector<PickleValue> pop_to_mark();
  std::vector<std::int64_t> numbers(const PickleValue& value, std::string_view what) const;
  PickleSequence* new_sequence(std::vector<PickleValue> items);
  std::string_view new_text(std::string text);
  /// Bounds the memory for what a few instructions copy of a remembered value.
  void spend(std::size_t bytes);
  void push_global(std::string_view module, std::string_view name);
  void push_tuple(std::size_t count);
  void push_long(std::uint64_t bytes);
  void push_text(std::uint64_t bytes);
  void push_memo(std::uint64_t index);
  void set_items(std::span<const PickleValue> flat);
  PickleValue call(const PickleValue& function, const PickleValue& arguments);
  PickleValue rebuild_tensor(const std::vector<PickleValue>& arguments);

  std::string function_;
  std::span<const std::uint8_t> bytes_;
  std::string file_;
  std::size_t position_ = 0;
  std::size_t start_ = 0;  ///< of the pickle that is read
  std::size_t copied_ = 0;

  std::vector<PickleValue> stack_;
  std::unordered_map<std::uint64_t, PickleValue> memo_;
  std::deque<PickleSequence> sequences_;
  std::deque<PickleDictionary> dictionaries_;
  std::deque<PickleStorage> storages_;
  std::deque<PickleTensor> tensors_;
  std::deque<PickleGlobal> unknown_;
  std::deque<PickleObject> objects_;
  std::deque<std::string> texts_;
};

/// Writes what Unpickler reads, in protocol 2 without memo.
class Pickler {
 public:
  Pickler();

  void begin_dictionary();
  void end_dictionary();
  void text(std::string_view value);
  void integer(std::int64_t value);
  void tensor(const torch::Tensor& tensor, const std::string& storage_key);  ///< as if contiguous, alone in its storage
  std::string finish();

 private:
  void op(char instruction) { bytes_.push_back(instruction); }
  void number(std::uint64_t value, int bytes);
  void global(std::string_view module, std::string_view name);
  void tuple(torch::IntArrayRef values);

  std::string bytes_;
};

/// "FloatStorage" and its like; nothing for a type that has none here.
std::string_view storage_class(torch::ScalarType type);

}  // namespace diva::inline v0_1::detail
