#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace diva::inline v0_1::detail {

/// The samples of a data set by their classes.
struct Classes {
  std::vector<std::int64_t> labels;                ///< Of the classes that remain, ascending.
  std::vector<std::vector<std::int64_t>> samples;  ///< Of each of these, ascending.
  std::vector<std::int64_t> excluded;              ///< Labels of the classes with fewer samples, ascending.
};
Classes classes_of(const std::vector<std::int64_t>& labels, std::int64_t min_samples = 1);

/// Of each sample the place of its class, or −1 where it was excluded.
std::vector<std::int64_t> places_of_classes(const Classes& classes, std::size_t samples);

/// Classes by their categories, as a sampler needs them whose batches hold some categories, of each equally many classes, of each
/// of these some samples: categories of fewer classes, and classes of fewer samples, are left out.
struct Categories {
  std::int64_t classes_per_category = 0;           ///< In a batch.
  std::vector<std::vector<std::int64_t>> samples;  ///< Of each class that remains.
  std::vector<std::vector<std::int64_t>> classes;  ///< Of each category that remains, places in `samples`.
  std::vector<std::int64_t> excluded;              ///< Labels of the classes left out, ascending.
  std::string exclusion;                           ///< Why, as fewer_than says it.
};
/// Throws: OptionError when the batch size is no multiple of samples and categories; DataError when labels and categories differ in
///         number, a class is in two categories, or fewer than `categories_per_batch` categories are left.
Categories categories_of(std::string_view function, const std::vector<std::int64_t>& labels,
                         const std::vector<std::int64_t>& categories, std::int64_t batch_size, std::int64_t samples_per_class,
                         std::int64_t categories_per_batch);

/// "have fewer than n images".
std::string fewer_than(std::int64_t samples);
/// "have fewer than n images, or are of a category with fewer than m other classes".
std::string fewer_than(std::int64_t samples, std::int64_t classes);

/// batch_size / parts; OptionError when that is not whole. `what` names the parts: "samples_per_class = 2".
std::int64_t divide_batch(std::string_view function, std::int64_t batch_size, std::int64_t parts, std::string_view what);

/// DataError for fewer samples than a batch has.
void check_samples(std::string_view function, std::int64_t samples, std::int64_t batch_size);

}  // namespace diva::inline v0_1::detail
