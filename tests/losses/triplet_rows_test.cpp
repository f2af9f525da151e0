// All triplets by rows against a list of them, in one block and in many.
#include "../../src/losses/triplet_rows.hpp"

#include "support/catch.hpp"

#include <torch/autograd.h>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/snr_loss.hpp>
#include <diva/losses/triplet_loss.hpp>

#include <functional>

using diva::Distance;
using diva::Reduction;

namespace {

struct Problem {
  diva::Comparison comparison;
  diva::Tuples tuples;
  std::optional<diva::Reference> reference;
};

// By the seed: labels of random classes with singletons, a reference, a relation of bool or of weights.
Problem random_problem(std::uint64_t seed) {
  diva::Generator generator(seed);
  const auto labels = [&](std::int64_t n) { return (generator.uniform({n}, torch::kFloat64) * 4).floor().to(torch::kInt64); };
  Problem p;
  p.comparison.embeddings = generator.normal({9, 4}, torch::kFloat64).requires_grad_();
  p.comparison.labels = labels(9);
  if (seed % 3 == 1) p.reference = diva::Reference{generator.normal({7, 4}, torch::kFloat64).requires_grad_(), labels(7)};
  p.comparison.reference = p.reference;
  if (seed % 4 >= 2) {
    const auto chance = generator.uniform({9, p.reference ? 7 : 9}, torch::kFloat64);
    diva::Relation relation = {chance < 0.4, seed % 8 >= 4 ? chance > 0.6 : torch::Tensor()};
    if (seed % 5 == 0) relation.positive = relation.positive.to(torch::kFloat64) * 2;
    p.tuples = relation;
    p.comparison.relation = relation;
  }
  return p;
}

std::vector<torch::Tensor> value_and_gradients(const Problem& p, const std::vector<torch::Tensor>& parameters,
                                               const std::function<torch::Tensor()>& loss) {
  std::vector<torch::Tensor> leaves = {p.comparison.embeddings};
  if (p.reference) leaves.push_back(p.reference->embeddings);
  leaves.insert(leaves.end(), parameters.begin(), parameters.end());
  const auto value = loss();
  std::vector<torch::Tensor> result = {value.detach()};
  for (const auto& gradient : torch::autograd::grad({value}, leaves, {}, c10::nullopt, false, true))
    result.push_back(gradient.defined() ? gradient : torch::zeros({1}, torch::kFloat64));
  return result;
}

void check_equal(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE((a[i] - b[i]).abs().max().item<double>() < 1e-10);
}

}  // namespace

TEST_CASE("triplet loss of all triplets is that of their list, in value and gradients") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto p = random_problem(seed);
    for (const auto& [kind, kind_name] : diva::enumerators(Reduction{})) {
      if (kind == Reduction::none) continue;
      for (const int form : {0, 1, 2, 3}) {
        CAPTURE(seed, kind_name, form);
        const diva::TripletLossOptions options = {
            .margin = 0.5,
            .distance = {.kind = seed % 2 == 0 ? Distance::euclidean : Distance::cosine},
            .reducer = {.kind = kind, .low = 0.2, .high = 2, .divisor = 3, .class_weights = {1, 2, 0.5, 3}},
            .swap = form >= 2,
            .smooth = form % 2 == 1};
        diva::TripletLoss loss(options);
        const auto run = [&](const diva::Tuples& tuples) {
          return value_and_gradients(
              p, {}, [&] { return loss.forward(p.comparison.embeddings, p.comparison.labels, tuples, p.reference); });
        };
        const auto listed = run(diva::all_triplets(p.comparison));
        check_equal(run(p.tuples), listed);
        // Two rows a block.
        const diva::detail::TripletForm rows = {.margin = options.margin,
                                                .smooth = options.smooth,
                                                .swap = options.swap,
                                                .distance = options.distance,
                                                .reducer = options.reducer};
        check_equal(
            value_and_gradients(p, {},
                                [&] {
                                  return diva::pairwise_loss(
                                      p.comparison, p.tuples, {.distance = options.distance, .reducer = options.reducer},
                                      {p.comparison.reference_embeddings()},
                                      [rows](const diva::PairBlock& block, const std::vector<torch::Tensor>& references) {
                                        return std::vector<diva::Elements>{diva::detail::triplet_rows(block, rows, references[0])};
                                      },
                                      18);
                                }),
            listed);
      }
    }
  }
}

TEST_CASE("margin and snr losses of all triplets are those of their list, in value and gradients") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto p = random_problem(seed);
    const auto counting = seed % 2 == 0 ? diva::Variant::fixed : seed % 4 == 1 ? diva::Variant::repo : diva::Variant::pml;
    CAPTURE(seed);
    const auto check = [&](diva::Loss& loss) {
      loss.to(torch::kFloat64);
      const auto run = [&](const diva::Tuples& tuples) {
        return value_and_gradients(p, loss.parameters(),
                                   [&] { return loss.forward(p.comparison.embeddings, p.comparison.labels, tuples, p.reference); });
      };
      check_equal(run(p.tuples), run(diva::all_triplets(p.comparison)));
    };
    diva::MarginLoss of_classes({.boundary_penalty = 0.1, .counting = counting}, 4);
    check(of_classes);
    diva::MarginLoss one({.boundary_penalty = 0.1, .counting = counting, .boundary_per_class = false, .smoothing = 0}, 4);
    check(one);
    diva::SnrLoss snr;
    check(snr);
    diva::SnrLoss with_boundary({.boundary = 0.8, .counting = counting}, 4);
    check(with_boundary);
  }
}

TEST_CASE("triplets of each anchor are drawn from its positives and negatives, and the draws are part of the state") {
  const auto p = random_problem(8);
  const auto drawn = diva::detail::sample_triplets(p.comparison, 500, diva::Generator(1));
  const auto relation = diva::detail::relation_rows(p.comparison);
  const auto positive = relation.positive != 0, negative = relation.negative != 0;
  // Each of the right kind, and with 500 draws from at most 8 each of all (chance of a miss below 1e-28).
  auto seen = torch::zeros({2, 9, 9}, torch::kBool);
  for (std::int64_t t = 0; t < drawn.size(); ++t) {
    const auto a = drawn.anchors[t].item<std::int64_t>();
    seen[0][a][drawn.positives[t].item<std::int64_t>()] = true;
    seen[1][a][drawn.negatives[t].item<std::int64_t>()] = true;
  }
  const auto both = (positive.any(1) & negative.any(1)).unsqueeze(1);
  CHECK(torch::equal(seen[0], positive & both));
  CHECK(torch::equal(seen[1], negative & both));

  diva::TripletLoss loss({.margin = 1, .triplets_per_anchor = 2}), later({.margin = 1, .triplets_per_anchor = 2});
  const auto value = [&](diva::TripletLoss& of) {
    return of.forward(p.comparison.embeddings, p.comparison.labels, p.tuples).item<double>();
  };
  const double first = value(loss);
  CHECK(first == value(later));
  later.restore(loss.state());
  CHECK(value(loss) == value(later));
}

TEST_CASE("one value a triplet needs the list") {
  const auto p = random_problem(0);
  diva::TripletLoss loss({.reducer = {.kind = Reduction::none}});
  CHECK(loss.forward(p.comparison.embeddings, p.comparison.labels).size(0) == diva::all_triplets(p.comparison).size());
  const auto sums = torch::ones({2}, torch::kFloat64), number = torch::ones({2}, torch::kInt64);
  CHECK_THROWS_AS(diva::reduce({{.losses = sums, .number = number, .active = number}}, {}, 2, {.kind = Reduction::none}),
                  diva::OptionError);
}
