#include "support/pair_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/packaged_triplets.hpp>

TEST_CASE("packaged triplets are consecutive rows") {
  const auto triplets = diva::packaged_triplets({torch::zeros({6, 2})});
  const std::set<pair_checks::Triple> expected{{0, 1, 2}, {3, 4, 5}};
  CHECK(pair_checks::triples(triplets) == expected);
  CHECK(diva::packaged_triplets({torch::zeros({0, 2})}).size() == 0);
}

TEST_CASE("packaged triplets refuse incomplete ones and a reference") {
  CHECK_THROWS_AS(diva::packaged_triplets({torch::zeros({5, 2})}), diva::ShapeError);
  const diva::Comparison with_reference{.embeddings = torch::zeros({3, 2}), .reference = diva::Reference{torch::zeros({3, 2})}};
  CHECK_THROWS_AS(diva::packaged_triplets(with_reference), diva::OptionError);
}
