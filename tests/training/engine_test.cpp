// What moves and speeds a run: optimisers, schedules, averages, precision, accumulation, chunks, freezing, cached features.
#include "support/small_run.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/training/checkpoint.hpp>

#include <algorithm>
#include <cmath>

using Catch::Matchers::Contains;
using small_run::Pictures;
using small_run::Recorder;

namespace {

std::vector<std::uint8_t> checkpoint(const TemporaryFolder& folder) {
  return diva::read_file(folder.path() + "/checkpoint.safetensors");
}

const torch::Tensor& tensor(const std::vector<diva::NamedTensor>& all, const std::string& name) {
  return std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; })->tensor;
}

// A run that is stopped after each of these steps and resumed ends as one that is not.
void resumes_in_the_same_bits(const Pictures& pictures, const diva::TrainingOptions& options) {
  const TemporaryFolder whole;
  const auto result = diva::train(options, pictures.train, pictures.test, {.folder = whole.path()});
  for (std::int64_t stop_after = 1; stop_after < result.steps; stop_after += 2) {
    INFO("stopped after step " << stop_after);
    const TemporaryFolder halves;
    std::int64_t steps = 0;
    diva::train(options, pictures.train, pictures.test, {.folder = halves.path(), .stop = [&] { return ++steps == stop_after; }});
    diva::train(options, pictures.train, pictures.test, {.folder = halves.path(), .resume = true});
    CHECK(checkpoint(halves) == checkpoint(whole));
  }
}

// Of statistics that do not depend on the batch, so that parts of it add up.
diva::TrainingOptions frozen_statistics() {
  auto options = small_run::options();
  options.network.backbone_options.batch_norm = diva::BatchNorm::frozen_statistics;
  return options;
}

}  // namespace

TEST_CASE("every optimiser and schedule trains and resumes in the same bits") {
  const Pictures pictures;
  for (const auto kind : {diva::OptimizerKind::adamw, diva::OptimizerKind::sgd}) {
    auto options = small_run::options();
    options.network.heads = {"discriminative"};
    options.evaluation.combinations = {"discriminative"};
    options.optimizer.kind = kind;
    options.optimizer.clip_norm = 0.5;
    options.optimizer.schedule = {
        .kind = kind == diva::OptimizerKind::sgd ? diva::ScheduleKind::plateau : diva::ScheduleKind::cosine,
        .gamma = 0.5,
        .warmup_epochs = 0.5,
        .patience = 0};
    options.optimizer.groups = R"({"loss.discriminative": {"schedule": {"kind": "exponential", "gamma": 0.9}}})";
    resumes_in_the_same_bits(pictures, options);
  }
}

TEST_CASE("warm-up and cosine reach the observers step by step") {
  const Pictures pictures;
  auto options = small_run::options();
  options.network.heads = {"discriminative"};
  options.optimizer.schedule = {.kind = diva::ScheduleKind::cosine, .warmup_epochs = 0.5};
  Recorder recorder;
  diva::train(options, pictures.train, pictures.test, {.observers = {&recorder}});
  REQUIRE(recorder.steps.size() == 12);
  for (std::size_t i = 0; i < 12; ++i) {
    const double x = static_cast<double>(i);
    const double expected = 0.01 * std::min(1.0, (x + 1) / 2) * (1 + std::cos(x / 12 * 3.14159265358979)) / 2;
    CHECK(std::abs(recorder.steps[i].learning_rate - expected) < 1e-9);
  }
}

TEST_CASE("a moving average follows the weights, is what is evaluated and loaded, and resumes in the same bits") {
  const Pictures pictures;
  auto options = small_run::options();
  options.average_decay = 0.5;
  options.epochs = 1;
  resumes_in_the_same_bits(pictures, options);
  // By hand, from the checkpoints of a run after each step.
  const TemporaryFolder out;
  options.network.heads = {"discriminative"};
  options.evaluation.combinations = {"discriminative"};
  const std::string name = "head.discriminative.weight";
  torch::Tensor average =
      tensor(diva::Network(options.network, diva::Generator(0).fork(0)).named_parameters(), name).detach().clone();
  const auto file = out.path() + "/checkpoint.safetensors";
  for (int step = 1; step <= 4; ++step) {
    diva::train(options, pictures.train, pictures.test, {.folder = out.path(), .resume = true, .stop = [] { return true; }});
    const auto state = diva::read_checkpoint(file);
    average = 0.5 * average + 0.5 * state.tensor("network." + name);
    CHECK(torch::allclose(average, state.tensor("average." + name), 1e-5, 1e-7));
  }
  auto result = diva::train(options, pictures.train, pictures.test, {.folder = out.path(), .resume = true});
  CHECK(torch::equal(tensor(diva::load_network(file).network.named_parameters(), name),
                     diva::read_checkpoint(file).tensor("average." + name)));
  CHECK(torch::equal(tensor(result.network.named_parameters(), name), diva::read_checkpoint(file).tensor("average." + name)));
  options.average_decay = 1;
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("average_decay"));
}

TEST_CASE("bfloat16 moves the weights nearly as float32 does, and resumes in the same bits") {
  const Pictures pictures;
  auto options = small_run::options();
  options.epochs = 1;
  Recorder exact, rounded;
  diva::train(options, pictures.train, pictures.test, {.observers = {&exact}});
  options.precision = diva::Precision::bfloat16;
  diva::train(options, pictures.train, pictures.test, {.observers = {&rounded}});
  CHECK(rounded.steps[0].loss != exact.steps[0].loss);
  CHECK(std::abs(rounded.steps[0].terms[0].second - exact.steps[0].terms[0].second) < 0.1);
  resumes_in_the_same_bits(pictures, options);
  options.precision = diva::Precision::half;
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("half"));
}

TEST_CASE("a step of chunks is the step of the whole batch") {
  const Pictures pictures;
  auto options = frozen_statistics();
  options.network.heads = {"discriminative", "selfsimilarity", "shared", "intra", "dc", "imrot", "invariantspread"};
  options.objective.dc.clusters = 3;
  options.evaluation.combinations = {"discriminative"};
  options.epochs = 1;
  options.optimizer = {.learning_rate = 0.01, .kind = diva::OptimizerKind::sgd};  // Adam divides rounding by itself
  Recorder whole, parts;
  const auto one = diva::train(options, pictures.train, pictures.test, {.observers = {&whole}});
  options.chunk_size = 4;  // 4 and 2 of 6
  const auto other = diva::train(options, pictures.train, pictures.test, {.observers = {&parts}});
  for (std::size_t i = 0; i < whole.steps.size(); ++i) CHECK(std::abs(whole.steps[i].loss - parts.steps[i].loss) < 1e-4);
  const auto a = one.network.named_parameters(), b = other.network.named_parameters();
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(torch::allclose(a[i].tensor, b[i].tensor, 1e-4, 1e-5));
}

TEST_CASE("accumulated batches make one step of their mean gradient, and resume in the same bits") {
  const Pictures pictures;
  auto options = frozen_statistics();
  options.network.heads = {"discriminative"};
  options.evaluation.combinations = {"discriminative"};
  options.epochs = 2;
  options.accumulate = 3;  // of 4 batches an epoch: steps of 3 and of 1
  Recorder recorder;
  const auto result = diva::train(options, pictures.train, pictures.test, {.observers = {&recorder}});
  REQUIRE(result.steps == 4);
  CHECK(recorder.steps[0].batch == 2);
  CHECK(recorder.steps[1].batch == 3);
  CHECK(recorder.steps[2].epoch == 1);
  resumes_in_the_same_bits(pictures, options);
  // With weights that stay, the losses of the steps are the means of the batches' losses.
  options.optimizer.learning_rate = 0;
  options.objective.loss_options = R"({"boundary_learning_rate": 0})";
  Recorder together, apart;
  diva::train(options, pictures.train, pictures.test, {.observers = {&together}});
  options.accumulate = 1;
  diva::train(options, pictures.train, pictures.test, {.observers = {&apart}});
  CHECK(std::abs(together.steps[0].loss - (apart.steps[0].loss + apart.steps[1].loss + apart.steps[2].loss) / 3) < 1e-6);
  CHECK(std::abs(together.steps[1].loss - apart.steps[3].loss) < 1e-6);
}

TEST_CASE("frozen parts stay as they are, for their epochs or for ever") {
  const Pictures pictures;
  const TemporaryFolder out;
  auto options = small_run::options();
  options.network.heads = {"discriminative"};
  options.evaluation.combinations = {"discriminative"};
  options.frozen = {"backbone:1", "head.discriminative.bias"};
  const diva::Network start(options.network, diva::Generator(0).fork(0));
  const auto file = out.path() + "/checkpoint.safetensors";
  const auto differs = [&](const std::string& name, const torch::Tensor& before) {
    return !torch::equal(diva::read_checkpoint(file).tensor("network." + name), before);
  };
  options.epochs = 1;
  diva::train(options, pictures.train, pictures.test, {.folder = out.path()});
  for (const auto& [name, before] : start.named_parameters()) {
    INFO(name);
    CHECK(differs(name, before) == (name == "head.discriminative.weight"));
  }
  for (const auto& [name, before] : start.named_buffers()) CHECK_FALSE(differs(name, before));  // running statistics
  options.epochs = 2;
  diva::train(options, pictures.train, pictures.test, {.folder = out.path(), .resume = true});
  for (const auto& [name, before] : start.named_parameters()) {
    INFO(name);
    CHECK(differs(name, before) == (name != "head.discriminative.bias"));
  }
  options.epochs = 3;
  resumes_in_the_same_bits(pictures, options);
  for (const auto* wrong : {"backbon", "backbone:", "backbone:0", "backbone:1x"}) {
    options.frozen = {wrong};
    CHECK_THROWS_AS(diva::train(options, pictures.train, pictures.test), diva::OptionError);
  }
}

TEST_CASE("heads trained on cached features are those trained on the frozen backbone's evaluation views") {
  const Pictures pictures;
  auto options = small_run::options();
  options.network.heads = {"discriminative", "selfsimilarity", "dc"};
  options.objective.dc.clusters = 3;
  options.evaluation.combinations = {"all"};
  options.frozen = {"backbone"};
  // Training views that are the evaluation views.
  options.augmentation.crop = diva::TrainingCrop::none;
  Recorder images, features;
  const auto slow = diva::train(options, pictures.train, pictures.test, {.observers = {&images}});
  options.cache_features = true;
  const auto fast = diva::train(options, pictures.train, pictures.test, {.observers = {&features}});
  REQUIRE(images.steps.size() == features.steps.size());
  for (std::size_t i = 0; i < images.steps.size(); ++i) CHECK(std::abs(images.steps[i].loss - features.steps[i].loss) < 1e-3);
  for (std::size_t i = 0; i < images.evaluations.size(); ++i) {
    for (std::size_t row = 0; row < images.evaluations[i].rows.size(); ++row)
      CHECK(std::abs(images.evaluations[i].rows[row].values[0].second - features.evaluations[i].rows[row].values[0].second) < 0.05);
  }
  options.average_decay = 0.9;
  options.sampler.name = "greedy_coreset";
  resumes_in_the_same_bits(pictures, options);
  options.network.heads = {"discriminative", "imrot"};
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("imrot"));
  options.frozen = {};
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("frozen"));
}
