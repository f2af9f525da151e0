#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/fixed_triplets_sampler.hpp>

#include <map>
#include <set>

using diva::FixedTripletsSampler;
using diva::Generator;
using diva::IndexTriplet;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

TEST_CASE("draw_triplets draws anchor and positive of one class and a negative of another, all of them in time") {
  const auto labels = labels_of({3, 1, 2});
  std::set<IndexTriplet> seen;
  for (const auto& triplet : diva::draw_triplets(labels, 3000, Generator(1))) {
    REQUIRE(triplet[0] != triplet[1]);
    REQUIRE(label_of(labels, triplet[0]) == label_of(labels, triplet[1]));
    REQUIRE(label_of(labels, triplet[0]) != label_of(labels, triplet[2]));
    seen.insert(triplet);
  }
  CHECK(seen.size() == 6 * 3 + 2 * 4);  // ordered pairs of a class times samples of the others
  CHECK((diva::draw_triplets(labels, 5, Generator(1)) == diva::draw_triplets(labels, 5, Generator(1))));
}

TEST_CASE("draw_triplets needs two classes, one of them with a pair") {
  CHECK_THROWS_AS(diva::draw_triplets({0, 1}, 1, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(diva::draw_triplets({0, 0}, 1, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(diva::draw_triplets({}, 1, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(diva::draw_triplets({0, 0, 1}, 0, Generator(0)), diva::OptionError);
}

TEST_CASE("fixed_triplets_sampler holds each triplet in every epoch, once or, to fill the last batch, twice") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Generator generator(seed);
    std::vector<IndexTriplet> triplets;
    const auto count = 1 + generator.below(20), per_batch = 1 + generator.below(count);
    for (std::int64_t i = 0; i < count; ++i) triplets.push_back({3 * i, 3 * i + 1, 3 * i + 2});
    const FixedTripletsSampler sampler(triplets, {.batch_size = 3 * per_batch}, generator.fork(1));
    std::map<std::int64_t, std::int64_t> counts;
    for (const auto& batch : epoch_of(sampler, 1)) {
      std::set<std::int64_t> anchors;
      for (std::size_t i = 0; i < batch.size(); i += 3) {
        REQUIRE(batch[i] % 3 == 0);
        REQUIRE(batch[i + 1] == batch[i] + 1);
        REQUIRE(batch[i + 2] == batch[i] + 2);
        REQUIRE(anchors.insert(batch[i]).second);
        ++counts[batch[i]];
      }
    }
    REQUIRE(std::ssize(counts) == count);
    REQUIRE(sampler.batches_per_epoch() == (count + per_batch - 1) / per_batch);
    for (const auto& [anchor, number] : counts) REQUIRE(number <= 2);
  }
}

TEST_CASE("fixed_triplets_sampler draws its triplets once from labels and keeps them over all epochs") {
  const auto labels = labels_of({5, 5, 5});
  const FixedTripletsSampler sampler(labels, {.batch_size = 6, .triplets = 8}, Generator(2));
  const std::multiset<IndexTriplet> own(sampler.triplets().begin(), sampler.triplets().end());
  REQUIRE(own.size() == 8);
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    std::multiset<IndexTriplet> seen;
    for (const auto& batch : epoch_of(sampler, epoch)) {
      seen.insert({batch[0], batch[1], batch[2]});
      seen.insert({batch[3], batch[4], batch[5]});
    }
    CHECK((seen == own));
  }
  CHECK(epoch_of(sampler, 0) != epoch_of(sampler, 1));
}

TEST_CASE("fixed_triplets_sampler refuses batches that are not of whole triplets, too few triplets and negative indices") {
  const std::vector<IndexTriplet> two = {{0, 1, 2}, {3, 4, 5}};
  CHECK_THROWS_WITH(FixedTripletsSampler(two, {.batch_size = 4}, Generator(0)),
                    "FixedTripletsSampler: batch_size must be a multiple of 3, got 4");
  CHECK_THROWS_AS(FixedTripletsSampler(two, {.batch_size = 9}, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(FixedTripletsSampler(std::vector<IndexTriplet>{{0, -1, 2}}, {.batch_size = 3}, Generator(0)), diva::DataError);
}
