#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// A square matrix of shares as a picture, such as how much heads tell about each other.
struct HeatMap {
  std::string title;
  std::vector<std::string> labels;  ///< Of its rows and columns.
  torch::Tensor values;             ///< [H, H]; 0 is pale, 1 full, NaN empty.
};

/// The map as an `<svg>` element of the class `chart`: each value is written into its field. Throws ShapeError when labels do not
/// fit.
std::string render_svg(const HeatMap& map);

}  // namespace diva::inline v0_1
