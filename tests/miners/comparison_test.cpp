#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/comparison.hpp>

using Catch::Matchers::Contains;
using diva::Comparison;

namespace {

torch::Tensor ids(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }
torch::Tensor marks(std::vector<int> values, std::int64_t columns) {
  return torch::tensor(values, torch::kInt32).view({-1, columns}).to(torch::kBool);
}

}  // namespace

TEST_CASE("relation_rows of a batch with itself leaves out each sample's pair with itself") {
  const Comparison batch{.embeddings = torch::zeros({3, 2}), .labels = ids({5, 7, 5})};
  const auto all = diva::detail::relation_rows(batch);
  CHECK(torch::equal(all.positive, marks({0, 0, 1, 0, 0, 0, 1, 0, 0}, 3)));
  CHECK(torch::equal(all.negative, marks({0, 1, 0, 1, 0, 1, 0, 1, 0}, 3)));
  const auto last = diva::detail::relation_rows(batch, 2, 1);
  CHECK(torch::equal(last.positive, all.positive.narrow(0, 2, 1)));
  CHECK(torch::equal(last.negative, all.negative.narrow(0, 2, 1)));
}

TEST_CASE("relation_rows of a reference compares all labels") {
  const Comparison batch{.embeddings = torch::zeros({2, 2}),
                         .labels = ids({1, 2}),
                         .reference = diva::Reference{torch::zeros({3, 2}), ids({2, 1, 1})}};
  const auto all = diva::detail::relation_rows(batch);
  CHECK(torch::equal(all.positive, marks({0, 1, 1, 1, 0, 0}, 3)));
  CHECK(torch::equal(all.negative, marks({1, 0, 0, 0, 1, 1}, 3)));
}

TEST_CASE("relation_rows of a user's matrix keeps weights and completes the negatives") {
  const auto weights = torch::tensor({{9.0, 0.5, 0.0}, {0.0, 9.0, 2.0}, {0.0, 0.0, 9.0}});
  const Comparison batch{.embeddings = torch::zeros({3, 2}), .relation = diva::Relation{weights}};
  const auto all = diva::detail::relation_rows(batch);
  CHECK(torch::equal(all.positive, torch::tensor({{0.0, 0.5, 0.0}, {0.0, 0.0, 2.0}, {0.0, 0.0, 0.0}})));
  CHECK(torch::equal(all.negative, marks({0, 0, 1, 1, 0, 0, 1, 1, 0}, 3)));
  CHECK(weights[0][0].item<double>() == 9.0);  // the user's matrix is not written to
}

TEST_CASE("relation_rows of tuples marks their pairs once") {
  const Comparison batch{.embeddings = torch::zeros({3, 2}), .labels = ids({0, 0, 1})};
  const auto triplets = diva::Triplets{ids({0, 0, 1}), ids({1, 1, 0}), ids({2, 2, 2})};
  const auto of_triplets = diva::detail::relation_rows(batch, triplets, 0, 3);
  CHECK(torch::equal(of_triplets.positive, marks({0, 1, 0, 1, 0, 0, 0, 0, 0}, 3)));
  CHECK(torch::equal(of_triplets.negative, marks({0, 0, 1, 0, 0, 1, 0, 0, 0}, 3)));
  const auto of_pairs = diva::detail::relation_rows(batch, diva::Pairs{ids({1}), ids({0}), ids({2}), ids({0})}, 1, 2);
  CHECK(torch::equal(of_pairs.positive, marks({1, 0, 0, 0, 0, 0}, 3)));
  CHECK(torch::equal(of_pairs.negative, marks({0, 0, 0, 1, 0, 0}, 3)));
}

TEST_CASE("check_comparison refuses what does not fit") {
  const auto x = torch::zeros({2, 4});
  const auto check = [](const Comparison& comparison, bool needs_labels = false) {
    diva::detail::check_comparison("f", comparison, needs_labels);
  };
  CHECK_NOTHROW(check({.embeddings = x, .labels = ids({0, 1})}));
  CHECK_THROWS_AS(check({.embeddings = x}), diva::ShapeError);
  CHECK_THROWS_AS(check({.embeddings = x, .labels = ids({0})}), diva::ShapeError);
  CHECK_THROWS_WITH(
      check({.embeddings = x, .labels = ids({0, 1}), .reference = diva::Reference{torch::zeros({2, 3}), ids({0, 1})}}),
      Contains("reference.embeddings"));
  CHECK_THROWS_AS(check({.embeddings = x, .labels = ids({0, 1}), .reference = diva::Reference{torch::zeros({2, 4})}}),
                  diva::ShapeError);
  const diva::Relation relation{torch::zeros({2, 2}, torch::kBool)};
  CHECK_NOTHROW(check({.embeddings = x, .relation = relation}));
  CHECK_THROWS_AS(check({.embeddings = x, .relation = relation}, true), diva::ShapeError);
  CHECK_THROWS_WITH(check({.embeddings = x, .relation = diva::Relation{torch::zeros({2, 3}, torch::kBool)}}),
                    Contains("relation.positive"));
  CHECK_THROWS_AS(check({.embeddings = x, .relation = diva::Relation{torch::zeros({2, 2}, torch::kInt64)}}), diva::ShapeError);
}
