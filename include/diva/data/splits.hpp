#pragma once

#include <diva/core/generator.hpp>
#include <diva/data/dataset.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

/// The samples of these classes, relabelled 0, 1, … in the order given.
/// Throws: DataError for a class that does not exist or is named twice.
Dataset select_classes(const Dataset& dataset, const std::vector<std::int64_t>& classes);

/// The usual protocol of deep metric learning: of C classes the first ⌊C/2⌋ train and the rest test (CUB: 100 and 100).
/// Throws: DataError for fewer than two classes.
Split zero_shot_split(const Dataset& dataset);

/// Holds ⌊share · C⌉ classes back, at least one, drawn at random, to choose a model without looking at test classes. Both parts
/// keep the order of classes.
/// Throws: OptionError unless 0 < share < 1; DataError for fewer than two classes, or when none would be left to train on.
Split validation_split(const Dataset& dataset, double share, Generator generator);

/// Holds ⌊share · n⌉ images of each class of n back, drawn at random, at least one where the class has two or more: both parts have
/// all classes that they can. For watching a classification loss; recall on seen classes says little of new ones. Throws:
/// OptionError unless 0 < share < 1; DataError when nothing would be held back.
Split validation_split_by_sample(const Dataset& dataset, double share, Generator generator);

/// Parts the classes at random into `folds` sets whose sizes differ by one at most; split i tests on set i and trains on all
/// others. Throws: OptionError for fewer than two folds; DataError for fewer classes than folds.
std::vector<Split> class_folds(const Dataset& dataset, std::int64_t folds, Generator generator);

/// All of the training side, then the classes of the test, numbered on. Super-classes of one name are one.
Dataset join(const Split& split);

}  // namespace diva::inline v0_1
