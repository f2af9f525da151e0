#include <diva/core/json.hpp>
#include <diva/io.hpp>
#include <diva/training.hpp>

#include "programs/run.hpp"
#include "support/small_run.hpp"

namespace {

/// Images of eight classes and a network that was trained on them for a moment.
struct Trained : Shell {
  diva::Network network;
  std::shared_ptr<const diva::ImageStore> store;

  Trained() : Trained(make_options()) {}

  [[nodiscard]] diva::EmbeddedSet embedded() {
    diva::Loader loader(store, make_options().augmentation, diva::Generator(0), {.threads = 1});
    return diva::embed(network, loader, 16, store->size(), torch::kCPU);
  }

 private:
  static diva::TrainingOptions make_options() {
    auto options = small_run::options();
    options.epochs = 1;
    options.evaluation.combinations = {"discriminative"};
    return options;
  }
  explicit Trained(const diva::TrainingOptions& options)
      : network(options.network, diva::Generator(0)),
        store((small_run::write_images(path() + "/images"), small_run::store(diva::folder_of_classes(path() + "/images")))) {
    network = diva::train(options, store, store, {.folder = path() + "/run"}).network;
  }
};

const std::string checkpoint = "--checkpoint run/checkpoint.safetensors ";

}  // namespace

TEST_CASE("diva_embed writes what the network gives, with labels and paths, and diva_evaluate agrees with the library") {
  Trained trained;
  const auto set = trained.embedded();
  const auto heads = small_run::options().network.heads;
  const auto expected = diva::combine(set.embeddings, {heads, {1, 1, 1, 1}});

  const auto result = trained.run(DIVA_EMBED, checkpoint + "--data images --out all.safetensors");
  INFO(result.error);
  REQUIRE(result.status == 0);
  CHECK(result.out == "all.safetensors: 48 x 32 of Combined_discriminative_selfsimilarity_shared_intra-1-1-1-1\n");
  const auto state = diva::read_safetensors(trained / "all.safetensors");
  CHECK(torch::allclose(state.tensor("features"), expected, 1e-5, 1e-6));
  CHECK(state.tensor("labels").equal(set.labels));
  CHECK(diva::parse_json(state.text("classes"), "classes").size() == 8);
  CHECK(diva::parse_json(state.text("paths"), "paths").at(7) == "images/class101/1.png");

  REQUIRE(trained.run(DIVA_EMBED, checkpoint + "--data images --combination intra --type float16 --batch_size 5 --out intra.npy")
              .status == 0);
  const auto half = diva::read_npy(trained / "intra.npy");
  CHECK(half.scalar_type() == torch::kFloat16);
  CHECK(torch::allclose(half.to(torch::kFloat32), set.embeddings.at("intra"), 1e-3, 1e-3));
  CHECK(diva::read_npy(trained / "intra.labels.npy").equal(set.labels));
  CHECK(diva::parse_json(trained.text("intra.paths.json"), "paths").size() == 48);
  CHECK(diva::parse_json(trained.text("intra.classes.json"), "classes").at(0) == "class100");

  // The second half of the classes is the test part, numbered anew.
  REQUIRE(trained.run(DIVA_EMBED, checkpoint + "--data images --part test --combination shared --out test.safetensors").status ==
          0);
  const auto test = diva::read_safetensors(trained / "test.safetensors");
  CHECK(torch::allclose(test.tensor("features"), set.embeddings.at("shared").narrow(0, 24, 24), 1e-5, 1e-6));
  CHECK(test.tensor("labels").equal(set.labels.narrow(0, 24, 24) - 4));

  const auto from_store = trained.run(DIVA_EVALUATE, "--features test.safetensors --metrics recall@1,map@r --csv -");
  const auto from_checkpoint =
      trained.run(DIVA_EVALUATE, checkpoint + "--data images --combinations shared,all --metrics recall@1,map@r --csv -");
  INFO(from_checkpoint.error);
  REQUIRE(from_store.status == 0);
  REQUIRE(from_checkpoint.status == 0);
  const auto one = diva::parse_csv(from_store.out, "one"), many = diva::parse_csv(from_checkpoint.out, "many");
  CHECK(many.rows[0][0] == "shared");
  CHECK(many.rows.size() == 1 + diva::all_combinations(heads).size());
  CHECK(std::vector(one.rows[0].begin() + 1, one.rows[0].end()) == std::vector(many.rows[0].begin() + 1, many.rows[0].end()));
  // The recipe's own combination where none is given.
  CHECK(diva::parse_csv(trained.run(DIVA_EVALUATE, checkpoint + "--data images --csv -").out, "default").rows.at(0).at(0) ==
        "discriminative");
}

TEST_CASE("diva_embed takes a folder without classes, and diva_search finds each image's like in it") {
  const Trained trained;
  const auto folder = std::string("images/class100");
  REQUIRE(trained.run(DIVA_EMBED, checkpoint + "--data " + folder + " --dataset images --out photos.safetensors").status == 0);
  CHECK(diva::read_safetensors(trained / "photos.safetensors").tensors.size() == 1);
  const auto found = trained.run(DIVA_SEARCH, "--gallery photos.safetensors --k 2");
  REQUIRE(found.status == 0);
  const auto table = diva::parse_csv(found.out, "found");
  REQUIRE(table.rows.size() == 12);
  CHECK(table.rows[0][table.index_of("name")].starts_with(folder));
}

TEST_CASE("diva_embed refuses what it cannot use, in one line, and leaves no file") {
  const Trained trained;
  const auto refuses = [&](const std::string& arguments, int status, const std::string& complaint) {
    trained.refuses(DIVA_EMBED, arguments, status, complaint);
    CHECK_FALSE(std::filesystem::exists(trained / "a.npy"));
    CHECK_FALSE(std::filesystem::exists(trained / "a.safetensors"));
  };
  refuses("", 1, "--checkpoint");
  refuses(checkpoint + "--out a.npy", 1, "--data");
  refuses(checkpoint + "--data images", 1, "--out");
  refuses(checkpoint + "--data images --out a.txt", 1, "a.txt");
  refuses(checkpoint + "--data none --out a.npy", 1, "none");
  refuses(checkpoint + "--data images --combination other --out a.npy", 1, "other");
  refuses(checkpoint + "--data images --part half --out a.npy", 2, "--part");
  refuses("--checkpoint images --data images --out a.npy", 1, "images");
  trained.write("images/class100/3.png", "no image");
  trained.write("recipe.safetensors", "");
  refuses("--checkpoint recipe.safetensors --data images --out a.npy", 1, "recipe.safetensors");
  const auto broken = trained.run(DIVA_EMBED, checkpoint + "--data images --out a.safetensors");
  CHECK(broken.status == 1);
  CHECK(broken.error.find("3.png") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(trained / "a.safetensors"));
}
