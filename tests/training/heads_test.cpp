// The heads of self-supervised tasks in the objective and in a run, alone and together.
#include "support/small_run.hpp"

#include <diva/core/error.hpp>
#include <diva/core/files.hpp>
#include <diva/training/checkpoint.hpp>

#include <algorithm>

using Catch::Matchers::Contains;
using diva::Generator;
using diva::Objective;
using small_run::Pictures;
using small_run::Recorder;

namespace {

const std::vector<std::string> all_heads = {"discriminative", "selfsimilarity", "shared", "intra", "dc",
                                            "imrot",          "invariantspread"};

diva::TrainingOptions options_for(const std::vector<std::string>& heads) {
  auto options = small_run::options();
  options.network.heads = heads;
  options.objective.dc.clusters = 3;
  options.evaluation.combinations = {heads.front()};
  return options;
}

torch::Tensor random_embeddings(Generator& generator, std::int64_t rows = 6) {
  const auto x = generator.normal({rows, 8}, torch::kFloat32);
  return (x / x.norm(2, 1, true)).requires_grad_();
}

std::vector<std::uint8_t> checkpoint(const TemporaryFolder& folder) {
  return diva::read_file(folder.path() + "/checkpoint.safetensors");
}

}  // namespace

TEST_CASE("dc, imrot and invariantspread give their criteria's values, weighted by their alphas") {
  Generator generator(3);
  const auto labels = torch::arange(6).div(2, "floor");
  diva::Embeddings embeddings;
  for (const auto* head : {"dc", "imrot", "invariantspread"}) embeddings[head] = random_embeddings(generator);
  const diva::PretextInputs pretext{.clusters = torch::tensor({0, 1, 2, 2, 1, 0}),
                                    .rotated = random_embeddings(generator),
                                    .quarters = torch::tensor({0, 1, 2, 3, 3, 0}),
                                    .second_view = random_embeddings(generator)};
  const diva::ObjectiveOptions options{
      .decorrelations = {}, .dc = {.clusters = 3}, .alpha_dc = 0.5, .alpha_imrot = 2, .alpha_invariantspread = 3};
  const Objective objective(options, {"invariantspread", "imrot", "dc"}, 3, 8, Generator(2));
  const auto value = objective.forward(embeddings, labels, {}, {}, {}, pretext);
  // −log softmax of W x, by hand.
  const auto cross_entropy = [&](const std::string& name, const torch::Tensor& x, const torch::Tensor& y) {
    for (const auto& parameter : objective.named_parameters()) {
      if (parameter.name == "loss." + name + ".classifier.weight")
        return -x.mm(parameter.tensor.t()).log_softmax(1).gather(1, y.unsqueeze(1)).mean().item<double>();
    }
    return 0.0;
  };
  REQUIRE(value.terms.size() == 3);
  CHECK(value.terms[0].first == "dc");
  CHECK(std::abs(value.terms[0].second.item<double>() - cross_entropy("dc", embeddings["dc"], pretext.clusters)) < 1e-6);
  CHECK(std::abs(value.terms[1].second.item<double>() - cross_entropy("imrot", pretext.rotated, pretext.quarters)) < 1e-6);
  CHECK(std::abs(value.terms[2].second.item<double>() -
                 diva::InvariantSpreadLoss().forward(embeddings["invariantspread"], pretext.second_view).item<double>()) < 1e-6);
  CHECK(
      std::abs(value.total.item<double>() - (0.5 * value.terms[0].second.item<double>() + 2 * value.terms[1].second.item<double>() +
                                             3 * value.terms[2].second.item<double>())) < 1e-5);
  value.total.backward();
  for (const auto& x : {embeddings["dc"], pretext.rotated, embeddings["invariantspread"], pretext.second_view})
    CHECK(x.grad().abs().sum().item<double>() > 0);
  CHECK_FALSE(embeddings["imrot"].grad().defined());  // its loss is of turned images
}

TEST_CASE("classifiers learn ten times as fast as the network, and read pooled features in the reference's form") {
  const auto groups = Objective({.dc = {.clusters = 3}}, {"dc", "imrot"}, 3, 8, Generator(2)).groups();
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].name == "loss.dc");
  CHECK(groups[0].learning_rate == -1);
  CHECK(groups[0].factor == 10);
  CHECK(groups[0].parameters[0].tensor.sizes() == torch::IntArrayRef({3, 8}));
  const auto repo = Objective({.pretext = diva::Variant::repo}, {"dc", "imrot"}, 3, 8, Generator(2), 20).groups();
  CHECK(repo[0].parameters[0].tensor.sizes() == torch::IntArrayRef({300, 20}));
  CHECK(repo[1].parameters[0].tensor.sizes() == torch::IntArrayRef({4, 20}));
  CHECK_THROWS_AS(Objective({.pretext = diva::Variant::pml}, {"dc"}, 3, 8, Generator(2)), diva::OptionError);
  CHECK_THROWS_AS(Objective({.cluster_epochs = 0}, {"dc"}, 3, 8, Generator(2)), diva::OptionError);
}

TEST_CASE("clusters number all samples, and begin a classifier anew") {
  Objective objective({.dc = {.clusters = 2}}, {"dc"}, 3, 8, Generator(2));
  // Two heaps far from each other.
  Generator generator(1);
  auto features = generator.normal({10, 5}, torch::kFloat32);
  features.narrow(0, 5, 5).add_(100);
  const auto weight = objective.named_parameters()[0].tensor;
  const auto before = weight.detach().clone();
  const auto clusters = objective.cluster(features, generator);
  REQUIRE(clusters.sizes() == torch::IntArrayRef({10}));
  for (int i = 0; i < 10; ++i) CHECK((clusters[i] == clusters[0]).item<bool>() == (i < 5));
  CHECK_FALSE(torch::equal(weight, before));
  Objective without({}, {"discriminative"}, 3, 8, Generator(2));
  CHECK_THROWS_AS(without.cluster(features, generator), diva::OptionError);
}

TEST_CASE("each head trains alone: its loss is finite and its weights move") {
  const Pictures pictures;
  for (const auto& head : all_heads) {
    for (const auto pretext : {diva::Variant::fixed, diva::Variant::repo}) {
      const bool classifies = head == "dc" || head == "imrot";
      if (pretext == diva::Variant::repo && !classifies) continue;
      INFO(head << " " << to_string(pretext));
      auto options = options_for({head});
      options.epochs = 2;
      options.optimizer.weight_decay = 0;
      options.objective.pretext = pretext;
      Recorder recorder;
      const auto result = diva::train(options, pictures.train, pictures.test, {.observers = {&recorder}});
      REQUIRE(recorder.steps.size() == 8);
      for (const auto& step : recorder.steps) {
        REQUIRE(step.terms.size() == 1);
        CHECK(step.terms[0].first == head);
      }
      const diva::Network start(options.network, Generator(0).fork(0));
      const auto before = start.named_parameters(), after = result.network.named_parameters();
      for (std::size_t i = 0; i < after.size(); ++i) {
        INFO(after[i].name);
        // The reference classifies features, so that its head gets no loss.
        const bool moves = pretext == diva::Variant::fixed || !after[i].name.starts_with("head.");
        CHECK(torch::equal(before[i].tensor, after[i].tensor) != moves);
      }
    }
  }
}

TEST_CASE("random subsets of heads in random order, with random edges, train, stop, resume and end in the same bits") {
  const Pictures pictures;
  Generator generator(11);
  for (int round = 0; round < 6; ++round) {
    const auto order = generator.permutation(7);
    std::vector<std::string> heads;
    for (std::int64_t i = 0; i < 2 + generator.below(6); ++i)
      heads.push_back(all_heads[static_cast<std::size_t>(order[i].item<std::int64_t>())]);
    auto options = options_for(heads);
    options.objective.decorrelations.clear();
    options.objective.rho.clear();
    for (std::size_t i = 1; i < heads.size(); ++i) {
      options.objective.decorrelations.push_back(heads[i] + "-" + heads[i - 1]);
      options.objective.rho.push_back(generator.uniform(1, 20));
    }
    if (round % 2 == 1) options.objective.pretext = diva::Variant::repo;
    std::string text;
    for (const auto& head : heads) text += head + " ";
    INFO(text);
    const TemporaryFolder whole, halves;
    Recorder recorder;
    REQUIRE(diva::train(options, pictures.train, pictures.test, {.folder = whole.path(), .observers = {&recorder}}).finished);
    for (const auto& step : recorder.steps) CHECK(step.terms.size() == heads.size() + 1);  // and the separation
    const auto stop_after = 1 + generator.below(11);
    std::int64_t steps = 0;
    diva::train(options, pictures.train, pictures.test, {.folder = halves.path(), .stop = [&] { return ++steps == stop_after; }});
    diva::train(options, pictures.train, pictures.test, {.folder = halves.path(), .resume = true});
    CHECK(checkpoint(halves) == checkpoint(whole));
    // No key network where nothing asks for keys.
    const bool keys = std::find(heads.begin(), heads.end(), "selfsimilarity") != heads.end();
    const auto state = diva::read_checkpoint(whole.path() + "/checkpoint.safetensors");
    CHECK(state.child("key_network").tensors.empty() != keys);
    CHECK((state.tensors.count("clusters") == 1) == (std::find(heads.begin(), heads.end(), "dc") != heads.end()));
  }
}

TEST_CASE("more clusters than images are refused by their number") {
  const Pictures pictures;
  auto options = options_for({"dc"});
  options.objective.dc.clusters = 25;
  CHECK_THROWS_WITH(diva::train(options, pictures.train, pictures.test), Contains("clusters") || Contains("24"));
}
