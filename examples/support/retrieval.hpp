#pragma once

#include <diva/data/image_cache.hpp>
#include <diva/data/image_transforms.hpp>
#include <diva/metrics/neighbour_metrics.hpp>
#include <diva/report/retrieval_sheet.hpp>
#include <diva/search/neighbours.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

/// Queries with their nearest images, for a report.
namespace program {

/// `count` queries at equal steps through the data set.
inline std::vector<std::int64_t> spread_queries(std::int64_t size, std::int64_t count) {
  std::vector<std::int64_t> queries;
  for (std::int64_t i = 0; i < std::min(count, size); ++i) queries.push_back((2 * i + 1) * size / (2 * std::min(count, size)));
  return queries;
}

/// Those of the lowest MAP@R, the first of equal ones; queries that have no other image of their class are left out.
inline std::vector<std::int64_t> worst_queries(const torch::Tensor& features, const torch::Tensor& labels, std::int64_t count) {
  const auto relevant = diva::count_relevant(labels, labels) - 1;
  const auto k = std::max<std::int64_t>(1, relevant.max().item<std::int64_t>());
  const auto ids = torch::arange(labels.size(0), torch::kInt64);
  const auto neighbours = diva::nearest_neighbours(features, k);
  const auto scores = diva::average_precision_at_r(diva::judge_neighbours(neighbours.indices, labels, labels, ids, ids));
  const auto order = std::get<1>(scores.nan_to_num(2).sort(true, 0, false));
  std::vector<std::int64_t> queries;
  for (std::int64_t i = 0; i < order.size(0) && static_cast<std::int64_t>(queries.size()) < count; ++i) {
    const auto query = order[i].item<std::int64_t>();
    if (relevant[query].item<std::int64_t>() > 0) queries.push_back(query);
  }
  return queries;
}

/// At most 176 pixels along the short side, twice what a sheet shows.
inline diva::Image small(const diva::Image& image) {
  constexpr std::int64_t side = 176;
  if (std::min(image.height, image.width) <= side) return image;
  const auto [height, width] = diva::short_side_size(image, side);
  return diva::resize(image, {.height = height, .width = width});
}

/// Each query with its eight nearest others.
inline std::vector<diva::RetrievalRow> retrieval(const torch::Tensor& features, const diva::ImageStore& store,
                                                 const std::vector<std::int64_t>& queries) {
  const auto& dataset = store.dataset();
  const auto item = [&](std::int64_t index) {
    const auto label = dataset.samples[static_cast<std::size_t>(index)].label;
    return diva::RetrievalItem{.image = small(*store.image(index)),
                               .label = dataset.class_names[static_cast<std::size_t>(label)],
                               .distance = 0,
                               .hit = false};
  };
  const auto neighbours = diva::nearest_neighbours(features, std::min<std::int64_t>(8, store.size() - 1));
  std::vector<diva::RetrievalRow> rows;
  for (const auto query : queries) {
    diva::RetrievalRow row{.query = item(query), .neighbours = {}};
    for (std::int64_t j = 0; j < neighbours.indices.size(1); ++j) {
      auto neighbour = item(neighbours.indices[query][j].item<std::int64_t>());
      neighbour.distance = neighbours.distances[query][j].item<double>();
      neighbour.hit = neighbour.label == row.query.label;
      row.neighbours.push_back(std::move(neighbour));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace program
