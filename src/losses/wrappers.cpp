#include <diva/core/json.hpp>
#include <diva/losses/cross_batch_memory.hpp>
#include <diva/losses/mined_loss.hpp>
#include <diva/losses/multiple_losses.hpp>
#include <diva/losses/self_supervised_loss.hpp>
#include <diva/losses/sub_dimensions_loss.hpp>
#include <diva/losses/wrappers.hpp>

#include <algorithm>

namespace diva::inline v0_1 {
namespace {

using Json = nlohmann::ordered_json;

// Removes a key of an object and returns its value; null where there is none.
Json taken(Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return nullptr;
  auto value = *found;
  object.erase(found);
  return value;
}

struct Named {
  std::string name;
  Json options;  // what stood beside the name
};

// "triplet", or {"loss": "triplet", "margin": 0.1} for the key `loss`.
Named named(const Json& given, const std::string& where, const char* key) {
  if (given.is_string()) return {given.get<std::string>(), Json::object()};
  auto options = given;
  const auto name = given.is_object() ? taken(options, key) : Json();
  if (!name.is_string()) {
    detail::fail<OptionError>("make_loss", where,
                              std::string("a name, or an object with a name as '") + key + "' beside its options",
                              given.is_null() ? "nothing" : given.dump());
  }
  return {name.get<std::string>(), std::move(options)};
}

std::shared_ptr<Loss> criterion(const Json& given, const std::string& where, const LossShape& shape, Generator& generator) {
  const auto [name, options] = named(given, where, "loss");
  return make_loss(name, shape, options.dump(), generator);
}

// Without `of` and what else is nested, the rest of a wrapper's options is its aggregate.
template <class Options>
Options rest(const Json& json, const std::string& where) {
  Options options;
  from_json(json, options, where);
  return options;
}

struct NoOptions {};
template <class Visitor>
void describe(NoOptions&, Visitor&&) {}

struct PartOptions {
  double weight = 1;
  std::string name = {};
};
template <class Visitor>
void describe(PartOptions& options, Visitor&& visit) {
  visit("weight", options.weight, "of the part", any_value);
  visit("name", options.name, "under which its state is kept", any_value);
}

struct PenaltyOptions {
  double weight = 1;
  std::string on = {};
};
template <class Visitor>
void describe(PenaltyOptions& options, Visitor&& visit) {
  visit("weight", options.weight, "of the penalty", any_value);
  visit("on", options.on, "the parameter that is penalised", any_value);
}

// Moves the fields of these options out of an object that also holds those of something else.
template <class Options>
Options taken_options(Json& json, const std::string& where) {
  Json own = Json::object();
  Options options;
  describe(options, [&](const char* name, auto&, const char*, Bounds = {}) {
    if (auto value = taken(json, name); !value.is_null()) own[name] = std::move(value);
  });
  from_json(own, options, where);
  return options;
}

const Json& checked_list(const Json& given, const std::string& where) {
  if (!given.is_array()) detail::fail<OptionError>("make_loss", where, "a list", given.is_null() ? "nothing" : given.dump());
  return given;
}

std::unique_ptr<Loss> make_memory(Json json, const std::string& where, const LossShape& shape, Generator& generator) {
  auto loss = criterion(taken(json, "of"), where + ".of", shape, generator);
  return std::make_unique<CrossBatchMemory>(std::move(loss), shape.embed_dim, rest<CrossBatchMemoryOptions>(json, where));
}

std::unique_ptr<Loss> make_mined(Json json, const std::string& where, const LossShape& shape, Generator& generator) {
  auto loss = criterion(taken(json, "of"), where + ".of", shape, generator);
  const auto [miner, options] = named(taken(json, "miner"), where + ".miner", "miner");
  rest<NoOptions>(json, where);
  return std::make_unique<MinedLoss>(std::move(loss), make_miner(miner, options.dump()), Generator(generator.next()));
}

std::unique_ptr<Loss> make_self_supervised(Json json, const std::string& where, const LossShape& shape, Generator& generator) {
  auto loss = criterion(taken(json, "of"), where + ".of", shape, generator);
  return std::make_unique<SelfSupervisedLoss>(std::move(loss), rest<SelfSupervisedOptions>(json, where));
}

std::unique_ptr<Loss> make_sub_dimensions(Json json, const std::string& where, const LossShape& shape, Generator& generator) {
  const auto of = taken(json, "of");
  const auto options = rest<SubDimensionsLossOptions>(json, where);
  std::vector<std::shared_ptr<Loss>> losses;
  for (const auto dims : options.dims)
    losses.push_back(criterion(of, where + ".of", {.num_classes = shape.num_classes, .embed_dim = dims}, generator));
  if (losses.empty()) detail::fail<OptionError>("make_loss", where + ".dims", "at least one number of dimensions", "none");
  return std::make_unique<SubDimensionsLoss>(std::move(losses), options);
}

// A name that no part before has: its own, or with a number.
std::string unique_name(const std::string& name, const std::vector<WeightedLoss>& parts) {
  const auto used = [&](const std::string& candidate) {
    return std::any_of(parts.begin(), parts.end(), [&](const auto& part) { return part.name == candidate; });
  };
  if (!used(name)) return name;
  int number = 2;
  while (used(name + "_" + std::to_string(number))) ++number;
  return name + "_" + std::to_string(number);
}

torch::Tensor parameter_named(const std::string& name, const std::vector<WeightedLoss>& parts, const std::string& where) {
  std::vector<std::string> known;
  for (const auto& part : parts) {
    for (const auto& [own, tensor] : part.loss->named_parameters()) {
      known.push_back(part.name + "." + own);
      if (known.back() == name) return tensor;
    }
  }
  detail::fail_unknown("make_loss", where, name, known);
}

std::unique_ptr<Loss> make_multiple(Json json, const std::string& where, const LossShape& shape, Generator& generator) {
  const auto of = taken(json, "of"), penalties = taken(json, "regularizers");
  rest<NoOptions>(json, where);
  std::vector<WeightedLoss> parts;
  for (const auto& given : checked_list(of, where + ".of")) {
    const auto place = where + ".of[" + std::to_string(parts.size()) + "]";
    auto [loss, options] = named(given, place, "loss");
    const auto part = taken_options<PartOptions>(options, place);
    auto made = make_loss(loss, shape, options.dump(), generator);
    parts.push_back(
        {.name = part.name.empty() ? unique_name(loss, parts) : part.name, .loss = std::move(made), .weight = part.weight});
  }
  std::vector<WeightedRegularizer> regularizers;
  for (const auto& given : penalties.is_null() ? Json::array() : checked_list(penalties, where + ".regularizers")) {
    const auto place = where + ".regularizers[" + std::to_string(regularizers.size()) + "]";
    auto [regularizer, options] = named(given, place, "regularizer");
    const auto penalty = taken_options<PenaltyOptions>(options, place);
    regularizers.push_back({.regularizer = make_regularizer(regularizer, options.dump()),
                            .weight = penalty.weight,
                            .parameter = penalty.on.empty() ? torch::Tensor() : parameter_named(penalty.on, parts, place + ".on")});
  }
  return std::make_unique<MultipleLosses>(std::move(parts), std::move(regularizers));
}

// What is nested, which no aggregate describes, and then the fields of the wrapper's own options.
template <class Options>
std::vector<OptionText> with_nested(std::vector<OptionText> texts) {
  for (auto& text : option_texts(Options{})) texts.push_back(std::move(text));
  return texts;
}

OptionText of_one() { return {"of", "", "", "the criterion: its name, or an object with the name as `loss` beside its options"}; }
std::vector<OptionText> memory_options() { return with_nested<CrossBatchMemoryOptions>({of_one()}); }
std::vector<OptionText> self_supervised_options() { return with_nested<SelfSupervisedOptions>({of_one()}); }
std::vector<OptionText> sub_dimensions_options() { return with_nested<SubDimensionsLossOptions>({of_one()}); }
std::vector<OptionText> mined_options() {
  return {of_one(), {"miner", "", "", "its name, or an object with the name as `miner` beside its options"}};
}
std::vector<OptionText> multiple_options() {
  return {{"of", "", "", "the criteria, a list; each may have a `weight` and a `name`"},
          {"regularizers", "[]", "",
           "a list of objects with the name as `regularizer`, a `weight`, and `on`: a parameter such as `softmax.proxies`; without "
           "it the embeddings"}};
}

using Factory = std::unique_ptr<Loss> (*)(Json json, const std::string& where, const LossShape& shape, Generator& generator);

constexpr detail::RegistryLine<Factory> wrappers[] = {
    {"multiple",
     make_multiple,
     {"Σ_i w_i L_i + Σ_j w_j R_j", "pytorch-metric-learning: MultipleLosses, embedding_regularizer, weight_regularizer",
      "that of its parts"},
     multiple_options},
    {"MultipleLosses", make_multiple, alias_of("multiple"), multiple_options},
    {"mined",
     make_mined,
     {"L(x, y, miner(x, y))", "pytorch-metric-learning: miners of MultipleLosses", "that of both"},
     mined_options},
    {"cross_batch_memory",
     make_memory,
     {"L(x, y; reference = the newest embeddings of former batches)", "Wang et al., CVPR 2020", "that of B × capacity pairs"},
     memory_options},
    {"CrossBatchMemory", make_memory, alias_of("cross_batch_memory"), memory_options},
    {"sub_dimensions",
     make_sub_dimensions,
     {"Σ_i w_i L(x_(1 … d_i))", "Kusupati et al., NeurIPS 2022", "that of the criterion for each of dims"},
     sub_dimensions_options},
    {"matryoshka", make_sub_dimensions, alias_of("sub_dimensions"), sub_dimensions_options},
    {"self_supervised",
     make_self_supervised,
     {"L([a; b], [1 … B, 1 … B]), a and b two views", "pytorch-metric-learning: SelfSupervisedLoss", "that of the criterion"},
     self_supervised_options},
    {"SelfSupervisedLoss", make_self_supervised, alias_of("self_supervised"), self_supervised_options},
};

}  // namespace

std::vector<std::string> wrapper_names() { return detail::names(wrappers); }

std::vector<Listing> wrapper_listings() { return detail::listings(wrappers); }

namespace detail {

std::unique_ptr<Loss> make_wrapper(std::string_view name, const LossShape& shape, const std::string& options,
                                   Generator& generator) {
  for (const auto& line : wrappers) {
    if (name != line.name) continue;
    const auto where = "loss " + std::string(name);
    auto json = parse_json(options, where);
    if (!json.is_object()) fail<OptionError>("options", where, "a JSON object", json.dump());
    return line.make(std::move(json), where, shape, generator);
  }
  return nullptr;
}

}  // namespace detail
}  // namespace diva::inline v0_1
