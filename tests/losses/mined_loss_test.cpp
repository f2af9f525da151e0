#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/cross_batch_memory.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/mined_loss.hpp>
#include <diva/losses/triplet_loss.hpp>

namespace {

const auto x = diva::Generator(1).normal({12, 4}, torch::kFloat64);
const auto labels = torch::arange(12, torch::kInt64).remainder(3);

diva::MinedLoss random_triplet(std::uint64_t seed) {
  return {std::make_shared<diva::TripletLoss>(), diva::make_miner("random"), diva::Generator(seed)};
}

}  // namespace

TEST_CASE("mined is the criterion of what its miner chooses, whatever triplets are given") {
  diva::MinedLoss loss(std::make_shared<diva::TripletLoss>(), diva::make_miner("batch_hard"));
  diva::Generator nothing_drawn;
  diva::TripletLoss triplet;
  const double expected = triplet.forward(x, labels, diva::make_miner("batch_hard")({x, labels}, nothing_drawn)).item<double>();
  CHECK(loss.forward(x, labels).item<double>() == expected);
  const auto index = [](std::int64_t i) { return torch::tensor({i}, torch::kInt64); };
  CHECK(loss.forward(x, labels, diva::Triplets{index(0), index(3), index(1)}).item<double>() == expected);
  CHECK(!loss.takes_tuples());
}

TEST_CASE("mined chooses within a relation and from a reference") {
  // Only samples 0 and 1 agree: the hardest positive of 0 is 1 and nothing else.
  auto positive = torch::zeros({12, 12}, torch::kBool);
  positive[0][1] = positive[1][0] = true;
  const auto r = diva::Generator(2).normal({12, 4}, torch::kFloat64);
  for (const char* name : {"batch_hard", "all"}) {
    INFO(name);
    diva::Generator nothing_drawn;
    diva::MinedLoss loss(std::make_shared<diva::TripletLoss>(), diva::make_miner(name));
    diva::TripletLoss triplet;
    const auto by_hand = [&](const diva::Comparison& comparison, const diva::Relation& relation) {
      const auto mined = diva::make_miner(name)(comparison, nothing_drawn);
      const auto chosen = std::holds_alternative<std::monostate>(mined) ? diva::Tuples(relation) : mined;
      return triplet.forward(x, labels, chosen, comparison.reference).item<double>();
    };
    const diva::Relation relation = {positive};
    const diva::Reference reference = {r, labels};
    CHECK(loss.forward(x, labels, relation).item<double>() ==
          by_hand({.embeddings = x, .labels = labels, .relation = relation}, relation));
    CHECK(loss.forward(x, labels, relation, reference).item<double>() ==
          by_hand({.embeddings = x, .labels = labels, .reference = reference, .relation = relation}, relation));
  }
}

TEST_CASE("mined in a memory mines from the memory, without pairs of a sample with itself") {
  const auto mined =
      std::make_shared<diva::MinedLoss>(std::make_shared<diva::ContrastiveLoss>(), diva::make_miner("batch_easy_hard"));
  diva::CrossBatchMemory memory(mined, 4, {.capacity = 30});
  diva::CrossBatchMemory with_source(std::make_shared<diva::ContrastiveLoss>(), 4, {.capacity = 30},
                                     [](const diva::Comparison& comparison) {
                                       diva::Generator nothing_drawn;
                                       return diva::make_miner("batch_easy_hard")(comparison, nothing_drawn);
                                     });
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto batch = diva::Generator(seed).normal({12, 4}, torch::kFloat64);
    CHECK(memory.forward(batch, labels).item<double>() == with_source.forward(batch, labels).item<double>());
  }
}

TEST_CASE("mined draws anew each time, from its own generator, and goes on after a restart") {
  auto one = random_triplet(1), same = random_triplet(1), other = random_triplet(2);
  const auto value = [](diva::MinedLoss& loss) { return loss.forward(x, labels).item<double>(); };
  const double first = value(one), second = value(one);
  CHECK(first != second);
  CHECK(value(same) == first);
  CHECK(value(other) != first);
  auto restored = random_triplet(1);
  restored.restore(one.state());
  CHECK(value(restored) == value(one));
}

TEST_CASE("mined keeps the state of its criterion and refuses one of another") {
  const auto make = [] {
    return diva::MinedLoss(std::make_shared<diva::MarginLoss>(diva::MarginLossOptions{}, 3), diva::make_miner("random"));
  };
  auto source = make(), target = make();
  REQUIRE(source.named_parameters()[0].name == "loss.beta");
  source.parameters()[0].detach().fill_(0.7);
  target.restore(source.state());
  CHECK(torch::equal(target.parameters()[0], source.parameters()[0]));
  auto without = source.state();
  without.tensors.erase("draws");
  CHECK_THROWS_AS(target.restore(without), diva::DataError);
  auto more = source.state();
  more.put("other", std::int64_t{1});
  CHECK_THROWS_AS(target.restore(more), diva::DataError);
}

TEST_CASE("mined refuses a missing criterion and a missing miner") {
  CHECK_THROWS_AS(diva::MinedLoss(nullptr, diva::make_miner("random")), diva::OptionError);
  CHECK_THROWS_AS(diva::MinedLoss(std::make_shared<diva::TripletLoss>(), diva::Miner()), diva::OptionError);
}
