#include "support/small_run.hpp"

#include <diva/core/error.hpp>
#include <diva/io/csv.hpp>
#include <diva/training/checkpoint.hpp>
#include <diva/training/protocol.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

using Catch::Matchers::Contains;
using small_run::Pictures;
using small_run::Recorder;

namespace {

diva::TrainingOptions options() {
  auto options = small_run::options();
  options.network.heads = {"discriminative", "shared"};
  options.evaluation.combinations = {"discriminative", "Combined_discriminative_shared-0.5-1"};
  options.epochs = 2;
  options.sampler.batch_size = 4;  // of two classes
  return options;
}

struct Seen {
  std::vector<std::int64_t> sizes;  // of the stores that were asked for
  diva::MakeStore make = [this](const diva::Dataset& part) {
    sizes.push_back(part.size());
    return small_run::store(part);
  };
};

}  // namespace

TEST_CASE("mean and deviation over runs are by hand 2 and 1 of 1, 2, 3, and a single run deviates by nothing") {
  CHECK((diva::spread_of({1, 2, 3}) == diva::Spread{2, 1}));
  CHECK((diva::spread_of({5}) == diva::Spread{5, 0}));
}

TEST_CASE("validation trains on a share of the classes, chooses by the others and looks at the test side once") {
  const Pictures pictures;
  const TemporaryFolder out;
  Seen seen;
  Recorder recorder;
  const diva::ProtocolOptions protocol{.train_share = 0.5};
  const auto result =
      run_protocol(options(), protocol, pictures.split, seen.make, {.folder = out.path(), .observers = {&recorder}});
  REQUIRE(result.finished);
  CHECK(result.runs == 1);
  // 4 classes of 6 images on each side: the test side; 2 classes held back; 2 to train on.
  CHECK(seen.sizes == std::vector<std::int64_t>{24, 12, 12});
  REQUIRE(result.rows.size() == 3);
  CHECK(result.rows[1].combination == "Combined_discriminative_shared-0.5-1");
  CHECK(result.rows[2].combination == "searched weights");
  CHECK_THAT(recorder.warnings.back(), Contains("weights searched"));
  // The numbers are those of the best network on the disk.
  auto best = diva::load_network(diva::best_path(out.path()));
  diva::Loader loader(pictures.test, best.recipe.augmentation, diva::Generator(0));
  const auto set = diva::embed(best.network, loader, 16, pictures.test->size(), torch::kCPU);
  const auto row = diva::evaluate_combinations(set, {{{"discriminative"}, {1}}}, {"recall@1"}, diva::Generator(0)).front();
  CHECK(result.rows[0].values[0].second.mean == row.values[0].second);
  // The best is the first evaluation that no later one exceeds.
  double highest = 0;
  for (const auto& evaluation : recorder.evaluations)
    highest = std::max(highest, diva::value_of(evaluation.rows, {"", "recall@1"}));
  CHECK(highest > 0);
}

TEST_CASE("the paper's protocol takes for each combination its best epoch on the test side") {
  const Pictures pictures;
  Seen seen;
  Recorder recorder;
  const auto result =
      run_protocol(options(), {.name = diva::Protocol::paper}, pictures.split, seen.make, {.observers = {&recorder}});
  CHECK(seen.sizes == std::vector<std::int64_t>{24, 24});
  REQUIRE(result.rows.size() == 2);
  for (std::size_t row = 0; row < 2; ++row) {
    double best = 0;
    for (const auto& evaluation : recorder.evaluations) best = std::max(best, evaluation.rows[row].values[0].second);
    CHECK(result.rows[row].values[0].second.mean == best);
  }
}

TEST_CASE("k folds train as many networks, and their embeddings side by side are an ensemble") {
  const Pictures pictures;
  const TemporaryFolder out;
  Seen seen;
  const diva::ProtocolOptions protocol{.name = diva::Protocol::kfold, .folds = 2, .search_weights = false};
  const auto result = run_protocol(options(), protocol, pictures.split, seen.make, {.folder = out.path()});
  CHECK(seen.sizes == std::vector<std::int64_t>{24, 12, 12, 12, 12});
  REQUIRE(result.rows.size() == 4);
  CHECK(result.rows[2].combination == "ensemble of discriminative");
  for (const auto* fold : {"/fold_0", "/fold_1"}) CHECK(std::filesystem::exists(diva::best_path(out.path() + fold)));
}

TEST_CASE("several seeds are one table of means and deviations, and a stopped study goes on where it was") {
  const Pictures pictures;
  const TemporaryFolder whole, halves;
  Seen seen;
  const diva::ProtocolOptions protocol{.name = diva::Protocol::paper, .seeds = {3, 4, 5}};
  const auto at_once = run_protocol(options(), protocol, pictures.split, seen.make, {.folder = whole.path()});
  CHECK(at_once.runs == 3);
  std::vector<double> of_seeds;  // what each says of its own test side
  for (const auto* seed : {"/run_s3", "/run_s4", "/run_s5"}) {
    const auto results = diva::read_csv(whole.path() + seed + "/test.csv");
    REQUIRE(results.rows.size() == at_once.rows.size());
    of_seeds.push_back(std::stod(results.rows[1][results.index_of("recall@1")]));
  }
  CHECK(at_once.rows[1].values[0].second == diva::spread_of(of_seeds));
  std::int64_t steps = 0;
  const auto stopped = run_protocol(options(), protocol, pictures.split, seen.make,
                                    {.folder = halves.path(), .stop = [&] { return ++steps == 17; }});
  CHECK_FALSE(stopped.finished);
  CHECK(stopped.rows.empty());
  const auto resumed = run_protocol(options(), protocol, pictures.split, seen.make, {.folder = halves.path(), .resume = true});
  REQUIRE(resumed.finished);
  for (std::size_t row = 0; row < at_once.rows.size(); ++row) CHECK((at_once.rows[row].values == resumed.rows[row].values));
}

TEST_CASE("the search of head weights leaves out a head that knows nothing and keeps equal weights where all is well") {
  diva::Generator generator(1);
  const auto labels = torch::arange(40).div(2, "floor");
  const auto unit = [](const torch::Tensor& x) { return x / x.norm(2, 1, true); };
  const auto knows = unit(torch::eye(20).index_select(0, labels) + 0.01 * generator.normal({40, 20}));
  const auto guesses = unit(generator.normal({40, 2}));  // on a circle: two of a class are often opposite
  const auto found = search_head_weights({{{"a", knows}, {"b", guesses}}, labels}, {"b", "a"}, "recall@1", generator);
  const auto value = [&](const diva::Combination& combination) {
    return diva::evaluate_combinations({{{"a", knows}, {"b", guesses}}, labels}, {combination}, {"recall@1"}, generator)
        .front()
        .values[0]
        .second;
  };
  CHECK(value(found) == 1);
  CHECK(found.weights[0] < found.weights[1]);
  const auto same = search_head_weights({{{"a", knows}, {"b", knows}}, labels}, {"a", "b"}, "recall@1", generator);
  CHECK(same.weights == std::vector<double>{1, 1});
}

TEST_CASE("protocols out of bounds, and a selection that is not evaluated, are refused") {
  const Pictures pictures;
  Seen seen;
  CHECK_THROWS_AS(run_protocol(options(), {.train_share = 1}, pictures.split, seen.make, {}), diva::OptionError);
  CHECK_THROWS_AS(run_protocol(options(), {.name = diva::Protocol::kfold, .folds = 1}, pictures.split, seen.make, {}),
                  diva::OptionError);
  auto wrong = options();
  wrong.evaluation.select = "recall@2";
  CHECK_THROWS_WITH(run_protocol(wrong, {}, pictures.split, seen.make, {}), Contains("recall@1"));
  wrong.evaluation.select = "shared:recall@1";
  CHECK_THROWS_WITH(run_protocol(wrong, {}, pictures.split, seen.make, {}), Contains("discriminative"));
}
