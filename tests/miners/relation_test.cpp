#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/miners/relation.hpp>

namespace {

torch::Tensor marks(std::vector<int> values, std::int64_t columns) {
  return torch::tensor(values, torch::kInt32).view({-1, columns}).to(torch::kBool);
}

}  // namespace

TEST_CASE("multi-label relation: enough shared labels are positive, none negative, few neither") {
  // Rows {a, b}, {a, b, c}, {c}, {}: shared 2, 3, 1 and 0.
  const auto labels = marks({1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0}, 3);
  const auto one = diva::multi_label_relation(labels);
  CHECK(torch::equal(one.positive, marks({1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0}, 4)));
  CHECK(torch::equal(one.negative, ~one.positive));
  const auto two = diva::multi_label_relation(labels, {}, 2);
  CHECK(torch::equal(two.positive, marks({1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 4)));
  CHECK(torch::equal(two.negative, one.negative));
}

TEST_CASE("graded relation is the Jaccard index, weighted where asked") {
  // {a, b} and {b, c, d}: 1 of 4 shared; with weights 1 2 3 4: 2 of 10. Two empty ones: 0.
  const auto own = marks({1, 1, 0, 0, 0, 0, 0, 0}, 4), others = marks({0, 1, 1, 1, 0, 0, 0, 0}, 4);
  const auto plain = diva::graded_relation(own, others);
  CHECK(torch::allclose(plain.positive, torch::tensor({{0.25, 0.0}, {0.0, 0.0}}, torch::kFloat32)));
  CHECK(torch::allclose(plain.negative, torch::tensor({{0.75, 1.0}, {1.0, 1.0}}, torch::kFloat32)));
  const auto weighted = diva::graded_relation(own, others, torch::tensor({1.0, 2.0, 3.0, 4.0}));
  CHECK(std::abs(weighted.positive[0][0].item<double>() - 0.2) < 1e-7);
  const auto nothing = diva::graded_relation(own, own, torch::zeros({4}));
  CHECK(nothing.positive.abs().sum().item<double>() == 0);
}

TEST_CASE("graded relation agrees with sets counted by a loop; equal sets are wholly positive") {
  diva::Generator generator(1);
  const auto labels = generator.uniform({12, 6}) < 0.4;
  const auto relation = diva::graded_relation(labels);
  for (std::int64_t i = 0; i < 12; ++i) {
    for (std::int64_t j = 0; j < 12; ++j) {
      double both = 0, either = 0;
      for (std::int64_t l = 0; l < 6; ++l) {
        const bool a = labels[i][l].item<bool>(), b = labels[j][l].item<bool>();
        both += a && b ? 1 : 0;
        either += a || b ? 1 : 0;
      }
      const double expected = either == 0 ? 0 : both / either;
      REQUIRE(std::abs(relation.positive[i][j].item<double>() - expected) < 1e-6);
      if (expected == 1) REQUIRE(relation.negative[i][j].item<double>() == 0);
    }
  }
}

TEST_CASE("hierarchical relation grades by the last level before a difference") {
  // Levels order, genus, species. Against (1, 4, 7): (1, 4, 8) agrees on two, (1, 5, 7) on one, whatever its species, (2, 4, 7) on
  // none.
  const auto own = torch::tensor({{1, 4, 7}}, torch::kInt64);
  const auto others = torch::tensor({{1, 4, 7}, {1, 4, 8}, {1, 5, 7}, {2, 4, 7}}, torch::kInt64);
  const auto even = diva::hierarchical_relation(own, others);
  CHECK(torch::allclose(even.positive, torch::tensor({{1.0, 2.0 / 3, 1.0 / 3, 0.0}}, torch::kFloat32)));
  CHECK(even.negative[0][0].item<double>() == 0);
  const auto weighted = diva::hierarchical_relation(own, others, {0.2, 0.3, 0.5});
  CHECK(torch::allclose(weighted.positive, torch::tensor({{1.0, 0.5, 0.2, 0.0}}, torch::kFloat32)));
  const auto flat = diva::hierarchical_relation(others.narrow(1, 0, 1));
  CHECK(torch::equal(flat.positive != 0, marks({1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1}, 4)));
}

TEST_CASE("relations refuse labels of another form") {
  const auto labels = marks({1, 0, 0, 1}, 2);
  CHECK_THROWS_AS(diva::multi_label_relation(labels.to(torch::kInt64)), diva::ShapeError);
  CHECK_THROWS_AS(diva::multi_label_relation(labels[0]), diva::ShapeError);
  CHECK_THROWS_AS(diva::multi_label_relation(torch::Tensor()), diva::ShapeError);
  CHECK_THROWS_AS(diva::multi_label_relation(labels, marks({1, 0, 1}, 3)), diva::ShapeError);
  CHECK_THROWS_AS(diva::multi_label_relation(labels, {}, 0), diva::OptionError);
  CHECK_THROWS_AS(diva::graded_relation(labels, {}, torch::tensor({1.0, -1.0})), diva::DataError);
  CHECK_THROWS_AS(diva::graded_relation(labels, {}, torch::ones({3})), diva::ShapeError);
  const auto levels = torch::zeros({2, 2}, torch::kInt64);
  CHECK_THROWS_AS(diva::hierarchical_relation(labels), diva::ShapeError);
  CHECK_THROWS_AS(diva::hierarchical_relation(levels, {}, {1}), diva::OptionError);
  CHECK_THROWS_AS(diva::hierarchical_relation(levels, {}, {0.9, 0.3}), diva::OptionError);
}
