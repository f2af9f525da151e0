#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/key_queue.hpp>

#include <algorithm>
#include <deque>

namespace {

std::vector<double> sorted(const diva::KeyQueue& queue) {
  const auto keys = queue.keys().to(torch::kFloat64).contiguous();
  std::vector<double> values(keys.data_ptr<double>(), keys.data_ptr<double>() + keys.numel());
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

TEST_CASE("the queue keeps the newest keys, whatever the sizes of the batches") {
  for (const std::int64_t capacity : {1, 3, 7, 10}) {
    diva::KeyQueue queue(capacity, 1);
    CHECK(queue.capacity() == capacity);
    std::deque<double> expected;
    double next = 0;
    for (const std::int64_t batch : {2, 3, 1, 5, 8, 20, 0, 4}) {
      const auto keys = torch::arange(static_cast<std::int64_t>(next), static_cast<std::int64_t>(next) + batch).to(torch::kFloat32);
      for (std::int64_t i = 0; i < batch; ++i) expected.push_back(next++);
      while (static_cast<std::int64_t>(expected.size()) > capacity) expected.pop_front();
      queue.push(keys.unsqueeze(1));
      REQUIRE(queue.size() == static_cast<std::int64_t>(expected.size()));
      REQUIRE(sorted(queue) == std::vector<double>(expected.begin(), expected.end()));
    }
  }
}

TEST_CASE("a restored queue goes on where it stood") {
  for (const int pushed : {0, 1, 5}) {
    diva::KeyQueue queue(6, 2), restored(6, 2);
    for (int i = 0; i < pushed; ++i) queue.push(torch::full({2, 2}, 1.0 * i));
    restored.restore(queue.state());
    for (int i = 10; i < 13; ++i) {
      queue.push(torch::full({1, 2}, 1.0 * i));
      restored.push(torch::full({1, 2}, 1.0 * i));
      REQUIRE(torch::equal(queue.keys(), restored.keys()));
    }
  }
}

TEST_CASE("the queue holds no graph and refuses what does not fit") {
  diva::KeyQueue queue(4, 2);
  queue.push(torch::ones({2, 2}).requires_grad_());
  CHECK_FALSE(queue.keys().requires_grad());
  CHECK_THROWS_AS(queue.push(torch::ones({2, 3})), diva::ShapeError);
  CHECK_THROWS_AS(diva::KeyQueue(0, 2), diva::OptionError);
  diva::State state;
  state.put("keys", torch::ones({5, 2}));
  state.put("next", std::int64_t{0});
  CHECK_THROWS_AS(queue.restore(state), diva::DataError);
  CHECK(queue.size() == 2);
}
