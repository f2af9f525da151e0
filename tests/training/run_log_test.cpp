#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

#include <diva/core/json.hpp>
#include <diva/training/run_log.hpp>

#include <fstream>
#include <sstream>

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
  CHECK(folder.entries() == 3);  // train.csv, events.jsonl and one event file: those of the runs before are gone
}

TEST_CASE("a log goes on after a run that was killed within a row, or before its first") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/train.csv";
  const auto steps_after = [&](const std::string& left) {
    std::ofstream(path) << left;
    diva::RunLog log(folder.path(), 2, 0);
    log.on(step(3));
    std::vector<std::string> numbers;
    for (const auto& row : diva::read_csv(path).rows) numbers.push_back(row[0]);
    return numbers;
  };
  const std::string header = "step,epoch,loss,shared,learning_rate\n";
  CHECK(steps_after(header + "1,0,1,2,1e-05\n2,0,0.5,2,1e-05\n3,1,0.3") == std::vector<std::string>{"1", "2", "3"});
  CHECK(steps_after(header + "1,0,1,2,1e-05\n2,0,0.5,2,1e-05\n3,1,\"") == std::vector<std::string>{"1", "2", "3"});
  CHECK(steps_after(header) == std::vector<std::string>{"3"});
  CHECK(steps_after("step,epo") == std::vector<std::string>{"3"});
  CHECK(steps_after("") == std::vector<std::string>{"3"});
}

TEST_CASE("the lines of JSON tell everything once, and drop one that was cut off") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/events.jsonl";
  const auto lines = [&] {
    const auto bytes = diva::read_file(path);
    std::vector<nlohmann::ordered_json> result;
    std::istringstream text(std::string(bytes.begin(), bytes.end()));
    for (std::string line; std::getline(text, line);) result.push_back(diva::parse_json(line, "line"));
    return result;
  };
  {
    diva::RunLog log(folder.path());
    for (int i = 1; i < 6; ++i) log.on(step(i));
    log.on(evaluation(1));
    log.on(evaluation(2));
    log.on(diva::CheckpointEvent{"file", 5});
    log.on(diva::WarningEvent{"a \"quoted\" word"});
  }
  const auto all = lines();
  REQUIRE(all.size() == 9);
  CHECK(all[2]["event"] == "step");
  CHECK(all[2]["loss"] == 1.0 / 3);
  CHECK(all[2]["terms"]["shared"] == 2);
  CHECK(all[5]["rows"][1]["metrics"]["recall@1"] == 0.25);
  CHECK(all[7]["path"] == "file");
  CHECK(all[8]["text"] == "a \"quoted\" word");
  {
    std::ofstream cut(path, std::ios::app);
    cut << "{\"event\": \"st";
  }
  diva::RunLog log(folder.path(), 4, 1);
  log.on(step(5));
  const auto again = lines();
  REQUIRE(again.size() == 5);  // steps 1 to 4 and 5 anew; what came at step 5 is gone
  CHECK(again[4]["step"] == 5);
}
