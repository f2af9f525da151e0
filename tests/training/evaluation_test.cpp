#include "support/small_run.hpp"

#include <diva/core/error.hpp>

TEST_CASE("embedding covers the whole data set in its order and leaves the network training") {
  const TemporaryFolder folder;
  small_run::write_images(folder.path());
  const auto options = small_run::options();
  const auto store = small_run::store(diva::folder_of_classes(folder.path()));
  diva::Network network(options.network, diva::Generator(1));
  diva::Loader loader(store, options.augmentation, diva::Generator(2), {.threads = 2});
  std::int64_t told = 0;
  const auto set =
      diva::embed(network, loader, 7, store->size(), torch::kCPU, [&](std::int64_t done, std::int64_t) { told = done; });
  CHECK(told == 48);
  CHECK(set.labels.equal(torch::tensor(store->dataset().labels(), torch::kInt64)));
  REQUIRE(set.embeddings.size() == 4);
  CHECK(set.embeddings.at("intra").sizes() == torch::IntArrayRef({48, 8}));
  // Batches of another size give the same embeddings: running statistics are used, not the batch's.
  const auto again = diva::embed(network, loader, 48, store->size(), torch::kCPU);
  CHECK(torch::allclose(set.embeddings.at("shared"), again.embeddings.at("shared"), 1e-4, 1e-5));
}

TEST_CASE("combinations are named, or all") {
  const std::vector<std::string> heads = {"discriminative", "shared"};
  CHECK(diva::chosen_combinations({.combinations = {"shared", "Combined_discriminative_shared-1-2"}}, heads).size() == 2);
  CHECK(diva::chosen_combinations({.combinations = {"all"}}, heads).size() == diva::all_combinations(heads).size());
  CHECK_THROWS_AS(diva::chosen_combinations({.combinations = {"other"}}, heads), diva::OptionError);
}

TEST_CASE("each combination is evaluated by itself") {
  diva::Generator generator(3);
  diva::EmbeddedSet set;
  set.labels = torch::arange(40).remainder(4);
  // One head knows the class, the other nothing.
  set.embeddings["knows"] = torch::eye(4).index_select(0, set.labels) + 0.01 * generator.normal({40, 4});
  set.embeddings["guesses"] = generator.normal({40, 4});
  const auto rows = diva::evaluate_combinations(set, {{{"knows"}, {1}}, {{"guesses"}, {1}}, {{"knows", "guesses"}, {1, 0}}},
                                                {"recall@1", "nmi"}, diva::Generator(1));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].values[0].second == 1);
  CHECK(rows[1].values[0].second < 0.7);
  CHECK(rows[2].values == rows[0].values);
}
