#include "support/catch.hpp"
#include "support/sampler_labels.hpp"

#include <diva/core/error.hpp>
#include <diva/samplers/category_sampler.hpp>

#include <map>
#include <set>

using Catch::Matchers::Contains;
using diva::CategoryChoice;
using diva::CategorySampler;
using diva::Generator;
using sampler_labels::epoch_of;
using sampler_labels::label_of;
using sampler_labels::labels_of;

namespace {

// Of each sample the category of its class, from those of the classes.
std::vector<std::int64_t> spread(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& of_class) {
  std::vector<std::int64_t> categories;
  for (const auto label : labels) categories.push_back(of_class.at(static_cast<std::size_t>(label)));
  return categories;
}

}  // namespace

TEST_CASE("category_sampler gives C categories, L classes of each and n samples of each, for many seeds and every choice") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Generator generator(seed);
    const auto choice = static_cast<CategoryChoice>(seed % 3);
    const auto C = 1 + generator.below(3), L = 1 + generator.below(3), n = 1 + generator.below(3);
    std::vector<std::int64_t> of_class, sizes;
    for (std::int64_t category = 0; category < C + generator.below(4); ++category) {
      const auto classes = category < C ? L + generator.below(4) : 1 + generator.below(5);
      for (std::int64_t c = 0; c < classes; ++c) {
        of_class.push_back(10 * category);
        sizes.push_back(n + generator.below(4));
      }
    }
    const auto labels = labels_of(sizes), categories = spread(labels, of_class);
    const CategorySampler sampler(labels, categories,
                                  {.batch_size = C * L * n, .samples_per_class = n, .categories_per_batch = C, .choice = choice},
                                  generator.fork(1));
    INFO("seed " << seed);
    std::set<std::int64_t> classes_seen;
    for (const auto& batch : epoch_of(sampler, 1)) {
      REQUIRE(std::ssize(batch) == C * L * n);
      REQUIRE(std::ssize(std::set(batch.begin(), batch.end())) == C * L * n);
      std::map<std::int64_t, std::map<std::int64_t, std::int64_t>> counts;  // of classes by category
      for (const auto index : batch) {
        ++counts[label_of(categories, index)][label_of(labels, index)];
        classes_seen.insert(label_of(labels, index));
      }
      REQUIRE(std::ssize(counts) == C);
      for (const auto& [category, of_classes] : counts) {
        REQUIRE(std::ssize(of_classes) == L);
        for (const auto& [label, count] : of_classes) REQUIRE(count == n);
      }
    }
    if (choice == CategoryChoice::distinct) {
      REQUIRE(std::ssize(classes_seen) == std::ssize(sizes) - std::ssize(sampler.excluded_classes()));
    }
  }
}

TEST_CASE("category_sampler weighs categories by their classes, or not") {
  // 2 and 8 classes; one category a batch of one class. Weighted: 1/5 of 1000 batches, 200 ± 5·13; uniform: 500 ± 5·16.
  std::vector<std::int64_t> of_class(10, 1);
  of_class[0] = of_class[1] = 0;
  const auto labels = labels_of(std::vector<std::int64_t>(10, 10)), categories = spread(labels, of_class);
  for (const bool weighted : {true, false}) {
    const CategorySampler sampler(labels, categories,
                                  {.batch_size = 1,
                                   .samples_per_class = 1,
                                   .categories_per_batch = 1,
                                   .choice = weighted ? CategoryChoice::weighted : CategoryChoice::uniform},
                                  Generator(7));
    std::int64_t small = 0;
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
      for (const auto& batch : epoch_of(sampler, epoch)) small += label_of(categories, batch[0]) == 0;
    }
    CHECK(small > (weighted ? 135 : 420));
    CHECK(small < (weighted ? 265 : 580));
  }
}

TEST_CASE("category_sampler lists the classes that it cannot draw") {
  // Category 0: classes 0, 1, 2; category 1: 3, 4; category 2: 5. n = 2, L = 2. Class 1 has one sample; category 2 one class.
  const auto labels = labels_of({2, 1, 3, 2, 2, 4}), categories = spread(labels, {0, 0, 0, 1, 1, 2});
  const CategorySampler sampler(labels, categories, {.batch_size = 8, .samples_per_class = 2, .categories_per_batch = 2},
                                Generator(0));
  CHECK(sampler.excluded_classes() == std::vector<std::int64_t>{1, 5});
  CHECK_THAT(sampler.exclusion(), Contains("fewer than 2 images") && Contains("category"));
}

TEST_CASE("categories_of reads the category of a class from the part of its name before the last slash") {
  CHECK(diva::categories_of({"Greek/a", "Latin/a", "Greek/b", "x/Latin/a"}) == std::vector<std::int64_t>{0, 1, 0, 2});
  CHECK(diva::categories_of({"a", "b"}) == std::vector<std::int64_t>{0, 0});
  CHECK(diva::categories_of({}).empty());
}

TEST_CASE("category_sampler refuses categories that do not fit") {
  const auto labels = labels_of({2, 2});
  const diva::CategorySamplerOptions options{.batch_size = 4, .samples_per_class = 2, .categories_per_batch = 2};
  CHECK_NOTHROW(CategorySampler(labels, {0, 1, 0, 1}, options, Generator(0)));
  CHECK_THROWS_WITH(CategorySampler(labels, {}, options, Generator(0)),
                    "CategorySampler: categories must be of 4 samples, as labels are, got 0");
  CHECK_THROWS_WITH(CategorySampler(labels, {0, 1, 1, 1}, options, Generator(0)),
                    "CategorySampler: categories must be one for all samples of class 0, got 0 and 1");
  CHECK_THROWS_AS(CategorySampler(labels, {0, 0, 0, 0}, options, Generator(0)), diva::DataError);
  CHECK_THROWS_AS(CategorySampler(labels, {0, 1, 0, 1}, {.batch_size = 6, .samples_per_class = 2}, Generator(0)),
                  diva::OptionError);
}
