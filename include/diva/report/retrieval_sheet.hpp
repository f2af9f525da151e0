#pragma once

#include <diva/io/image.hpp>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// One picture on the sheet.
struct RetrievalItem {
  Image image;
  std::string label;    ///< Name of its class.
  double distance = 0;  ///< To the query; not read for the query itself.
  bool hit = false;     ///< Of the query's class; not read for the query itself.
};

/// A query and its neighbours, the nearest first.
struct RetrievalRow {
  RetrievalItem query;
  std::vector<RetrievalItem> neighbours;
};

/// The rows as HTML: hits have a solid green frame and a check mark, misses a dashed red one and a cross, so that colour is not the
/// only sign. Without rows it says so.
std::string render_retrieval_sheet(const std::vector<RetrievalRow>& rows);

}  // namespace diva::inline v0_1
