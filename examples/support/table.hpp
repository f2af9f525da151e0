#pragma once

#include <fmt/format.h>
#include <diva/core/json.hpp>
#include <diva/io/csv.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/version.hpp>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

/// Named rows of metrics as a table for people, JSON and CSV.
namespace program {

struct Rows {
  std::vector<std::pair<std::string, diva::MetricValues>> rows;

  [[nodiscard]] std::string table() const {
    std::size_t first = 0;
    for (const auto& [name, values] : rows) first = std::max(first, name.size());
    std::string text = fmt::format("{:{}}", "", first);
    for (const auto& [metric, value] : rows.front().second) text += fmt::format("  {:>{}}", metric, width(metric));
    for (const auto& [name, values] : rows) {
      text += fmt::format("\n{:{}}", name, first);
      for (const auto& [metric, value] : values) text += fmt::format("  {:>{}.4f}", value, width(metric));
    }
    return text + "\n";
  }

  /// [{"name": …, "metrics": {…}}]; NaN is null.
  [[nodiscard]] nlohmann::ordered_json json() const {
    auto list = nlohmann::ordered_json::array();
    for (const auto& [name, values] : rows) {
      auto metrics = nlohmann::ordered_json::object();
      for (const auto& [metric, value] : values) metrics[metric] = std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr;
      list.push_back({{"name", name}, {"metrics", metrics}});
    }
    return list;
  }

  [[nodiscard]] std::string csv() const {
    diva::CsvTable table{.columns = {"name"}, .rows = {}};
    for (const auto& [metric, value] : rows.front().second) table.columns.push_back(metric);
    for (const auto& [name, values] : rows) {
      auto& row = table.rows.emplace_back(1, name);
      for (const auto& [metric, value] : values) row.push_back(diva::CsvValue(value).text);
    }
    return diva::csv_text(table, "metrics");
  }

 private:
  static std::size_t width(const std::string& metric) { return std::max<std::size_t>(metric.size(), 6); }
};

}  // namespace program
