#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/state.hpp>

using diva::State;

TEST_CASE("state returns what was put, by type") {
  State state;
  state.put("weight", torch::ones({2, 3}));
  state.put("step", std::int64_t{42});
  state.put("rate", 0.1);
  state.put("note", std::string("margin"));
  CHECK(state.tensor("weight").sizes() == torch::IntArrayRef({2, 3}));
  CHECK(state.integer("step") == 42);
  CHECK(state.real("rate") == 0.1);
  CHECK(state.text("note") == "margin");
}

TEST_CASE("state nests by prefix and gives the child back, siblings with a common beginning apart") {
  State child, parent;
  child.put("beta", torch::ones({2}));
  child.put("name", std::string("x"));
  parent.put("loss", child);
  parent.put("loss2.beta", torch::zeros({2}));
  CHECK(parent.tensors.count("loss.beta") == 1);
  const auto back = parent.child("loss");
  CHECK(back.tensors.size() == 1);
  CHECK(back.text("name") == "x");
}

TEST_CASE("state refuses absent names and wrong types") {
  State state;
  state.put("weight", torch::ones({2}));
  CHECK_THROWS_AS(state.tensor("nothing"), diva::DataError);
  CHECK_THROWS_AS(state.integer("weight"), diva::DataError);
  CHECK_THROWS_AS(state.text("weight"), diva::DataError);
}
