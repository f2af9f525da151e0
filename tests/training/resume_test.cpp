// A run that is stopped anywhere and resumed ends in the same bits as one that is not: stopped politely inside this process, and by
// SIGKILL as a process of its own (diva_main).
#include "support/small_run.hpp"

#include <diva/data/splits.hpp>
#include <diva/io/csv.hpp>

#include <diva/training/checkpoint.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <csignal>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
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

namespace {

// diva_main on the pictures, with everything that a run remembers.
std::vector<std::string> command(const std::string& pictures, const std::string& out, const std::string& name) {
  std::vector<std::string> words = {DIVA_MAIN, "--source_path", pictures, "--save_path", out, "--savename", name};
  std::istringstream rest(
      "--dataset folder --protocol paper --arch conv4_normalize --widths 8 --image_size 16 --gray --embed_dim 8 --bs 6 --n_epochs "
      "12"
      " --lr 0.01 --diva_features discriminative selfsimilarity shared intra dc imrot invariantspread --diva_dc_ncluster 3"
      " --diva_rho_decorrelation 10 --average_decay 0.9 --scheduler cosine --evaltypes discriminative --evaluation_metrics recall@1"
      " --checkpoint_steps 1 --kernels 1 --resume auto --seed 5");
  for (std::string word; rest >> word;) words.push_back(word);
  return words;
}

constexpr std::size_t all_rows = 1 + 12 * 4;  // a header and twelve epochs of four steps

void same_files(const std::string& one, const std::string& other) {
  for (const auto* file : {"/checkpoint.safetensors", "/best.safetensors", "/train.csv", "/evaluation.csv", "/result.csv"}) {
    INFO(file);
    CHECK(text(one + file) == text(other + file));
  }
}

}  // namespace

TEST_CASE(
    "a run killed by SIGKILL at twenty random moments, and one ended by SIGTERM, end with the files of one that was left alone") {
  const TemporaryFolder pictures, out;
  small_run::write_images(pictures.path());
  const auto log = out.path() + "/log";
  REQUIRE(wait_for(start(command(pictures.path(), out.path(), "whole"), log)) == 0);

  diva::Generator generator(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()));
  const auto rows = out.path() + "/killed/train.csv";
  for (int kills = 0; kills < 20; ++kills) {
    const auto target = lines(rows) + static_cast<std::size_t>(generator.below(3));
    const auto child = start(command(pictures.path(), out.path(), "killed"), log);
    int status = 0;
    bool ended = false;
    while (!ended && lines(rows) < target) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ended = waitpid(child, &status, WNOHANG) != 0;
    }
    // Some die while they start, some in a step, some while they write.
    std::this_thread::sleep_for(std::chrono::microseconds(generator.below(40000)));
    if (ended) continue;
    kill(child, SIGKILL);
    wait_for(child);
  }
  INFO("output of the program:\n" << text(log));
  REQUIRE(wait_for(start(command(pictures.path(), out.path(), "killed"), log)) == 0);
  CHECK(lines(rows) == all_rows);  // each once
  same_files(out.path() + "/killed", out.path() + "/whole");

  const auto ended_rows = out.path() + "/ended/train.csv";
  const auto child = start(command(pictures.path(), out.path(), "ended"), log);
  while (lines(ended_rows) < 6) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  kill(child, SIGTERM);
  const auto status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  CHECK((WEXITSTATUS(status) == 130 || lines(ended_rows) == all_rows));
  CHECK(diva::checkpoint_progress(out.path() + "/ended").step >= 5);
  REQUIRE(wait_for(start(command(pictures.path(), out.path(), "ended"), log)) == 0);
  same_files(out.path() + "/ended", out.path() + "/whole");
}

TEST_CASE("a full disk keeps the old checkpoint, is told, and does not end the run") {
  const small_run::Pictures pictures;
  const TemporaryFolder disk;
  // A disk of its own needs rights; without them a limit on the size of files stands for it.
  const bool mounted = ::mount("tmpfs", disk.path().c_str(), "tmpfs", 0, "size=2m") == 0;
  auto options = small_run::options();
  options.epochs = 1;
  const auto folder = disk.path() + "/run";
  diva::train(options, pictures.train, pictures.test, {.folder = folder, .keep_best = true});
  const auto path = diva::checkpoint_path(folder);
  const auto before = text(path);
  rlimit former{};
  ::getrlimit(RLIMIT_FSIZE, &former);
  if (mounted) {
    std::ofstream filler(disk.path() + "/filler", std::ios::binary);
    const std::vector<char> block(1024);
    while (filler.write(block.data(), 1024).flush()) {
    }
  } else {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1024, former.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  options.epochs = 2;
  small_run::Recorder recorder;
  const auto result = diva::train(options, pictures.train, pictures.test,
                                  {.folder = folder, .resume = true, .keep_best = true, .observers = {&recorder}});
  ::setrlimit(RLIMIT_FSIZE, &former);
  CHECK(result.finished);
  CHECK(text(path) == before);
  CHECK(recorder.checkpoints.empty());
  CHECK(std::any_of(recorder.warnings.begin(), recorder.warnings.end(), [&](const std::string& warning) {
    return warning.find(path) != std::string::npos && warning.find("what was there stays") != std::string::npos;
  }));
  // Nothing half written is left.
  for (const auto& entry : std::filesystem::directory_iterator(folder)) CHECK(entry.path().extension() == ".safetensors");
  // With room again the run goes on from the old checkpoint.
  if (mounted) std::filesystem::remove(disk.path() + "/filler");
  const TemporaryFolder whole;
  diva::train(options, pictures.train, pictures.test, {.folder = folder, .resume = true});
  diva::train(options, pictures.train, pictures.test, {.folder = whole.path()});
  CHECK(text(path) == text(diva::checkpoint_path(whole.path())));
  if (mounted) ::umount(disk.path().c_str());
}

TEST_CASE("a folder of images that vanishes ends the run with the file's name, and the run goes on when it is back") {
  const TemporaryFolder root, whole, broken;
  const auto here = root.path() + "/pictures", away = root.path() + "/away";
  small_run::write_images(here);
  const auto split = diva::zero_shot_split(diva::folder_of_classes(here));
  const auto store = [](const diva::Dataset& part) {
    return std::make_shared<const diva::ImageStore>(part, diva::ImageStoreOptions{.channels = 1});
  };
  const auto options = small_run::options();
  diva::train(options, store(split.train), store(split.test), {.folder = whole.path()});
  struct Thief : diva::Observer {
    using diva::Observer::on;
    void on(const diva::StepEvent& event) override {
      if (event.step == 5) std::filesystem::rename(here, away);
    }
    std::string here, away;
  } thief;
  thief.here = here;
  thief.away = away;
  CHECK_THROWS_AS(diva::train(options, store(split.train), store(split.test),
                              {.folder = broken.path(), .checkpoint_steps = 1, .observers = {&thief}}),
                  diva::IoError);
  std::filesystem::rename(away, here);
  CHECK(diva::checkpoint_progress(broken.path()).step >= 5);
  diva::train(options, store(split.train), store(split.test), {.folder = broken.path(), .resume = true});
  CHECK(text(diva::checkpoint_path(broken.path())) == text(diva::checkpoint_path(whole.path())));
}

TEST_CASE("the last checkpoints stay beside the newest as many as are asked for, and a diverging run keeps the last good one") {
  const small_run::Pictures pictures;
  const TemporaryFolder out;
  auto options = small_run::options();
  options.epochs = 2;
  diva::train(options, pictures.train, pictures.test, {.folder = out.path(), .checkpoint_steps = 1, .keep_last = 3});
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(out.path())) files.push_back(entry.path().filename().string());
  std::sort(files.begin(), files.end());
  CHECK(files == std::vector<std::string>{"checkpoint-0000000006.safetensors", "checkpoint-0000000007.safetensors",
                                          "checkpoint-0000000008.safetensors", "checkpoint.safetensors"});
  CHECK(text(out.path() + "/checkpoint-0000000008.safetensors") == text(diva::checkpoint_path(out.path())));
  CHECK(diva::read_checkpoint(out.path() + "/checkpoint-0000000006.safetensors").integer("position.step") == 6);

  const TemporaryFolder diverging;
  options.optimizer = {.learning_rate = 1e30, .kind = diva::OptimizerKind::sgd};
  options.network.heads = {"discriminative"};
  options.evaluation.combinations = {"discriminative"};
  CHECK_THROWS_AS(
      diva::train(options, pictures.train, pictures.test, {.folder = diverging.path(), .checkpoint_steps = 1, .keep_last = 1}),
      diva::DataError);
  CHECK(diva::checkpoint_progress(diverging.path()).step >= 1);
}
