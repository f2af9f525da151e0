#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/protocol.hpp>

#include <algorithm>
#include <map>

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "evaluation_sets";

void check_column(const char* name, const torch::Tensor& column, std::int64_t count) {
  if (!column.defined()) return;
  detail::check_shape(function, name, column, {count});
  if (column.is_floating_point() || column.is_complex())
    detail::fail<ShapeError>(function, name, "whole numbers or bool", detail::describe(column));
}

void check(const EvaluationSamples& samples) {
  detail::check_embeddings(function, samples.features, "features");
  detail::check_labels(function, samples.labels, samples.features);
  const auto count = samples.features.size(0);
  check_column("ids", samples.ids, count);
  check_column("sequences", samples.sequences, count);
  check_column("is_query", samples.is_query, count);
  check_column("is_gallery", samples.is_gallery, count);
}

torch::Tensor on_cpu(const torch::Tensor& column) { return column.to(torch::kCPU, torch::kInt64).contiguous(); }

/// Ids such that samples are the same exactly if they have one id or are of one sequence.
torch::Tensor merged_ids(const torch::Tensor& ids, const torch::Tensor& sequences) {
  if (!sequences.defined()) return ids;
  const auto own = on_cpu(ids), sequence = on_cpu(sequences);
  auto result = torch::empty_like(own);
  const auto *id = own.data_ptr<std::int64_t>(), *of = sequence.data_ptr<std::int64_t>();
  auto* merged = result.data_ptr<std::int64_t>();
  std::map<std::int64_t, std::int64_t> sequence_of;              // by id
  std::map<std::pair<bool, std::int64_t>, std::int64_t> number;  // (is a sequence, its number or an id) -> the merged id
  for (std::int64_t i = 0; i < own.size(0); ++i) {
    const auto [known, added] = sequence_of.emplace(id[i], of[i]);
    if (!added && std::max<std::int64_t>(known->second, -1) != std::max<std::int64_t>(of[i], -1)) {
      detail::fail<DataError>(function, "sequences", fmt::format("the same for all samples of id {}", id[i]),
                              fmt::format("{} and {}", known->second, of[i]));
    }
    const bool is_sequence = of[i] >= 0;
    merged[i] =
        number.emplace(std::pair(is_sequence, is_sequence ? of[i] : id[i]), static_cast<std::int64_t>(number.size())).first->second;
  }
  return result.to(ids.device());
}

/// The rows that a role names: a view where they follow each other.
LabelledFeatures part(const EvaluationSamples& samples, const torch::Tensor& ids, const torch::Tensor& role, const char* name) {
  if (!role.defined()) return {.features = samples.features, .labels = samples.labels, .ids = ids};
  const auto rows = role.to(torch::kCPU).nonzero().flatten();
  if (rows.size(0) == 0) detail::fail<DataError>(function, name, "true for a sample", "none");
  const auto first = rows[0].item<std::int64_t>(), count = rows.size(0);
  if (rows[-1].item<std::int64_t>() - first + 1 == count) {
    return {.features = samples.features.narrow(0, first, count),
            .labels = samples.labels.narrow(0, first, count),
            .ids = ids.narrow(0, first, count)};
  }
  const auto chosen = rows.to(samples.features.device());
  return {.features = samples.features.index_select(0, chosen),
          .labels = samples.labels.index_select(0, chosen),
          .ids = ids.index_select(0, rows.to(ids.device()))};
}

}  // namespace

EvaluationSets evaluation_sets(const EvaluationSamples& samples) {
  check(samples);
  const auto own =
      samples.ids.defined() ? samples.ids.to(torch::kInt64) : torch::arange(samples.features.size(0), samples.labels.options());
  const auto ids = merged_ids(own, samples.sequences);
  return {part(samples, ids, samples.is_query, "is_query"), part(samples, ids, samples.is_gallery, "is_gallery")};
}

EvaluationSets evaluation_sets(const EvaluationSamples& queries, const EvaluationSamples& gallery) {
  check(queries);
  check(gallery);
  for (const auto* set : {&queries, &gallery}) {
    if (set->is_query.defined() || set->is_gallery.defined()) {
      detail::fail<OptionError>(function, "is_query and is_gallery", "left out where queries and gallery are given apart", "one");
    }
  }
  const auto both = [](const char* name, const torch::Tensor& a, const torch::Tensor& b) {
    if (a.defined() != b.defined())
      detail::fail<OptionError>(function, name, "those of queries and gallery, or none", "one of the two");
    return a.defined() ? torch::cat({a.to(torch::kInt64), b.to(torch::kInt64)}) : torch::Tensor();
  };
  auto ids = both("ids", queries.ids, gallery.ids);
  const auto sequences = both("sequences", queries.sequences, gallery.sequences);
  const auto first = queries.features.size(0), second = gallery.features.size(0);
  if (!ids.defined() && sequences.defined()) ids = torch::arange(first + second, queries.labels.options());
  EvaluationSets sets{{queries.features, queries.labels, {}}, {gallery.features, gallery.labels, {}}};
  if (ids.defined()) {
    ids = merged_ids(ids, sequences);
    sets.queries.ids = ids.narrow(0, 0, first);
    sets.gallery.ids = ids.narrow(0, first, second);
  }
  return sets;
}

}  // namespace diva::inline v0_1
