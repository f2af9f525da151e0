#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/embedding_metrics.hpp>

#include <algorithm>
#include <limits>

namespace diva {
namespace {

constexpr std::int64_t block_rows = 8192;

void check_features(std::string_view function, const torch::Tensor& features) {
  detail::check_embeddings(function, features, "features");
  if (features.size(0) == 0) detail::fail<DataError>(function, "features", "at least one row", "none");
  detail::check_finite(function, "features", features);
}

// Calls `visit(first row, rows in float64)` for one block of rows after the other.
template <class Visit>
void for_each_block(const torch::Tensor& features, std::int64_t rows, Visit&& visit) {
  for (std::int64_t first = 0; first < features.size(0); first += rows) {
    visit(first, features.slice(0, first, first + rows).to(torch::kFloat64));
  }
}

}  // namespace

ClassDistances class_distances(const torch::Tensor& features, const torch::Tensor& labels) {
  constexpr auto function = "class_distances";
  const torch::NoGradGuard no_gradient;
  check_features(function, features);
  detail::check_labels(function, labels, features);
  const auto [classes, classes_of, sizes] = at::_unique2(labels, /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
  const auto dim = features.size(1);
  auto means = torch::zeros({classes.size(0), dim}, features.options().dtype(torch::kFloat64));
  auto directions = torch::zeros_like(means);  // sums of unit vectors
  auto squares = torch::zeros({classes.size(0)}, means.options());
  for_each_block(features, block_rows, [&, &classes_of = classes_of](std::int64_t first, const torch::Tensor& block) {
    const auto lengths = block.norm(2, 1, true);
    const auto zeros = (lengths == 0).sum().item<std::int64_t>();
    if (zeros > 0)
      detail::fail<DataError>(function, "features", "rows of a length above 0, which have a cosine",
                              fmt::format("{} rows of length 0", zeros));
    const auto unit = block / lengths, rows = classes_of.slice(0, first, first + block.size(0));
    means.index_add_(0, rows, block);
    directions.index_add_(0, rows, unit);
    squares.index_add_(0, rows, unit.square().sum(1));
  });

  const auto pairs = (sizes * (sizes - 1)).to(torch::kFloat64);
  const auto cosines = (directions.square().sum(1) - squares) / pairs;
  ClassDistances result;
  result.intra = 1 - cosines.masked_select(sizes > 1).mean().item<double>();

  means /= means.norm(2, 1, true).clamp_min(std::numeric_limits<double>::min());
  const auto count = static_cast<double>(classes.size(0));
  const double together = means.sum(0).square().sum().item<double>() - means.square().sum().item<double>();
  result.inter = 1 - together / (count * (count - 1));
  return result;
}

torch::Tensor singular_spectrum(const torch::Tensor& features, Variant variant) {
  constexpr auto function = "singular_spectrum";
  const torch::NoGradGuard no_gradient;
  check_features(function, features);
  // QRᵀ keeps the singular values, and R of (R of the rows so far, next rows) is that of all rows together.
  torch::Tensor triangle = torch::empty({0, features.size(1)}, features.options().dtype(torch::kFloat64));
  for_each_block(features, std::max(block_rows, 4 * features.size(1)), [&](std::int64_t, const torch::Tensor& block) {
    triangle = std::get<1>(at::linalg_qr(torch::cat({triangle, block}), "r"));
  });
  auto values = at::linalg_svdvals(triangle);
  if (variant == Variant::repo) values = values.slice(0, 0, values.size(0) - 1);
  const auto sum = values.sum();
  if (!(sum.item<double>() > 0)) {
    detail::fail<DataError>(function, "features", variant == Variant::repo ? "of rank 2 or more" : "not all zero",
                            detail::describe(features));
  }
  return values / sum;
}

double rho_spectrum(const torch::Tensor& spectrum, std::int64_t mode) {
  constexpr auto function = "rho_spectrum";
  if (!spectrum.defined() || spectrum.dim() != 1 || !spectrum.is_floating_point()) {
    detail::fail<ShapeError>(function, "spectrum", "[values] floating point", detail::describe(spectrum));
  }
  const auto dropped = std::abs(mode) - 1;
  const auto kept = mode == 0 || dropped >= spectrum.size(0) ? torch::Tensor() : spectrum.to(torch::kFloat64).slice(0, dropped);
  if (!kept.defined() || !(kept.sum().item<double>() > 0)) {
    detail::fail<OptionError>(function, "mode", fmt::format("not 0 and leave one of {} values that is not zero", spectrum.size(0)),
                              std::to_string(mode));
  }
  const auto share = kept / kept.sum(), even = torch::full_like(share, 1.0 / static_cast<double>(share.size(0)));
  return (mode > 0 ? even * (even / share).log() : torch::xlogy(share, share / even)).sum().item<double>();
}

}  // namespace diva
