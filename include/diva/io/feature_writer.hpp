#pragma once

#include <torch/types.h>
#include <diva/core/files.hpp>
#include <diva/core/options.hpp>
#include <diva/core/state.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// How features are stored.
enum class FeatureType {
  float32,
  float16,  ///< Half the size; each value is rounded to 11 bits, so it moves by at most 2⁻¹¹ of itself (5·10⁻⁴).
};

constexpr auto enumerators(FeatureType) {
  return std::array{std::pair{FeatureType::float32, "float32"}, std::pair{FeatureType::float16, "float16"}};
}

struct FeatureWriterOptions {
  std::string path = {};                    ///< The file that `finish` leaves; empty: features stay in memory.
  FeatureType type = FeatureType::float32;  ///< Of the stored features.
};

template <class Visitor>
void describe(FeatureWriterOptions& options, Visitor&& visit) {
  visit("path", options.path, "the file that is left; empty: in memory", any_value);
  visit("type", options.type, "float32 or float16");
}

/// Collects features that come batch by batch, with whole numbers that belong to them (labels, ids, …), in memory or in a file, for
/// an evaluation without a second copy.
///
///   FeatureWriter writer(128, {"labels"}, {.path = "test.safetensors"});
///   for (…) writer.append(features, {labels});
///   const State store = writer.finish();
///   evaluate(store.tensor("features"), store.tensor("labels"), {"recall@1"}, generator);
///
/// The file is safetensors: `features` [N, dim] first, then each column [N] int64, and the texts. It appears under its name with
/// `finish` (synced and renamed, see AtomicFile); a process that is killed before leaves only the temporary. Opened again by
/// map_safetensors, or read by any reader of the format.
///
/// Cost:    to a file: one batch of memory, and the columns; `finish` maps the file, so float32 features are used where they lie,
///          and pages that memory has no room for are read again. In memory: N·dim elements; `finish` joins blocks of 64 MiB
///          and frees each once it is copied. float16 features take half of both, but search computes in float32: convert them
///          once, `features.to(torch::kFloat32)`, which is one copy of N·dim·4 bytes.
class FeatureWriter {
 public:
  /// `columns`: names of the whole numbers. `texts`: what the file says besides, such as names of classes.
  /// Throws: OptionError (dim < 1; a column named `features`, or twice), IoError.
  FeatureWriter(std::int64_t dim, std::vector<std::string> columns, const FeatureWriterOptions& options = {},
                std::map<std::string, std::string> texts = {});

  /// features [B, dim] floating point, on any device, and one [B] int64 tensor a column, in their order. B may be 0.
  /// Throws: ShapeError; DataError (NaN or infinite features, or such as float16 cannot hold); IoError. A batch that is refused
  ///         leaves nothing behind.
  void append(const torch::Tensor& features, const std::vector<torch::Tensor>& columns);

  /// Once, after the last batch: `features`, the columns and the texts, on the CPU.
  State finish();

  [[nodiscard]] std::int64_t rows() const { return rows_; }

 private:
  [[nodiscard]] std::string header(std::int64_t rows) const;
  void finish_file();
  State finish_memory();

  std::int64_t dim_;
  std::vector<std::string> names_;
  std::string path_;
  torch::ScalarType type_;
  std::map<std::string, std::string> texts_;
  std::int64_t rows_ = 0;
  std::vector<std::vector<std::int64_t>> columns_;
  std::optional<AtomicFile> file_;
  std::vector<torch::Tensor> blocks_;  // in memory: filled one after the other, the last up to `filled_` rows
  std::int64_t filled_ = 0;
};

}  // namespace diva::inline v0_1
