#include <fmt/format.h>
#include <diva/core/error.hpp>
#include <diva/core/options.hpp>
#include <diva/data/splits.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace diva::inline v0_1 {
namespace {

void check_two_classes(const char* function, const Dataset& dataset) {
  if (dataset.num_classes() < 2) {
    detail::fail<DataError>(function, "dataset", "of at least 2 classes",
                            fmt::format("{} in '{}'", dataset.num_classes(), dataset.name));
  }
}

Dataset select_named(const Dataset& dataset, const std::vector<std::int64_t>& classes, const std::string& part) {
  auto result = select_classes(dataset, classes);
  result.name += part;
  return result;
}

}  // namespace

Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes) {
  constexpr std::int64_t left_out = -1;
  std::vector<std::int64_t> new_labels(dataset.class_names.size(), left_out);
  Dataset result{.name = dataset.name, .samples = {}, .class_names = {}};
  result.category_names = dataset.category_names;
  for (const auto label : classes) {
    if (label < 0 || label >= dataset.num_classes()) {
      detail::fail<DataError>("select_classes", "classes", fmt::format("in [0, {})", dataset.num_classes()), std::to_string(label));
    }
    auto& new_label = new_labels[static_cast<std::size_t>(label)];
    if (new_label != left_out) detail::fail<DataError>("select_classes", "classes", "different", fmt::format("{} twice", label));
    new_label = result.num_classes();
    result.class_names.push_back(dataset.class_names[static_cast<std::size_t>(label)]);
  }
  for (const auto& sample : dataset.samples) {
    const auto label = new_labels[static_cast<std::size_t>(sample.label)];
    if (label == left_out) continue;
    result.samples.push_back(sample);
    result.samples.back().label = label;
  }
  std::stable_sort(result.samples.begin(), result.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.label < b.label; });
  return result;
}

Split zero_shot_split(const Dataset& dataset) {
  check_two_classes("zero_shot_split", dataset);
  std::vector<std::int64_t> train, test;
  for (std::int64_t label = 0; label < dataset.num_classes(); ++label) {
    (label < dataset.num_classes() / 2 ? train : test).push_back(label);
  }
  return {select_named(dataset, train, "/train"), select_named(dataset, test, "/test")};
}

Split validation_split(const Dataset& dataset, double share, Generator generator) {
  constexpr Bounds inside{0, 1, true, true};
  if (!inside.contain(share)) detail::fail<OptionError>("validation_split", "share", inside.text(), fmt::format("{}", share));
  check_two_classes("validation_split", dataset);
  const auto held_back = std::max<std::int64_t>(1, std::lround(share * static_cast<double>(dataset.num_classes())));
  if (held_back >= dataset.num_classes()) {
    detail::fail<DataError>("validation_split", "share", "such that classes are left to train on",
                            fmt::format("{} of {} classes", share, dataset.num_classes()));
  }
  const auto order = generator.permutation(dataset.num_classes());
  const auto* first = order.data_ptr<std::int64_t>();
  std::vector<std::int64_t> validation(first, first + held_back), train(first + held_back, first + dataset.num_classes());
  std::sort(validation.begin(), validation.end());
  std::sort(train.begin(), train.end());
  return {select_named(dataset, train, "/train"), select_named(dataset, validation, "/validation")};
}

Split validation_split_by_sample(const Dataset& dataset, double share, Generator generator) {
  constexpr Bounds inside{0, 1, true, true};
  if (!inside.contain(share)) {
    detail::fail<OptionError>("validation_split_by_sample", "share", inside.text(), fmt::format("{}", share));
  }
  std::vector<std::vector<std::size_t>> by_class(dataset.class_names.size());
  for (std::size_t i = 0; i < dataset.samples.size(); ++i) {
    by_class.at(static_cast<std::size_t>(dataset.samples[i].label)).push_back(i);
  }
  std::vector<bool> held_back(dataset.samples.size(), false);
  for (std::size_t label = 0; label < by_class.size(); ++label) {
    const auto& members = by_class[label];
    const auto count = static_cast<std::int64_t>(members.size());
    if (count < 2) continue;
    const auto wished = static_cast<std::int64_t>(share * static_cast<double>(count));
    const auto order = generator.fork(label).permutation(count);
    for (std::int64_t i = 0; i < std::max<std::int64_t>(1, wished); ++i) {
      held_back[members[static_cast<std::size_t>(order.data_ptr<std::int64_t>()[i])]] = true;
    }
  }
  Split split{dataset, dataset};
  const auto keep = [&](Dataset& part, const std::string& suffix, bool held) {
    part.name += suffix;
    part.samples.clear();
    for (std::size_t i = 0; i < held_back.size(); ++i) {
      if (held_back[i] == held) part.samples.push_back(dataset.samples[i]);
    }
  };
  keep(split.train, "/train", false);
  keep(split.test, "/validation", true);
  if (split.test.samples.empty()) {
    detail::fail<DataError>("validation_split_by_sample", "dataset", "a data set with a class of two images", "none");
  }
  return split;
}

std::vector<Split> class_folds(const Dataset& dataset, std::int64_t folds, Generator generator) {
  if (folds < 2) detail::fail<OptionError>("class_folds", "folds", "at least 2", std::to_string(folds));
  const auto classes = dataset.num_classes();
  if (classes < folds) {
    detail::fail<DataError>("class_folds", "dataset", fmt::format("a data set of at least {} classes", folds),
                            fmt::format("'{}' with {}", dataset.name, classes));
  }
  const auto order = generator.permutation(classes);
  std::vector<std::int64_t> fold_of(static_cast<std::size_t>(classes));
  for (std::int64_t i = 0; i < classes; ++i) fold_of[static_cast<std::size_t>(order.data_ptr<std::int64_t>()[i])] = i % folds;
  std::vector<Split> splits;
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    std::vector<std::int64_t> train, test;
    for (std::int64_t label = 0; label < classes; ++label) {
      (fold_of[static_cast<std::size_t>(label)] == fold ? test : train).push_back(label);
    }
    splits.push_back({select_named(dataset, train, fmt::format("/fold{}/train", fold)),
                      select_named(dataset, test, fmt::format("/fold{}/test", fold))});
  }
  return splits;
}

Dataset join(const Split& split) {
  Dataset all = split.train;
  std::vector<std::int64_t> categories;  // of the test, in the whole
  for (const auto& name : split.test.category_names) {
    const auto found = std::find(all.category_names.begin(), all.category_names.end(), name);
    categories.push_back(found - all.category_names.begin());
    if (found == all.category_names.end()) all.category_names.push_back(name);
  }
  const auto classes = all.num_classes();
  for (auto sample : split.test.samples) {
    sample.label += classes;
    if (sample.category >= 0) sample.category = categories.at(static_cast<std::size_t>(sample.category));
    all.samples.push_back(std::move(sample));
  }
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(all.class_names, split.test.class_names);
  append(all.ignored_files, split.test.ignored_files);
  append(all.faults, split.test.faults);
  return all;
}

}  // namespace diva::inline v0_1
