#include <fmt/format.h>
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/io/feature_writer.hpp>
#include <diva/io/safetensors.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

namespace diva::inline v0_1 {
namespace {

constexpr std::int64_t block_bytes = std::int64_t{64} << 20;  // large enough for the allocator to give each back to the system
constexpr std::size_t alignment = 64;

std::span<const std::uint8_t> bytes_of(const void* data, std::size_t size) {
  return {static_cast<const std::uint8_t*>(data), size};
}

}  // namespace

FeatureWriter::FeatureWriter(std::int64_t dim, std::vector<std::string> columns, const FeatureWriterOptions& options,
                             std::map<std::string, std::string> texts)
    : dim_(dim),
      names_(std::move(columns)),
      path_(options.path),
      type_(options.type == FeatureType::float16 ? torch::kFloat16 : torch::kFloat32),
      texts_(std::move(texts)),
      columns_(names_.size()) {
  if (dim < 1) detail::fail<OptionError>("FeatureWriter", "dim", "at least 1", fmt::format("{}", dim));
  std::set<std::string> seen = {"features", "__metadata__"};
  for (const auto& name : names_) {
    if (!seen.insert(name).second)
      detail::fail<OptionError>("FeatureWriter", "columns", "different names, none of them features", fmt::format("'{}'", name));
  }
  if (path_.empty()) return;
  const auto start = header(0);
  file_.emplace(path_);
  file_->write(bytes_of(start.data(), start.size()));
}

// As a safetensors file begins: the length of the JSON text, and the text, padded so that the features are aligned and that the
// same bytes have room for any number of rows.
std::string FeatureWriter::header(std::int64_t rows) const {
  const auto text = [&](std::int64_t count) {
    nlohmann::json json = nlohmann::json::object();
    if (!texts_.empty()) json["__metadata__"] = texts_;
    std::int64_t offset = 0;
    const auto add = [&](const std::string& name, const char* type, const std::vector<std::int64_t>& shape, std::int64_t bytes) {
      json[name] = {{"dtype", type}, {"shape", shape}, {"data_offsets", {offset, offset + bytes}}};
      offset += bytes;
    };
    const auto row_bytes = dim_ * static_cast<std::int64_t>(c10::elementSize(type_));
    add("features", type_ == torch::kFloat16 ? "F16" : "F32", {count, dim_}, count * row_bytes);
    for (const auto& name : names_) add(name, "I64", {count}, 8 * count);
    try {
      return json.dump();
    } catch (const nlohmann::json::exception& error) {
      detail::fail<IoError>("FeatureWriter", fmt::format("the names and texts of '{}'", path_), "UTF-8", error.what());
    }
  };
  // The number of rows and two offsets a tensor: at most 20 digits each.
  const auto room = text(0).size() + 60 * (names_.size() + 1);
  const auto whole = (8 + room + alignment - 1) / alignment * alignment;
  auto padded = text(rows);
  padded.resize(whole - 8, ' ');
  const auto length = std::bit_cast<std::array<char, 8>>(static_cast<std::uint64_t>(padded.size()));
  return std::string(length.begin(), length.end()) + padded;
}

void FeatureWriter::append(const torch::Tensor& features, const std::vector<torch::Tensor>& columns) {
  constexpr auto function = "FeatureWriter::append";
  detail::check_embeddings(function, features, "features");
  if (features.size(1) != dim_)
    detail::fail<ShapeError>(function, "features", fmt::format("[B, {}]", dim_), detail::describe(features));
  if (columns.size() != names_.size()) {
    detail::fail<ShapeError>(function, "columns", fmt::format("{}, one a name", names_.size()), fmt::format("{}", columns.size()));
  }
  const auto count = features.size(0);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    detail::check_shape(function, names_[i], columns[i], {count});
    if (columns[i].scalar_type() != torch::kInt64)
      detail::fail<ShapeError>(function, names_[i], "int64", detail::describe(columns[i]));
  }
  const auto values = features.detach().to(torch::kCPU, type_).contiguous();
  detail::check_finite(function, type_ == torch::kFloat16 ? "features in float16" : "features", values);

  if (file_) {
    file_->write(bytes_of(values.data_ptr(), values.nbytes()));
  } else {
    const auto block_rows = std::max<std::int64_t>(1, block_bytes / (dim_ * static_cast<std::int64_t>(values.element_size())));
    for (std::int64_t done = 0; done < count;) {
      if (blocks_.empty() || filled_ == block_rows) {
        blocks_.push_back(torch::empty({block_rows, dim_}, type_));
        filled_ = 0;
      }
      const auto part = std::min(block_rows - filled_, count - done);
      blocks_.back().narrow(0, filled_, part).copy_(values.narrow(0, done, part));
      filled_ += part;
      done += part;
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto column = columns[i].to(torch::kCPU).contiguous();
    columns_[i].insert(columns_[i].end(), column.data_ptr<std::int64_t>(), column.data_ptr<std::int64_t>() + count);
  }
  rows_ += count;
}

State FeatureWriter::finish() {
  if (!file_) return finish_memory();
  finish_file();
  return map_safetensors(path_);
}

void FeatureWriter::finish_file() {
  for (const auto& column : columns_) file_->write(bytes_of(column.data(), 8 * column.size()));
  const auto start = header(rows_);
  file_->overwrite(0, bytes_of(start.data(), start.size()));
  file_->commit();
}

State FeatureWriter::finish_memory() {
  State state;
  state.texts = texts_;
  // The pages of the result are touched as blocks are freed, so both together take little more than one.
  auto features = torch::empty({rows_, dim_}, type_);
  std::int64_t at = 0;
  for (auto& block : blocks_) {
    const auto part = std::min(block.size(0), rows_ - at);
    features.narrow(0, at, part).copy_(block.narrow(0, 0, part));
    at += part;
    block.reset();
  }
  blocks_.clear();
  state.put("features", features);
  for (std::size_t i = 0; i < names_.size(); ++i) state.put(names_[i], torch::tensor(columns_[i], torch::kInt64));
  return state;
}

}  // namespace diva::inline v0_1
