#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/quadruplet_loss.hpp>

using Catch::Matchers::WithinAbs;

namespace {

const auto x = torch::tensor({{0.0}, {1.0}, {1.5}, {3.0}, {3.2}}, torch::kFloat64);
const auto labels = torch::tensor({0, 0, 1, 2, 3}, torch::kInt64);
torch::Tensor index(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }
const diva::Triplets triplets = {index({0, 0}), index({1, 1}), index({2, 3})};

double value(const diva::QuadrupletLossOptions& options, const diva::Tuples& tuples = triplets) {
  return diva::QuadrupletLoss(options).forward(x, labels, tuples).item<double>();
}

// One triplet and one second negative at a time.
torch::Tensor by_loops(const torch::Tensor& rows, const torch::Tensor& classes, const diva::Relation& relation,
                       const diva::QuadrupletLossOptions& options) {
  const auto distances = diva::pairwise_distances(rows, rows, options.distance);
  const auto marked = [](const torch::Tensor& mask, std::int64_t i, std::int64_t j) { return mask[i][j].item<bool>(); };
  std::vector<torch::Tensor> first = {}, second = {};
  std::vector<std::int64_t> first_anchors, second_anchors;
  const auto size = rows.size(0);
  for (std::int64_t a = 0; a < size; ++a) {
    for (std::int64_t p = 0; p < size; ++p) {
      for (std::int64_t n = 0; n < size; ++n) {
        if (!marked(relation.positive, a, p) || !marked(relation.negative, a, n)) continue;
        first.push_back((distances[a][p] - distances[a][n] + options.margin).relu());
        first_anchors.push_back(a);
        std::vector<torch::Tensor> terms;
        for (std::int64_t m = 0; m < size; ++m) {
          const bool allowed =
              options.variant == diva::Variant::repo ? m != n : marked(relation.negative, n, m) && marked(relation.negative, a, m);
          if (allowed) terms.push_back((distances[a][p] - distances[n][m] + options.second_margin).relu());
        }
        if (terms.empty()) continue;
        second.push_back(torch::stack(terms).mean());
        second_anchors.push_back(a);
      }
    }
  }
  const auto reduced = [&](const std::vector<torch::Tensor>& losses, const std::vector<std::int64_t>& anchors) {
    if (losses.empty()) return rows.sum() * 0;
    return diva::reduce({{torch::stack(losses), {}, index(anchors)}}, classes, size, options.reducer);
  };
  return reduced(first, first_anchors) + reduced(second, second_anchors);
}

}  // namespace

TEST_CASE("quadruplet loss worked by hand") {
  // α₁ 1: (0,1,2): 1 − 1.5 + 1 = 0.5, (0,1,3): 1 − 3 + 1 < 0: mean 0.25. α₂ 1: negative 2 to 3 and 4: 2 − 1.5 and 2 − 1.7: mean
  // 0.4; negative 3 to 2 and 4: 2 − 1.5 and 2 − 0.2: mean 1.15; over triplets 0.775.
  CHECK_THAT(value({.margin = 1, .second_margin = 1}), WithinAbs(1.025, 1e-12));
  // Of any class but itself: negative 2 to 0, 1, 3, 4: 0.5, 1.5, 0.5, 0.3: 0.7; negative 3 to 0, 1, 2, 4: 0, 0, 0.5, 1.8: 0.575.
  CHECK_THAT(value({.margin = 1, .second_margin = 1, .variant = diva::Variant::repo}), WithinAbs(0.25 + (0.7 + 0.575) / 2, 1e-12));
}

TEST_CASE("quadruplet loss takes a relation as it takes labels") {
  const diva::QuadrupletLossOptions options = {.margin = 1, .second_margin = 1};
  const diva::Relation same = {labels.unsqueeze(1) == labels.unsqueeze(0)};
  CHECK_THAT(value(options, {}), WithinAbs(diva::QuadrupletLoss(options).forward(x, {}, same).item<double>(), 1e-12));
}

TEST_CASE("quadruplet loss streams all triplets to the value and gradient of loops over them, under every reducer") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    diva::Generator generator(seed);
    const auto size = generator.below(12);
    const auto rows = generator.normal({size, 3}, torch::kFloat64);
    const auto drawn = (generator.uniform({size}).square() * 5).floor().to(torch::kInt64);
    diva::QuadrupletLossOptions options = {.margin = generator.uniform(), .second_margin = generator.uniform()};
    options.variant = seed % 3 == 0 ? diva::Variant::repo : diva::Variant::fixed;
    options.distance.normalize = seed % 4 == 1;
    const std::array kinds = {diva::Reduction::mean,           diva::Reduction::sum,       diva::Reduction::non_zero_mean,
                              diva::Reduction::class_weighted, diva::Reduction::threshold, diva::Reduction::per_anchor};
    options.reducer = {.kind = kinds[generator.below(6)], .low = 0.3, .high = 1.1, .class_weights = {1, 2, 3, 0.5, 0}};
    // Every other seed a relation that is not symmetric, in which some pairs are neither.
    const auto itself = torch::eye(size, torch::kBool);
    const auto same = drawn.unsqueeze(1) == drawn.unsqueeze(0);
    const auto chance = generator.uniform({size, size});
    const bool related = seed % 2 == 1;
    const diva::Relation relation = related ? diva::Relation{chance<0.3, chance> 0.45} : diva::Relation{same, ~same};
    INFO("seed " << seed << ", " << size << " samples");
    const auto x = rows.clone().requires_grad_(), y = rows.clone().requires_grad_();
    const auto streamed = diva::QuadrupletLoss(options).forward(x, drawn, related ? diva::Tuples(relation) : diva::Tuples());
    const auto looped = by_loops(y, drawn, {relation.positive & ~itself, relation.negative & ~itself}, options);
    streamed.backward();
    looped.backward();
    CHECK_THAT(streamed.item<double>(), WithinAbs(looped.item<double>(), 1e-12));
    CHECK(torch::allclose(x.grad(), y.grad(), 0, 1e-12));
  }
}

TEST_CASE("quadruplet loss streams several blocks of negatives as one") {
  // 240 samples in classes of 30: 6,960 positive pairs, so that a block has 150 negatives.
  constexpr std::int64_t size = 240, classes = 8;
  constexpr double second_margin = 0.4;
  const auto rows = diva::Generator(1).normal({size, 3}, torch::kFloat64);
  const auto of_classes = torch::arange(size, torch::kInt64).remainder(classes);
  const auto x = rows.clone().requires_grad_(), y = rows.clone().requires_grad_();
  const auto streamed =
      diva::QuadrupletLoss({.margin = 0.1, .second_margin = second_margin, .reducer = {.kind = diva::Reduction::sum}})
          .forward(x, of_classes);
  streamed.backward();

  const auto distances = diva::pairwise_distances(y, y);
  const auto leaf = distances.detach().requires_grad_();
  double expected = 0;
  for (std::int64_t own = 0; own < classes; ++own) {
    const auto anchors = (of_classes == own).nonzero().view(-1);
    const auto among = leaf.index_select(0, anchors).index_select(1, anchors);
    const auto near = among.masked_select(~torch::eye(anchors.size(0), torch::kBool)).unsqueeze(1);  // [P, 1], by anchor
    for (std::int64_t n = 0; n < size; ++n) {
      const auto other = of_classes[n].item<std::int64_t>();
      if (other == own) continue;
      const auto third = leaf[n].masked_select((of_classes != other) & (of_classes != own)).unsqueeze(0);
      const auto to_anchors = leaf.index_select(0, anchors).select(1, n).repeat_interleave(anchors.size(0) - 1).unsqueeze(1);
      const auto loss = (near - third + second_margin).relu().mean(1).sum() + (near - to_anchors + 0.1).relu().sum();
      loss.backward({}, true);
      expected += loss.item<double>();
    }
  }
  distances.backward(leaf.grad());
  CHECK_THAT(streamed.item<double>() / expected, WithinAbs(1, 1e-10));
  CHECK(torch::allclose(x.grad(), y.grad(), 1e-8, 1e-8));
}

TEST_CASE("quadruplet loss streams by anchors") {
  // 0 has the positive 1 and the negatives 2, 3, 4; 1 the same from the other side; no other has a positive.
  // α₁: 0: 1 − 1.5 + 1, 1 − 3 + 1, 1 − 3.2 + 1: 0.5. 1: 1 − 0.5 + 1 = 1.5, 1 − 2 + 1 = 0, 1 − 2.2 + 1 < 0: 1.5.
  // α₂, of either anchor: 2: (0.5 + 0.3)/2, 3: (0.5 + 1.8)/2, 4: (0.3 + 1.8)/2: mean 0.86667. Over five anchors.
  const diva::QuadrupletLossOptions options = {.margin = 1, .second_margin = 1, .reducer = {.kind = diva::Reduction::per_anchor}};
  CHECK_THAT(value(options, {}), WithinAbs((0.5 + 1.5 + 2 * (0.4 + 1.15 + 1.05) / 3) / 5, 1e-12));
}

TEST_CASE("quadruplet loss without a third class is the triplet term") {
  const auto two = torch::tensor({0, 0, 1, 1, 1}, torch::kInt64);
  CHECK_THAT(diva::QuadrupletLoss({.margin = 1, .second_margin = 1}).forward(x, two, triplets).item<double>(),
             WithinAbs(0.25, 1e-12));
}

TEST_CASE("quadruplet loss of given second negatives, one a triplet or each with all") {
  const auto second = index({4, 2});
  // 2–4: 2 − 1.7 = 0.3, 3–2: 0.5: mean 0.4.
  CHECK_THAT(diva::quadruplet_loss(x, triplets, second, {.margin = 1, .second_margin = 1}).item<double>(), WithinAbs(0.65, 1e-12));
  // All: 2–4 0.3, 2–2 2, 3–4 1.8, 3–2 0.5: mean 1.15.
  CHECK_THAT(
      diva::quadruplet_loss(x, triplets, second, {.margin = 1, .second_margin = 1, .variant = diva::Variant::repo}).item<double>(),
      WithinAbs(1.4, 1e-12));
  CHECK_THROWS_AS(diva::quadruplet_loss(x, triplets, index({4})), diva::ShapeError);
  CHECK_THROWS_AS(diva::quadruplet_loss(x, triplets, index({4, 5})), diva::DataError);
}

TEST_CASE("quadruplet loss refuses negative margins, pairs and a reference") {
  CHECK_THROWS_AS(diva::QuadrupletLoss({.margin = -1}), diva::OptionError);
  CHECK_THROWS_AS(diva::QuadrupletLoss({.second_margin = -1}), diva::OptionError);
  diva::QuadrupletLoss loss;
  CHECK_THROWS_AS(loss.forward(x, labels, diva::all_pairs(labels)), diva::OptionError);
  CHECK_THROWS_AS(loss.forward(x, labels, {}, diva::Reference{x, labels}), diva::OptionError);
}
