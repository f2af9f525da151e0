#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/samplers/sampler.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// How the categories of a batch are chosen.
enum class CategoryChoice {
  weighted,  ///< At random, with chances in proportion to the number of their classes.
  uniform,   ///< At random, all alike.
  distinct,  ///< So that an epoch holds every class.
};

constexpr auto enumerators(CategoryChoice) {
  return std::array{std::pair{CategoryChoice::weighted, "weighted"}, std::pair{CategoryChoice::uniform, "uniform"},
                    std::pair{CategoryChoice::distinct, "distinct"}};
}

struct CategorySamplerOptions {
  std::int64_t batch_size = 112;
  std::int64_t samples_per_class = 2;     ///< n.
  std::int64_t categories_per_batch = 2;  ///< C; n·C divides batch_size. A batch has L = batch_size / (n·C) classes of each.
  CategoryChoice choice = CategoryChoice::weighted;
};

template <class Visitor>
void describe(CategorySamplerOptions& options, Visitor&& visit) {
  visit("batch_size", options.batch_size, "samples in a batch", at_least(1));
  visit("samples_per_class", options.samples_per_class, "samples of each class in a batch", at_least(1));
  visit("categories_per_batch", options.categories_per_batch, "categories in a batch; with it samples_per_class divides batch_size",
        at_least(1));
  visit("choice", options.choice, "of categories: weighted by their classes, uniform, or so that an epoch holds all classes",
        any_value);
}

/// Batches of C different categories, L classes of each and n samples of each of these: negatives of the same category are hard.
///
/// Classes of a category and samples of a class are dealt from shuffled decks, as in ClassRandomSampler. `distinct` also deals the
/// classes of each category in ⌈classes / L⌉ parts and places all parts in an epoch as MPerClassSampler does, so that an epoch
/// holds every class; the others have ⌊samples / batch size⌋ batches, at least 1.
///
/// Source:  open-metric-learning, CategoryBalanceSampler and DistinctCategoryBalanceSampler.
/// Differs: those fill a category that is too small by repeating its classes or samples, and the distinct one begins anew, with the
///          classes not yet seen left out, as soon as fewer than C categories have any.
/// Edge:    classes with fewer than n samples, and categories with fewer than L others, are never drawn: `excluded_classes`.
/// Cost:    planning an epoch takes O(samples + batches·categories) time.
/// Throws:  OptionError when n·C does not divide the batch size; DataError when labels and categories differ in number, a class is
///          in two categories, or fewer than C categories can be drawn.
class CategorySampler : public PlannedSampler {
 public:
  /// `categories`: that of each sample, any integers.
  CategorySampler(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& categories,
                  CategorySamplerOptions options, Generator generator);

  [[nodiscard]] const CategorySamplerOptions& options() const { return options_; }

 private:
  std::vector<std::int64_t> plan(std::int64_t epoch) const override;

  CategorySamplerOptions options_;
  Generator generator_;
  std::vector<std::vector<std::int64_t>> classes_;     // samples of each class
  std::vector<std::vector<std::int64_t>> categories_;  // of each category, the places of its classes in classes_
};

/// The category of each class where names say it: classes whose names are equal up to the last '/' are of one category, numbered
/// in the order of their first class ("Greek/character01" is of Greek). Names without '/' are of one category together.
std::vector<std::int64_t> categories_of(const std::vector<std::string>& class_names);

}  // namespace diva::inline v0_1
