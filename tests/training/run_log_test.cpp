#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <diva/training/run_log.hpp>

namespace {

diva::StepEvent step(std::int64_t number) {
  return {.epoch = number / 3,
          .step = number,
          .loss = 1.0 / static_cast<double>(number),
          .terms = {{"shared", 2}},
          .learning_rate = 1e-5};
}
diva::EvaluationEvent evaluation(std::int64_t epoch) {
  return {.epoch = epoch, .rows = {{"shared", {{"recall@1", 0.5}}}, {"intra", {{"recall@1", 0.25}}}}};
}

}  // namespace

TEST_CASE("the log has a row a step and a row a combination, and numbers read back exactly") {
  const TemporaryFolder folder;
  diva::RunLog log(folder.path());
  for (int i = 1; i < 4; ++i) log.on(step(i));
  log.on(evaluation(1));
  const auto steps = diva::read_csv(folder.path() + "/train.csv");
  CHECK(steps.columns == std::vector<std::string>{"step", "epoch", "loss", "shared", "learning_rate"});
  REQUIRE(steps.rows.size() == 3);
  CHECK(std::stod(steps.rows[2][2]) == 1.0 / 3);
  const auto evaluations = diva::read_csv(folder.path() + "/evaluation.csv");
  CHECK(evaluations.rows[1] == std::vector<std::string>{"1", "intra", "0.25"});
}

TEST_CASE("a resumed log holds each step once") {
  const TemporaryFolder folder;
  {
    diva::RunLog log(folder.path());
    for (int i = 1; i < 8; ++i) log.on(step(i));
    for (int i = 1; i < 4; ++i) log.on(evaluation(i));
  }
  diva::RunLog log(folder.path(), 5, 1);
  log.on(step(6));
  log.on(evaluation(2));
  const auto rows = diva::read_csv(folder.path() + "/train.csv").rows;
  REQUIRE(rows.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(rows[i][0] == std::to_string(i + 1));
  CHECK(diva::read_csv(folder.path() + "/evaluation.csv").rows.size() == 4);
  diva::RunLog fresh(folder.path());
  fresh.on(step(1));
  CHECK(diva::read_csv(folder.path() + "/train.csv").rows.size() == 1);
  CHECK(folder.entries() == 2);  // train.csv and one event file: those of the runs before are gone
}
