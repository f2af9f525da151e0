#include "support/pair_checks.hpp"
#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/triplet_margin.hpp>

using diva::TripletKind;
using pair_checks::triples;
using Set = std::set<pair_checks::Triple>;

TEST_CASE("triplet margin's kinds on a line") {
  // Anchor 0 at 0, positive 1 at 1; negatives 2 to 5 at 0.875, 1, 1.125 and 1.5: slacks −0.125, 0, 0.125, 0.5 from anchor 0. From
  // anchor 1 the positive is 1 away, the negatives 0.125, 0, 0.125, 0.5: all nearer. The others have no positive.
  const auto x = torch::tensor({{0.0}, {1.0}, {0.875}, {1.0}, {1.125}, {1.5}}, torch::kFloat64);
  const auto labels = torch::tensor({0, 0, 1, 2, 3, 4}, torch::kInt64);
  const auto mine = [&](TripletKind kind) {
    return triples(diva::triplet_margin_triplets({x, labels}, {.margin = 0.2, .kind = kind}));
  };
  const Set of_anchor_1{{1, 0, 2}, {1, 0, 3}, {1, 0, 4}, {1, 0, 5}};
  Set all = of_anchor_1, hard = of_anchor_1;
  all.insert({{0, 1, 2}, {0, 1, 3}, {0, 1, 4}});
  hard.insert({{0, 1, 2}, {0, 1, 3}});
  const Set semihard{{0, 1, 4}}, easy{{0, 1, 5}};
  CHECK(mine(TripletKind::all) == all);
  CHECK(mine(TripletKind::hard) == hard);
  CHECK(mine(TripletKind::semihard) == semihard);
  CHECK(mine(TripletKind::easy) == easy);
}

TEST_CASE("triplet margin agrees with a filter of all triplets") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    diva::Generator generator(seed);
    const auto x = triplet_checks::unit_rows(generator, 15, 4);
    const auto labels = (generator.uniform({15}, torch::kFloat64) * 5).floor().to(torch::kInt64);
    const auto all = diva::all_triplets(labels);
    const auto row = [&](const torch::Tensor& indices) { return x.index_select(0, indices); };
    const auto slack = (row(all.anchors) - row(all.negatives)).norm(2, 1) - (row(all.anchors) - row(all.positives)).norm(2, 1);
    const auto kept = (slack <= 0.15).nonzero().view(-1);
    const auto triplets = diva::triplet_margin_triplets({x, labels}, {.margin = 0.15});
    // The same order, too.
    REQUIRE(torch::equal(triplets.anchors, all.anchors.index_select(0, kept)));
    REQUIRE(torch::equal(triplets.positives, all.positives.index_select(0, kept)));
    REQUIRE(torch::equal(triplets.negatives, all.negatives.index_select(0, kept)));
  }
}

TEST_CASE("triplet margin streams: a batch of many pairs is cut into blocks without a seam") {
  // Two classes of 400: 319,200 positive pairs against 800 references are 61 blocks. Identical embeddings violate every margin by
  // the same, so nothing is easy, and one sample moved away makes a known number easy: as negative of 400·399 pairs of the other
  // class.
  auto x = torch::zeros({800, 2});
  x[799][0] = 10;
  const auto labels = torch::arange(800, torch::kInt64).div(400, "floor");
  const auto easy = diva::triplet_margin_triplets({x, labels}, {.margin = 0.2, .kind = TripletKind::easy});
  CHECK(easy.size() == 400 * 399);
  CHECK((easy.negatives == 799).all().item<bool>());
  // All others violate it: 2·400·399·400 − 400·399 triplets, of which none may be listed.
  CHECK_THROWS_AS(diva::triplet_margin_triplets({torch::zeros({1024, 2}), torch::arange(1024, torch::kInt64).remainder(2)}),
                  diva::DataError);
}

TEST_CASE("triplet margin of nothing and of bad input") {
  CHECK(diva::triplet_margin_triplets({torch::zeros({0, 2}), torch::zeros({0}, torch::kInt64)}).size() == 0);
  CHECK(diva::triplet_margin_triplets({torch::ones({4, 2}) * NAN, torch::tensor({0, 0, 1, 1}, torch::kInt64)}).size() == 0);
  CHECK_THROWS_AS(diva::triplet_margin_triplets({torch::ones({4, 2}), torch::zeros({3}, torch::kInt64)}), diva::ShapeError);
}
