// A run that is stopped anywhere and resumed ends in the same bits as one that is not: stopped politely inside this process, and by
// SIGKILL as a process of its own (diva_main).
#include "support/small_run.hpp"

#include <diva/data/splits.hpp>
#include <diva/io/csv.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <csignal>

#include <chrono>
#include <thread>

extern char** environ;

namespace {

pid_t start(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> pointers;
  for (auto& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  REQUIRE(posix_spawn(&child, pointers[0], &actions, nullptr, pointers.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

std::size_t lines(const std::string& path) {
  if (!std::filesystem::exists(path)) return 0;
  const auto bytes = diva::read_file(path);
  return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

std::string text(const std::string& path) {
  const auto bytes = diva::read_file(path);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("a run stopped after any step and resumed ends with the same checkpoint") {
  const TemporaryFolder pictures, whole;
  small_run::write_images(pictures.path());
  const auto split = diva::zero_shot_split(diva::folder_of_classes(pictures.path()));
  const auto train = small_run::store(split.train), test = small_run::store(split.test);
  const auto options = small_run::options();
  const auto uninterrupted = diva::train(options, train, test, {.folder = whole.path()});
  for (const std::int64_t stop_after : {1, 4, 6, 11}) {
    const TemporaryFolder halves;
    std::int64_t steps = 0;
    const auto first = diva::train(options, train, test, {.folder = halves.path(), .stop = [&] { return ++steps == stop_after; }});
    REQUIRE_FALSE(first.finished);
    REQUIRE(diva::checkpoint_progress(halves.path()).step == stop_after);
    const auto second = diva::train(options, train, test, {.folder = halves.path(), .resume = true, .loader = {.threads = 3}});
    REQUIRE(second.finished);
    REQUIRE(second.evaluations.size() == uninterrupted.evaluations.size());
    REQUIRE(text(halves.path() + "/checkpoint.safetensors") == text(whole.path() + "/checkpoint.safetensors"));
  }
}

TEST_CASE("a run whose sampler chooses by stored features, stopped after any step and resumed, ends with the same checkpoint") {
  const TemporaryFolder pictures;
  small_run::write_images(pictures.path());
  const auto split = diva::zero_shot_split(diva::folder_of_classes(pictures.path()));
  const auto train = small_run::store(split.train), test = small_run::store(split.test);
  auto options = small_run::options();
  options.network.heads = {"discriminative"};
  for (const auto& [name, json] :
       std::vector<std::pair<std::string, std::string>>{{"d2_coreset", "{}"},
                                                        {"spc_fid_batchmatch", R"({"store": {"refresh": true, "momentum": 0.5}})"},
                                                        {"criterion_batchmatch", R"({"candidates": 3})"},
                                                        {"hard_mining", R"({"store": {"update": false}})"}}) {
    options.sampler.name = name;
    options.sampler.options = json;
    INFO(name);
    const TemporaryFolder whole;
    const auto uninterrupted = diva::train(options, train, test, {.folder = whole.path()});
    REQUIRE(uninterrupted.steps == 12);
    for (const std::int64_t stop_after : {2, 4, 7}) {
      const TemporaryFolder halves;
      std::int64_t steps = 0;
      diva::train(options, train, test, {.folder = halves.path(), .stop = [&] { return ++steps == stop_after; }});
      diva::train(options, train, test, {.folder = halves.path(), .resume = true, .loader = {.threads = 3, .prefetch = 1}});
      REQUIRE(text(halves.path() + "/checkpoint.safetensors") == text(whole.path() + "/checkpoint.safetensors"));
    }
  }
}

TEST_CASE("a run killed by SIGKILL at random steps and resumed ends with the same files") {
  const TemporaryFolder pictures, out;
  small_run::write_images(pictures.path());
  const auto command = [&](const std::string& name) {
    return std::vector<std::string>{DIVA_MAIN,
                                    "--dataset",
                                    "folder",
                                    "--source_path",
                                    pictures.path(),
                                    "--save_path",
                                    out.path(),
                                    "--savename",
                                    name,
                                    "--arch",
                                    "conv4_normalize",
                                    "--widths",
                                    "8",
                                    "--image_size",
                                    "16",
                                    "--gray",
                                    "--embed_dim",
                                    "8",
                                    "--bs",
                                    "6",
                                    "--n_epochs",
                                    "6",
                                    "--lr",
                                    "0.01",
                                    "--diva_features",
                                    "discriminative",
                                    "selfsimilarity",
                                    "shared",
                                    "intra",
                                    "--diva_rho_decorrelation",
                                    "10",
                                    "--evaltypes",
                                    "discriminative",
                                    "--evaluation_metrics",
                                    "recall@1",
                                    "--checkpoint_steps",
                                    "1",
                                    "--resume",
                                    "auto",
                                    "--seed",
                                    "5"};
  };
  const auto log = out.path() + "/log";
  REQUIRE(wait_for(start(command("whole"), log)) == 0);

  diva::Generator generator(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  const auto rows = out.path() + "/killed/train.csv";
  int kills = 0;
  for (std::size_t target = 2; target < 20;) {
    target += static_cast<std::size_t>(generator.below(8));
    const auto child = start(command("killed"), log);
    int status = 0;
    while (lines(rows) < target && waitpid(child, &status, WNOHANG) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    kill(child, SIGKILL);
    if (status == 0) wait_for(child);
    ++kills;
    ++target;
  }
  INFO(kills << " kills; output of the program:\n" << text(log));
  REQUIRE(wait_for(start(command("killed"), log)) == 0);
  CHECK(lines(rows) == 25);  // a header and 6 epochs of 4 steps, each once
  for (const auto* file : {"/checkpoint.safetensors", "/train.csv", "/evaluation.csv"}) {
    INFO(file);
    CHECK(text(out.path() + "/killed" + file) == text(out.path() + "/whole" + file));
  }
}
