#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

using diva::Generator;

TEST_CASE("generator gives the same numbers for the same seed and others for another") {
  Generator first(7), same(7), other(8);
  std::vector<std::uint64_t> a, b, c;
  for (int i = 0; i < 100; ++i) {
    a.push_back(first.next());
    b.push_back(same.next());
    c.push_back(other.next());
  }
  CHECK(a == b);
  CHECK(a != c);
}

TEST_CASE("generator resumes at its position") {
  Generator generator(3);
  for (int i = 0; i < 17; ++i) generator.uniform();
  auto resumed = Generator::at(generator.position());
  for (int i = 0; i < 50; ++i) REQUIRE(generator.next() == resumed.next());
}

TEST_CASE("generator forks do not depend on what was drawn and differ from each other") {
  Generator generator(1);
  const auto before = generator.fork(5).position();
  generator.next();
  CHECK(generator.fork(5).position() == before);
  std::set<std::uint64_t> keys;
  for (std::uint64_t stream = 0; stream < 1000; ++stream) keys.insert(generator.fork(stream).next());
  CHECK(keys.size() == 1000);
  CHECK(Generator(1).fork(2).fork(3).position() != Generator(1).fork(3).fork(2).position());
}

TEST_CASE("generator's uniform numbers have the mean and variance of the uniform law") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const auto values = generator.uniform({20000}, torch::kFloat64);
    CHECK(values.min().item<double>() >= 0);
    CHECK(values.max().item<double>() < 1);
    // 5 standard errors: sd/sqrt(n) = 0.2887/141 = 0.002.
    CHECK(std::abs(values.mean().item<double>() - 0.5) < 0.0102);
    CHECK(std::abs(values.var().item<double>() - 1.0 / 12) < 0.0035);
  }
}

TEST_CASE("generator stays below one in float, half and bfloat16") {
  for (const auto type : {torch::kFloat32, torch::kHalf, torch::kBFloat16}) {
    Generator generator(4);
    CHECK(generator.uniform({100000}, type).to(torch::kFloat64).max().item<double>() < 1);
  }
}

TEST_CASE("generator's normal numbers have mean 0, variance 1 and kurtosis 3") {
  Generator generator(11);
  const auto values = generator.normal({100000}, torch::kFloat64);
  CHECK(std::abs(values.mean().item<double>()) < 0.016);
  CHECK(std::abs(values.var().item<double>() - 1) < 0.0224);
  CHECK(std::abs(values.pow(4).mean().item<double>() - 3) < 0.16);
}

TEST_CASE("generator's numbers between bounds are those of the unit interval, stretched") {
  diva::Generator generator(4), same(4);
  for (int i = 0; i < 100; ++i) {
    const double unit = generator.uniform(), between = same.uniform(-3, 5);
    REQUIRE(between >= -3);
    REQUIRE(between < 5);
    REQUIRE(std::abs(between - (8 * unit - 3)) < 1e-14);
  }
}

TEST_CASE("generator's below is uniform over its range and refuses an empty one") {
  Generator generator(2);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[static_cast<std::size_t>(generator.below(7))];
  for (const int count : counts) CHECK(std::abs(count - 10000) < 470);  // 5 sd of a binomial(70000, 1/7)
  CHECK_THROWS_AS(generator.below(0), diva::OptionError);
}

TEST_CASE("generator's permutation holds each index once and every order comes up") {
  Generator generator(9);
  std::set<std::vector<std::int64_t>> seen;
  for (int i = 0; i < 500; ++i) {
    const auto order = generator.permutation(4);
    std::vector<std::int64_t> values(order.data_ptr<std::int64_t>(), order.data_ptr<std::int64_t>() + 4);
    seen.insert(values);
    std::sort(values.begin(), values.end());
    REQUIRE(values == std::vector<std::int64_t>{0, 1, 2, 3});
  }
  CHECK(seen.size() == 24);
}
