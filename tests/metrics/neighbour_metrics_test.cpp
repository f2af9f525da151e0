#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/metrics/neighbour_metrics.hpp>

#include <cmath>

namespace {

// One query of a class with R = 3; hits at ranks 1, 3 and 4 of five.
diva::Retrieval one() {
  return {torch::tensor({{1, 0, 1, 1, 0}}, torch::kInt64).to(torch::kBool), torch::tensor({3}, torch::kInt64)};
}

double value(const torch::Tensor& values) { return values[0].item<double>(); }

}  // namespace

TEST_CASE("neighbour metrics of one query worked by hand") {
  const auto r = one();
  CHECK(value(diva::recall_at(r, 1)) == 1);
  CHECK(value(diva::precision_at(r, 2)) == 0.5);
  CHECK(std::abs(value(diva::r_precision(r)) - 2.0 / 3) < 1e-12);
  CHECK(value(diva::reciprocal_rank(r)) == 1);
  // Precisions at the hits: 1, 2/3, 3/4. All ranks: their sum / 3. The seed divides by the class size 4.
  const double sum = 1 + 2.0 / 3 + 0.75;
  CHECK(std::abs(value(diva::average_precision(r, 5)) - sum / 3) < 1e-12);
  CHECK(std::abs(value(diva::average_precision(r, 5, diva::Variant::repo)) - sum / 4) < 1e-12);
  // MAP@R stops at rank 3: (1 + 2/3) / 3; the seed's mAP_c at rank 4 and divides by 4.
  CHECK(std::abs(value(diva::average_precision_at_r(r)) - (1 + 2.0 / 3) / 3) < 1e-12);
  CHECK(std::abs(value(diva::average_precision_at_r(r, diva::Variant::repo)) - sum / 4) < 1e-12);
}

TEST_CASE("a lone query has no precision and counts as a miss of recall") {
  const diva::Retrieval lone = {torch::zeros({1, 3}, torch::kBool), torch::zeros({1}, torch::kInt64)};
  CHECK(value(diva::recall_at(lone, 1)) == 0);
  for (const auto& values : {diva::precision_at(lone, 1), diva::r_precision(lone), diva::reciprocal_rank(lone), diva::average_precision(lone, 3),
                             diva::average_precision_at_r(lone)}) {
    CHECK(std::isnan(value(values)));
  }
  CHECK(std::isnan(diva::mean_over_queries(diva::r_precision(lone))));
  CHECK(diva::mean_over_queries(torch::tensor({1.0, NAN, 0.0}, torch::kFloat64)) == 0.5);
}

TEST_CASE("perfect retrieval scores one") {
  const diva::Retrieval perfect = {torch::tensor({{1, 1, 0}}, torch::kInt64).to(torch::kBool), torch::tensor({2}, torch::kInt64)};
  CHECK(value(diva::average_precision(perfect, 3)) == 1);
  CHECK(value(diva::average_precision_at_r(perfect)) == 1);
  CHECK(value(diva::average_precision(perfect, 1)) == 1);
}

TEST_CASE("hits and relevant counts agree with loops, ids left out") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    diva::Generator generator(seed);
    const auto queries = 1 + generator.below(6), gallery = 1 + generator.below(8);
    const auto draw = [&](std::int64_t n, double range) { return (generator.uniform({n}, torch::kFloat64) * range).floor().to(torch::kInt64); };
    const auto ql = draw(queries, 3), gl = draw(gallery, 3), qi = draw(queries, 5), gi = draw(gallery, 5);
    const auto indices = (generator.uniform({queries, 4}, torch::kFloat64) * (static_cast<double>(gallery) + 1)).floor().to(torch::kInt64) - 1;
    const auto retrieval = diva::judge_neighbours(indices, ql, gl, qi, gi);
    for (std::int64_t q = 0; q < queries; ++q) {
      std::int64_t relevant = 0;
      for (std::int64_t g = 0; g < gallery; ++g) relevant += (ql[q].equal(gl[g]) && !qi[q].equal(gi[g])) ? 1 : 0;
      REQUIRE(retrieval.relevant[q].item<std::int64_t>() == relevant);
      for (std::int64_t rank = 0; rank < 4; ++rank) {
        const auto index = indices[q][rank].item<std::int64_t>();
        REQUIRE(retrieval.hits[q][rank].item<bool>() == (index >= 0 && ql[q].equal(gl[index])));
      }
    }
  }
}

TEST_CASE("ranks below one or beyond the list are refused") {
  CHECK_THROWS_AS(diva::recall_at(one(), 0), diva::OptionError);
  CHECK_THROWS_AS(diva::recall_at(one(), 6), diva::OptionError);
}
