#include "support/small_run.hpp"

#include <diva/core/error.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>
#include <diva/training/checkpoint.hpp>

#include <algorithm>

using Catch::Matchers::Contains;

using small_run::Pictures;
using small_run::Recorder;

namespace {

bool equal_parameters(const diva::Network& a, const diva::Network& b) {
  const auto x = a.named_parameters(), y = b.named_parameters();
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& one, const auto& other) {
    return one.name == other.name && torch::equal(one.tensor, other.tensor);
  });
}

}  // namespace

TEST_CASE("a run learns: the loss falls and retrieval of unseen classes rises") {
  const Pictures pictures;
  auto options = small_run::options();
  options.network.heads = {"discriminative"};
  options.epochs = 12;
  options.optimizer.schedule.milestones = {};
  Recorder recorder;
  const auto result = diva::train(options, pictures.train, pictures.test, {.observers = {&recorder}});
  REQUIRE(recorder.steps.size() == 48);
  const auto mean_loss = [&](std::size_t from) {
    double sum = 0;
    for (std::size_t i = from; i < from + 8; ++i) sum += recorder.steps[i].loss;
    return sum / 8;
  };
  CHECK(mean_loss(40) < mean_loss(0));
  CHECK(result.evaluations.back().rows[0].values[0].second > 0.5);  // four unseen classes: chance is 5/23 = 0.22
}

TEST_CASE("a run tells its observers of every step, evaluation and checkpoint") {
  const Pictures pictures;
  const TemporaryFolder out;
  Recorder recorder;
  const auto result =
      diva::train(small_run::options(), pictures.train, pictures.test, {.folder = out.path(), .observers = {&recorder}});
  CHECK(result.finished);
  CHECK(result.steps == 12);
  REQUIRE(recorder.steps.size() == 12);
  CHECK(recorder.steps[5].epoch == 1);
  CHECK(recorder.steps[5].batch == 1);
  CHECK(recorder.steps[5].terms.size() == 5);
  CHECK(recorder.steps[11].learning_rate < recorder.steps[0].learning_rate);
  CHECK(recorder.steps[11].seconds_left == 0);
  CHECK(recorder.evaluations.size() == 3);
  CHECK(recorder.checkpoints.size() == 3);
  CHECK(diva::checkpoint_progress(out.path()).epoch == 3);
}

TEST_CASE("a run is a function of its seed, whatever the loader's threads") {
  const Pictures pictures;
  auto options = small_run::options();
  const auto one = diva::train(options, pictures.train, pictures.test, {.loader = {.threads = 1}});
  const auto three = diva::train(options, pictures.train, pictures.test, {.loader = {.threads = 3, .prefetch = 7}});
  CHECK(equal_parameters(one.network, three.network));
  options.seed = 1;
  CHECK_FALSE(equal_parameters(one.network, diva::train(options, pictures.train, pictures.test).network));
}

TEST_CASE("a run draws its batches by the sampler that the recipe names") {
  const Pictures pictures;
  auto options = small_run::options();
  options.network.heads = {"discriminative"};
  options.epochs = 1;
  const auto steps = [&](const std::string& name, const std::string& json) {
    options.sampler.name = name;
    options.sampler.options = json;
    Recorder recorder;
    diva::train(options, pictures.train, pictures.test, {.observers = {&recorder}});
    return recorder.steps;
  };
  // 4 classes of 6 images. m_per_class: 3 parts of each, 3 classes a batch: 4 batches; full_random of 5: 5 batches.
  CHECK(steps("m_per_class", "{}").size() == 4);
  CHECK(steps("full_random", R"({"batch_size": 5})").size() == 5);
  // No name has a category, so all classes are of one.
  CHECK(steps("hierarchical", R"({"categories_per_batch": 1, "batches_per_combination": 3})").size() == 3);
  const auto by_default = steps("class_random", "{}"), coreset = steps("greedy_coreset", "{}");
  REQUIRE(coreset.size() == 4);
  CHECK(coreset[0].loss != by_default[0].loss);
  CHECK_THROWS_WITH(steps("class_randm", "{}"), Contains("class_random"));
  CHECK_THROWS_WITH(steps("category", "{}"), Contains("categories"));
}

TEST_CASE("a sampler's features are the embeddings of all images, and then those of each batch") {
  const Pictures pictures;
  const TemporaryFolder out;
  auto options = small_run::options();
  options.network.heads = {"selfsimilarity", "discriminative"};
  options.epochs = 1;
  options.sampler.name = "greedy_coreset";
  options.sampler.options = R"({"store": {"update": false}})";
  auto result = diva::train(options, pictures.train, pictures.test, {.folder = out.path()});
  const auto kept = diva::read_checkpoint(out.path() + "/checkpoint.safetensors").tensor("sampler.store.features").clone();
  REQUIRE(kept.sizes() == torch::IntArrayRef({24, 8}));
  CHECK(torch::allclose(kept.norm(2, 1), torch::ones({24}), 1e-5, 1e-5));
  options.sampler.options = "{}";
  diva::train(options, pictures.train, pictures.test, {.folder = out.path()});
  const auto updated = diva::read_checkpoint(out.path() + "/checkpoint.safetensors").tensor("sampler.store.features");
  const auto plan = diva::read_checkpoint(out.path() + "/checkpoint.safetensors").tensor("sampler.plan").flatten();
  for (std::int64_t i = 0; i < 24; ++i) {
    const bool trained = (plan == i).any().item<bool>();
    CHECK(torch::equal(kept[i], updated[i]) != trained);
  }
}

TEST_CASE("a loss that is not finite stops the run with the term and the samples to blame") {
  const Pictures pictures;
  auto options = small_run::options();
  options.augmentation.standard_deviation = {1e-44};  // inputs are infinite
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test),
                    Contains("finite") && Contains("discriminative") && Contains("epoch 1, batch 1") && Contains("samples"));
}

TEST_CASE("classes that are too small are told, and a checkpoint of another recipe is refused") {
  const Pictures pictures;
  const TemporaryFolder out;
  auto dataset = pictures.split.train;
  dataset.samples.resize(dataset.samples.size() - 5);  // the last class has one image left
  auto options = small_run::options();
  options.epochs = 1;
  Recorder recorder;
  diva::train(options, small_run::store(dataset), pictures.test, {.folder = out.path(), .observers = {&recorder}});
  REQUIRE(recorder.warnings.size() == 1);
  CHECK_THAT(recorder.warnings[0], Contains("1 of 4 classes have fewer than 2 images"));
  options.optimizer.schedule.gamma = 0.5;
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test, {.folder = out.path(), .resume = true}),
                    Contains("/optimizer/schedule/gamma"));
}

TEST_CASE("a run begins with given weights of the backbone, refuses those of another, and tells what it did not use") {
  const Pictures pictures;
  auto options = small_run::options();
  options.epochs = 1;
  options.optimizer.learning_rate = 0;
  diva::Generator generator(77);
  const auto source = diva::make_backbone("conv4", options.network.backbone_options, generator);
  diva::State state;
  for (const auto& [name, tensor] : source->state().tensors) state.put("state_dict.module." + name, tensor);
  state.put("state_dict.module.blocks.9.conv.weight", torch::ones({1}));
  options.weights = pictures.folder / "weights.pth";
  diva::write_torch_checkpoint(options.weights, state);
  Recorder recorder;
  auto result = diva::train(options, pictures.train, pictures.test, {.folder = pictures.folder / "run", .observers = {&recorder}});
  const auto expected = source->parameters(), parameters = result.network.backbone().parameters();
  REQUIRE(parameters.size() == expected.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) CHECK(torch::equal(parameters[i], expected[i]));
  REQUIRE_FALSE(recorder.warnings.empty());
  CHECK_THAT(recorder.warnings.front(), Contains("weights.pth") && Contains("1 unexpected: blocks.9.conv.weight"));

  // Resumed, the run needs the file no more.
  std::filesystem::remove(options.weights);
  options.epochs = 2;
  CHECK(diva::train(options, pictures.train, pictures.test, {.folder = pictures.folder / "run", .resume = true}).finished);

  CHECK_THROWS_AS(diva::train(options, pictures.train, pictures.test), diva::IoError);
  state.tensors.erase("state_dict.module.blocks.2.bn.bias");
  diva::write_torch_checkpoint(options.weights, state);
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("missing: blocks.2.bn.bias"));
}
