#include <diva/core/error.hpp>
#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/training/checkpoint.hpp>

#include "support/small_run.hpp"

using Catch::Matchers::Contains;

TEST_CASE("the network of a checkpoint embeds as the one that was trained") {
  const TemporaryFolder folder;
  small_run::write_images(folder.path() + "/images");
  const auto store = small_run::store(diva::folder_of_classes(folder.path() + "/images"));
  auto options = small_run::options();
  options.epochs = 1;
  auto trained = diva::train(options, store, store, {.folder = folder.path() + "/run"});
  auto loaded = diva::load_network(folder.path() + "/run/checkpoint.safetensors");
  CHECK(diva::to_json(loaded.recipe) == diva::to_json(options));

  diva::Loader loader(store, loaded.recipe.augmentation, diva::Generator(0), {.threads = 1});
  const auto expected = diva::embed(trained.network, loader, 8, store->size(), torch::kCPU);
  std::int64_t rows = 0;
  diva::embed_batches(loaded.network, loader, 8, torch::kCPU,
                      [&](const diva::Embeddings& embeddings, const torch::Tensor& labels, std::int64_t done) {
                        for (const auto& [head, values] : embeddings)
                          CHECK(values.equal(expected.embeddings.at(head).narrow(0, rows, labels.size(0))));
                        CHECK(labels.equal(expected.labels.narrow(0, rows, labels.size(0))));
                        rows += labels.size(0);
                        CHECK(done == rows);
                      });
  CHECK(rows == 48);
}

TEST_CASE("a file that is no checkpoint, or one of another network, is refused") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/checkpoint.safetensors";
  CHECK_THROWS_AS(diva::load_network(path), diva::IoError);
  diva::State state;
  diva::write_safetensors(path, state);
  CHECK_THROWS_WITH(diva::load_network(path), Contains(path) && Contains("diva checkpoint 1"));

  state.put("format", std::string(diva::checkpoint_format));
  const auto with_recipe = [&](const std::string& recipe) {
    state.put("recipe", recipe);
    diva::write_safetensors(path, state);
    return diva::load_network(path);
  };
  CHECK_THROWS_AS(with_recipe("{"), diva::OptionError);
  CHECK_THROWS_WITH(with_recipe("{\"epoch\": 3}"), Contains("epochs"));
  CHECK_THROWS_AS(with_recipe(diva::to_json(small_run::options()).dump()), diva::DataError);
  auto other = small_run::options();
  other.network.embed_dim = 4;
  state.put("network", diva::Network(other.network, diva::Generator(1)).state());
  CHECK_THROWS_AS(with_recipe(diva::to_json(small_run::options()).dump()), diva::DataError);
  CHECK_NOTHROW(with_recipe(diva::to_json(other).dump()));
}
