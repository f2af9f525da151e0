#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/cross_batch_memory.hpp>
#include <diva/losses/triplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

diva::CrossBatchMemory memory_of(std::int64_t capacity, diva::TupleSource miner = {}) {
  return diva::CrossBatchMemory(std::make_shared<diva::ContrastiveLoss>(), 3, {.capacity = capacity}, std::move(miner));
}

struct Stream {
  diva::Generator generator;
  std::pair<torch::Tensor, torch::Tensor> next() {
    return {generator.normal({4, 3}, torch::kFloat64), (generator.uniform({4}, torch::kFloat64) * 3).floor().to(torch::kInt64)};
  }
};

}  // namespace

TEST_CASE("cross_batch_memory compares with the newest embeddings but never a sample with itself") {
  auto memory = memory_of(10);
  Stream stream{diva::Generator(1)};
  std::vector<torch::Tensor> rows, classes;
  for (int step = 0; step < 7; ++step) {
    const auto [x, y] = stream.next();
    rows.push_back(x);
    classes.push_back(y);
    const auto all = torch::cat(rows), labels = torch::cat(classes);
    const auto kept = std::min<std::int64_t>(10, all.size(0)), first = all.size(0) - kept;
    const auto others = all.narrow(0, first, kept), other_labels = labels.narrow(0, first, kept);
    auto positive = y.unsqueeze(1) == other_labels.unsqueeze(0);
    const auto negative = ~positive;
    for (std::int64_t i = 0; i < 4; ++i) positive[i][kept - 4 + i] = false;
    const double expected =
        diva::ContrastiveLoss().forward(x, y, diva::Relation{positive, negative}, diva::Reference{others}).item<double>();
    CHECK_THAT(memory.forward(x, y).item<double>(), WithinAbs(expected, 1e-12));
    CHECK(memory.size() == kept);
  }
}

TEST_CASE("cross_batch_memory restores its position") {
  for (int before = 0; before < 6; ++before) {
    auto source = memory_of(10), target = memory_of(10);
    Stream stream{diva::Generator(2)}, noise{diva::Generator(3)};
    for (int step = 0; step < before; ++step) {
      const auto [x, y] = stream.next();
      source.forward(x, y);
      const auto [u, v] = noise.next();
      target.forward(u, v);
    }
    target.restore(source.state());
    for (int step = 0; step < 4; ++step) {
      const auto [x, y] = stream.next();
      CHECK(target.forward(x, y).item<double>() == source.forward(x, y).item<double>());
    }
  }
  auto memory = memory_of(10);
  auto state = memory.state();
  state.put("next", std::int64_t{3});
  CHECK_THROWS_AS(memory.restore(state), diva::DataError);
}

TEST_CASE("cross_batch_memory: the backward pass may come after later batches") {
  auto memory = memory_of(5), same = memory_of(5);
  Stream stream{diva::Generator(4)};
  const auto [a, y] = stream.next();
  const auto [b, z] = stream.next();
  auto early = a.clone().requires_grad_(), late = a.clone().requires_grad_();
  memory.forward(early, y).backward();
  const auto value = same.forward(late, y);
  same.forward(b, z);
  value.backward();
  CHECK(torch::equal(early.grad(), late.grad()));
}

TEST_CASE("cross_batch_memory with an enqueue mask compares the unmarked with what is remembered") {
  auto memory = memory_of(6);
  const auto x = diva::Generator(5).normal({4, 3}, torch::kFloat64);
  const auto y = ids({0, 1, 0, 1});
  const auto mask = torch::tensor({false, false, true, true});
  const double expected =
      diva::ContrastiveLoss()
          .forward(x.narrow(0, 0, 2), y.narrow(0, 0, 2), {}, diva::Reference{x.narrow(0, 2, 2), y.narrow(0, 2, 2)})
          .item<double>();
  CHECK_THAT(memory.forward_masked(x, y, mask).item<double>(), WithinAbs(expected, 1e-12));
  CHECK(memory.size() == 2);
  CHECK_THROWS_AS(memory.forward_masked(x, y, y), diva::ShapeError);
}

TEST_CASE("cross_batch_memory lets a miner choose, and finds given tuples in the memory") {
  // The memory holds 4, 5 from before; the batch 0, 1 lies behind them at places 2 and 3.
  const auto old = diva::Generator(6).normal({2, 3}, torch::kFloat64), x = diva::Generator(7).normal({2, 3}, torch::kFloat64);
  bool itself_left_out = false;
  diva::CrossBatchMemory memory(std::make_shared<diva::TripletLoss>(), 3, {.capacity = 6},
                                [&](const diva::Comparison& comparison) -> diva::Tuples {
                                  itself_left_out = !comparison.relation->positive[0][2].item<bool>();
                                  return diva::Triplets{ids({0}), ids({0}), ids({1})};
                                });
  memory.enqueue(old, ids({0, 1}));
  const diva::Triplets given{ids({0}), ids({0}), ids({1})};
  const diva::Triplets expected{ids({0, 0}), ids({0, 2}), ids({1, 3})};
  const double value = diva::TripletLoss()
                           .forward(x, ids({0, 1}), expected, diva::Reference{torch::cat({old, x}), ids({0, 1, 0, 1})})
                           .item<double>();
  CHECK_THAT(memory.forward(x, ids({0, 1}), given).item<double>(), WithinAbs(value, 1e-12));
  CHECK(itself_left_out);
  CHECK_THROWS_AS(memory.forward(x, ids({0, 1}), diva::Pairs{ids({0}), ids({0}), ids({0}), ids({1})}), diva::OptionError);
}

TEST_CASE("cross_batch_memory refuses what does not fit") {
  auto memory = memory_of(3);
  CHECK_THROWS_AS(memory.forward(torch::ones({4, 3}), ids({0, 0, 1, 1})), diva::ShapeError);
  CHECK_THROWS_AS(memory.forward(torch::ones({2, 4}), ids({0, 0})), diva::ShapeError);
  CHECK_THROWS_AS(memory.forward(torch::ones({2, 3}), ids({0, 0}), diva::Relation{torch::ones({2, 2}, torch::kBool)}),
                  diva::OptionError);
  CHECK_THROWS_AS(diva::CrossBatchMemory(nullptr, 3), diva::OptionError);
  CHECK_THROWS_AS(memory_of(0), diva::OptionError);
}

TEST_CASE("cross_batch_memory that was cleared is like a new one") {
  auto used = memory_of(10), fresh = memory_of(10);
  Stream before{diva::Generator(4)}, stream{diva::Generator(5)};
  for (int step = 0; step < 4; ++step) {
    const auto [x, y] = before.next();
    used.forward(x, y);
  }
  used.clear();
  CHECK(used.size() == 0);
  for (int step = 0; step < 4; ++step) {
    const auto [x, y] = stream.next();
    CHECK(used.forward(x, y).item<double>() == fresh.forward(x, y).item<double>());
  }
}
