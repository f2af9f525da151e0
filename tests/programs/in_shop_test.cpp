#include <diva/core/json.hpp>
#include <diva/io.hpp>
#include <diva/metrics.hpp>

#include <filesystem>

#include "programs/run.hpp"
#include "support/small_run.hpp"

// Every query is a copy of a gallery image of the next item, and of another query of its own. So no query finds its item in the
// gallery, and each would find it if queries were searched in all test images, or the gallery in itself.
namespace {

constexpr std::int64_t items = 4;

struct InShop : Shell {
  InShop() {
    small_run::write_images(*this / "pictures", 2 * items, 4);
    std::string lines;
    std::int64_t count = 0;
    const auto add = [&](std::int64_t item, std::int64_t number, std::int64_t of, std::int64_t picture, const std::string& part) {
      const auto name = fmt::format("img/WOMEN/Dresses/id_{}/{}.png", item, number);
      std::filesystem::create_directories(std::filesystem::path(*this / ("in-shop/" + name)).parent_path());
      std::filesystem::copy_file(fmt::format("{}/pictures/class{}/{}.png", path(), 100 + of, picture), *this / ("in-shop/" + name));
      lines += fmt::format("{} id_{} {}\n", name, item, part);
      ++count;
    };
    for (std::int64_t item = 0; item < items; ++item) {
      for (std::int64_t i = 0; i < 4; ++i) add(item, i, item, i, "train");
    }
    for (std::int64_t item = items; item < 2 * items; ++item) {
      const auto next = item + 1 < 2 * items ? item + 1 : items;
      for (std::int64_t i = 0; i < 2; ++i) add(item, i, item, 0, "query");
      // The item before has this one's picture 0 as its query.
      add(next, 2, item, 0, "gallery");
      add(next, 3, item, 0, "gallery");
    }
    write("in-shop/list_eval_partition.txt", fmt::format("{}\nimage_name item_id evaluation_status\n{}", count, lines));
  }
};

const std::string metrics = "e_recall@1 nmi";

}  // namespace

TEST_CASE("on In-Shop queries are searched in the gallery, in training, in diva_evaluate and from diva_embed's files") {
  const InShop shell;
  const auto trained = shell.run(DIVA_MAIN,
                                 "--dataset in-shop --source_path . --arch conv4 --widths 8 --gray --image_size 16 --embed_dim 8 "
                                 "--bs 8 --n_epochs 1 --protocol paper "
                                 "--savename run --evaluation_metrics " +
                                     metrics);
  INFO(trained.error);
  REQUIRE(trained.status == 0);
  CHECK(trained.error.find("16 images of 4 classes to train on, 16 of 4 others to test, 8 queries in a gallery of 8") !=
        std::string::npos);
  const auto log = diva::read_csv(shell / "runs/run/evaluation.csv");
  REQUIRE(log.rows.size() == 1);
  CHECK(std::stod(log.rows[0][log.index_of("e_recall@1")]) == 0);

  const std::string data = "--checkpoint runs/run/checkpoint.safetensors --data in-shop --dataset in-shop --part test ";
  const auto evaluated = shell.run(DIVA_EVALUATE, data + "--metrics recall@1,nmi --seed 1 --json -");
  INFO(evaluated.error);
  REQUIRE(evaluated.status == 0);
  const auto json = diva::parse_json(evaluated.out, "out");
  CHECK(json.at("queries") == 8);
  CHECK(json.at("gallery") == 8);
  const auto& row = json.at("rows").at(0).at("metrics");
  CHECK(row.at("recall@1") == 0);

  for (const std::string file : {"test.safetensors", "test.npy"}) {
    REQUIRE(shell.run(DIVA_EMBED, data + "--out " + file).status == 0);
  }
  const auto stored = diva::read_safetensors(shell / "test.safetensors");
  CHECK(stored.tensor("is_query").sum().item<std::int64_t>() == 8);
  CHECK(stored.tensor("is_query").add(stored.tensor("is_gallery")).eq(1).all().item<bool>());
  CHECK(diva::read_npy(shell / "test.is_query.npy").equal(stored.tensor("is_query")));
  CHECK(diva::read_npy(shell / "test.is_gallery.npy").equal(stored.tensor("is_gallery")));
  const auto from_file = shell.run(DIVA_EVALUATE, "--features test.safetensors --metrics recall@1,nmi --seed 1 --json -");
  INFO(from_file.error);
  REQUIRE(from_file.status == 0);
  CHECK(diva::parse_json(from_file.out, "out").at("rows").at(0).at("metrics") == row);

  // Without their roles the same features find a copy that is of their class, as the order of equals has it, or not.
  diva::Generator generator(1);
  const auto all = diva::evaluate(stored.tensor("features"), stored.tensor("labels"), {"recall@2"}, generator);
  CHECK(all[0].second > 0);
}
