#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/metrics/evaluate.hpp>

#include <cmath>

using Catch::Matchers::Contains;

namespace {

double metric(const torch::Tensor& x, const torch::Tensor& labels, const std::string& name) {
  diva::Generator generator(1);
  const auto values = diva::evaluate(x, labels, {name}, generator);
  REQUIRE(values.size() == 1);
  REQUIRE(values[0].first == name);
  return values[0].second;
}

}  // namespace

TEST_CASE("evaluation of four points on a line worked by hand") {
  // 0, 1 of class 0 at 0 and 1; 2, 3 of class 1 at 1.4 and 4. Nearest: 0→1 hit, 1→2 miss, 2→1 miss, 3→2 hit.
  const auto x = torch::tensor({{0.0F}, {1.0F}, {1.4F}, {4.0F}});
  const auto labels = torch::tensor({0, 0, 1, 1}, torch::kInt64);
  CHECK(metric(x, labels, "recall@1") == 0.5);
  CHECK(metric(x, labels, "e_recall@1") == 0.5);
  // At two: 1→{2, 0} hit; 2→{1, 0} miss.
  CHECK(metric(x, labels, "recall@2") == 0.75);
  CHECK(metric(x, labels, "map@r") == 0.5);
  // First hits at ranks 1, 2, 3, 1: mean (1 + 1/2 + 1/3 + 1) / 4; with R = 1 mAP is the same.
  CHECK(std::abs(metric(x, labels, "mrr") - (2.5 + 1.0 / 3) / 4) < 1e-9);
  CHECK(std::abs(metric(x, labels, "mAP") - (2.5 + 1.0 / 3) / 4) < 1e-9);
}

TEST_CASE("a sample is told from its duplicates by id, not by rank") {
  // Two equal points of different classes: each is the other's nearest, so both miss.
  const auto x = torch::tensor({{1.0F, 0.0F}, {1.0F, 0.0F}, {0.0F, 1.0F}, {0.1F, 1.0F}});
  CHECK(metric(x, torch::tensor({0, 1, 2, 2}, torch::kInt64), "recall@1") == 0.5);
  CHECK(metric(x, torch::tensor({0, 0, 1, 1}, torch::kInt64), "recall@1") == 1);
}

TEST_CASE("separated classes score one in every retrieval and clustering metric") {
  diva::Generator generator(2);
  const auto labels = torch::arange(60).remainder(5);
  const auto x = 10 * torch::eye(5).index_select(0, labels) + 0.01 * generator.normal({60, 5});
  for (const auto* name : {"recall@1", "precision@1", "map@r", "r_precision", "mAP", "mAP_c", "mAP_lim", "mrr"}) {
    INFO(name);
    CHECK(metric(x, labels, name) == 1);
  }
}

TEST_CASE("queries are evaluated against a gallery") {
  const auto values = [](const std::vector<std::int64_t>& gallery_labels) {
    diva::Generator generator(1);
    return diva::evaluate({torch::tensor({{0.0F}}), torch::tensor({0}, torch::kInt64), {}},
                          {torch::tensor({{0.1F}, {5.0F}}), torch::tensor(gallery_labels, torch::kInt64), {}}, {"recall@1"}, generator)[0].second;
  };
  CHECK(values({0, 1}) == 1);
  CHECK(values({1, 0}) == 0);
}

TEST_CASE("evaluation is a function of the generator and refuses unknown metrics and bad features") {
  diva::Generator data(3), one(7), same(7);
  const auto x = data.normal({80, 6});
  const auto labels = torch::arange(80).remainder(8);
  CHECK(diva::evaluate(x, labels, {"nmi", "f1"}, one) == diva::evaluate(x, labels, {"nmi", "f1"}, same));
  CHECK_THROWS_WITH(metric(x, labels, "recal@1"), Contains("recall@"));
  CHECK_THROWS_AS(metric(x, labels, "recall@x"), diva::OptionError);
  CHECK_THROWS_AS(metric(x * NAN, labels, "recall@1"), diva::DataError);
  CHECK_THROWS_AS(metric(x, labels.narrow(0, 0, 5), "recall@1"), diva::ShapeError);
}
