#pragma once

#include <torch/types.h>
#include <diva/report/chart.hpp>
#include <diva/report/heat_map.hpp>
#include <diva/report/retrieval_sheet.hpp>
#include <diva/report/table.hpp>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// Points of a map, classes told apart by colour and by the name that hovering shows.
struct EmbeddingMap {
  torch::Tensor points;             ///< [N, 2]; see pca_2d and tsne_2d.
  std::vector<std::string> labels;  ///< One a point.
  std::string caption;
};

/// What a report shows, in this order; empty parts are left out, and a report without any says so.
struct ReportData {
  std::string title;
  std::vector<std::string> summary = {};  ///< Paragraphs: what was trained on what, how long it took.
  std::vector<MetricTable> tables = {};
  std::vector<LineChart> charts = {};
  std::vector<HeatMap> heat_maps = {};
  std::vector<RetrievalRow> retrieval = {};
  EmbeddingMap map = {};
};

/// The report as one HTML page that needs nothing else: no script, no address outside itself, light or dark as the reader's system.
///
/// Throws: ShapeError when a table's row or the map's labels do not fit.
std::string render_report(const ReportData& data);

/// Writes it to a file, whole or not at all. Throws also IoError.
void write_report(const std::string& path, const ReportData& data);

}  // namespace diva::inline v0_1
