#include <fmt/format.h>
#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/training/checkpoint.hpp>

namespace diva::inline v0_1 {

std::string checkpoint_path(const std::string& folder) { return folder + "/checkpoint.safetensors"; }
std::string best_path(const std::string& folder) { return folder + "/best.safetensors"; }

State read_checkpoint(const std::string& path) {
  auto state = map_safetensors(path);
  const auto format = state.texts.find("format");
  if (format == state.texts.end() || format->second != checkpoint_format) {
    detail::fail<IoError>("read_checkpoint", fmt::format("'{}'", path), fmt::format("a file of format '{}'", checkpoint_format),
                          "another file");
  }
  return state;
}

TrainedNetwork load_network(const std::string& path, torch::Device device) {
  const auto state = read_checkpoint(path);
  TrainingOptions recipe;
  from_json(parse_json(state.text("recipe"), path), recipe, "the recipe of '" + path + "'");
  // The weights that are drawn here are overwritten.
  Network network(recipe.network, Generator(0));
  network.restore(state.child(recipe.average_decay > 0 ? "average" : "network"));
  network.to(device);
  network.train(false);
  return {std::move(network), std::move(recipe)};
}

std::vector<std::string> recipe_differences(const std::string& one, const std::string& other, const std::string& left_out,
                                            const std::string& path) {
  auto first = parse_json(one, path), second = parse_json(other, path);
  first.erase(left_out);
  second.erase(left_out);
  std::vector<std::string> fields;
  for (const auto& change : nlohmann::ordered_json::diff(first, second)) fields.push_back(change.at("path").get<std::string>());
  return fields;
}

}  // namespace diva::inline v0_1
