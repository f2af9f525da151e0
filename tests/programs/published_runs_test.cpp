// The published command lines, word for word: what they mean is what recipes/ has, and each trains.
#include "programs/run.hpp"

#include <diva/core/json.hpp>
#include <diva/io/csv.hpp>

#include "support/source_file.hpp"

#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

using Catch::Matchers::Contains;

namespace {

const std::string program = DIVA_MAIN;

std::string text_of(const std::string& path) {
  const auto bytes = diva::read_file(path);
  return {bytes.begin(), bytes.end()};
}

// Each word in quotes, for a shell.
std::string shell_words(const std::string& words) {
  std::istringstream text(words);
  std::string line;
  for (std::string word; text >> word;) {
    if (word == "$datapath") word = "data";
    if (word == "$gpu") word = "0";
    line += " '" + word + "'";
  }
  return line;
}

// Name and command of each run of recipes/runs.txt.
std::vector<std::pair<std::string, std::string>> runs() {
  std::vector<std::pair<std::string, std::string>> all;
  std::istringstream text(text_of(source_file("recipes/runs.txt")));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("#")) continue;
    const auto colon = line.find(": ");
    REQUIRE(colon != std::string::npos);
    all.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return all;
}

}  // namespace

TEST_CASE("every published command line means the recipe that the repository has for it, and the recipe means itself") {
  const Shell shell;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_file("recipes")))
    files += entry.path().extension() == ".json";
  const auto all = runs();
  CHECK(files == all.size());
  for (const auto& [name, words] : all) {
    INFO(name << ": " << words);
    const auto file = source_file("recipes/" + name + ".json");
    const auto made = shell.run(program, "--print_recipe" + shell_words(words));
    REQUIRE(made.status == 0);
    CHECK(diva::parse_json(made.out, name) == diva::parse_json(text_of(file), file));
    const auto again = shell.run(program, "--print_recipe --recipe '" + file + "'");
    REQUIRE(again.status == 0);
    CHECK(again.out == made.out);
  }
}

TEST_CASE("the published runs ran what the table of their paper says") {
  const Shell shell;
  const auto made = shell.run(program, "--print_recipe" + shell_words(runs()[5].second));  // SOP, BN-Inception
  const auto recipe = diva::parse_json(made.out, "recipe");
  CHECK(recipe["dataset"] == "online_products");
  CHECK(recipe["network"]["backbone"] == "bninception");
  CHECK(recipe["augmentation"]["channel_order"] == "bgr");
  CHECK(recipe["augmentation"]["image_size"] == 227);
  CHECK(recipe["network"]["heads"].size() == 4);
  CHECK(recipe["objective"]["alpha_intra"] == 0.1);
  CHECK(recipe["objective"]["rho"] == std::vector<double>{150, 150, 150});
  CHECK(recipe["objective"]["key_batches"] == 70);
  const nlohmann::ordered_json ssl = diva::parse_json(recipe["objective"]["ssl_options"].get<std::string>(), "ssl");
  CHECK(ssl["temperature"] == 0.01);
  CHECK(ssl["variant"] == "repo");  // without --diva_fixed
  CHECK(recipe["optimizer"]["schedule"]["milestones"] == std::vector<int>{80});
  CHECK(recipe["epochs"] == 150);
}

TEST_CASE("each published run of DiVA takes two steps on real characters with a small network in place of its own") {
  const Shell shell;
  const auto archive = source_file("data/omniglot.tar.xz");
  REQUIRE(std::system(("tar -xJf '" + archive + "' -C '" + shell.path() + "' omniglot/images_background/Greek").c_str()) == 0);
  for (const auto& [name, words] : runs()) {
    if (!name.starts_with("diva_")) continue;
    INFO(name);
    const auto result = shell.run(
        program,
        "--recipe '" + source_file("recipes/" + name + ".json") +
            "' --dataset folder --source_path omniglot/images_background/Greek --arch conv4_frozen_normalize --widths 8 --gray"
            " --image_size 28 --embed_dim 16 --n_epochs 1 --bs 120 --samples_per_class 10 --kernels 1 --protocol paper "
            "--diva_dc_ncluster 5"
            " --storage_metrics e_recall@1 --log_online --savename " +
            name);
    INFO(result.error);
    REQUIRE(result.status == 0);
    CHECK_THAT(result.error, Contains("wandb_run.py"));
    const auto steps = diva::read_csv(shell / ("runs/" + name + "/train.csv"));
    CHECK(steps.rows.size() == 2);  // 240 images of twelve characters
    const auto heads = name == "diva_deep_clustering" ? 2 : 4;
    CHECK(steps.columns.size() == static_cast<std::size_t>(heads + 5));  // step, epoch, loss, separation, learning_rate
    CHECK_THAT(result.out, Contains("e_recall@1"));
    CHECK(std::filesystem::exists(shell / ("runs/" + name + "/result.json")));
    CHECK(diva::parse_json(shell.text("runs/" + name + "/recipe.json"), name)["objective"]["rho"].size() == (heads == 2 ? 1 : 3));
  }
}
