#pragma once

#include <diva/data/dataset.hpp>

#include <string>

namespace diva::inline v0_1 {

/// A table of images in the columns of open-metric-learning, which suits any data of one's own. Needed are
///
///   label  path  split                     text, a path (absolute, or seen from the table's folder), train or validation (or test)
///
/// and where they are known
///
///   is_query  is_gallery                   true or false (also 1, 0, and empty for false), in any case; of the validation only
///   category  sequence                     text; whole numbers, where frames of one track share one
///   x_1  y_1  x_2  y_2                     the part of the image that counts, in pixels: columns [x_1, x_2), rows [y_1, y_2)
///
/// Classes and categories are numbered by the order of their names, whole numbers before texts and by their value. Columns of other
/// names are left alone.
///
/// Differs: without is_query and is_gallery every validation image is both. Boxes are applied wherever they are given, as there;
///          remove their columns to compare with papers that show the whole image.
/// Throws:  IoError for a table or an image that cannot be read; OptionError naming a column that is missing; DataError with the
///          line for a value that is not understood, a box without area, a row that is neither query nor gallery, and a table
///          without training or validation.
Split csv_dataset(const std::string& path, const ReadOptions& options = {});

}  // namespace diva::inline v0_1
