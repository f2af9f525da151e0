#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace diva::detail {

/// The samples of a data set by their classes.
struct Classes {
  std::vector<std::int64_t> labels;                ///< Of the classes that remain, ascending.
  std::vector<std::vector<std::int64_t>> samples;  ///< Of each of these, ascending.
  std::vector<std::int64_t> excluded;              ///< Labels of the classes with fewer samples, ascending.
};
Classes classes_of(const std::vector<std::int64_t>& labels, std::int64_t min_samples = 1);

/// Of each sample the place of its class, or −1 where it was excluded.
std::vector<std::int64_t> places_of_classes(const Classes& classes, std::size_t samples);

/// Classes by their categories: those of at least `min_classes` classes that have `min_samples` samples.
struct Categories {
  std::vector<std::vector<std::int64_t>> samples;  ///< Of each class that remains.
  std::vector<std::vector<std::int64_t>> classes;  ///< Of each category that remains, places in `samples`.
  std::vector<std::int64_t> excluded;              ///< Labels of the classes left out, ascending.
};
/// Throws: DataError when labels and categories differ in number, a class is in two categories, or fewer than `min_categories` are
///         left.
Categories categories_of(std::string_view function, const std::vector<std::int64_t>& labels,
                         const std::vector<std::int64_t>& categories, std::int64_t min_samples, std::int64_t min_classes,
                         std::int64_t min_categories);

/// "have fewer than n images".
std::string fewer_than(std::int64_t samples);
/// "have fewer than n images, or are of a category with fewer than m other classes".
std::string fewer_than(std::int64_t samples, std::int64_t classes);

/// batch_size / parts; OptionError when that is not whole. `what` names the parts: "samples_per_class = 2".
std::int64_t divide_batch(std::string_view function, std::int64_t batch_size, std::int64_t parts, std::string_view what);

/// DataError for fewer samples than a batch has.
void check_samples(std::string_view function, std::int64_t samples, std::int64_t batch_size);

}  // namespace diva::detail
