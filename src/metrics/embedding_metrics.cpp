#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/embedding_metrics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "unit_rows.hpp"

namespace diva::inline v0_1 {
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

struct ClassSums {
  torch::Tensor sizes;       // [C] int64
  torch::Tensor totals;      // [C, D] float64: Σ x
  torch::Tensor directions;  // [C, D] float64: Σ x / |x|
  torch::Tensor squares;     // [C] float64: Σ |x / |x||², each 1 but for rounding
};

ClassSums class_sums(std::string_view function, const torch::Tensor& features, const torch::Tensor& labels) {
  check_features(function, features);
  detail::check_labels(function, labels, features);
  const auto [classes, classes_of, sizes] = at::_unique2(labels, /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
  auto totals = torch::zeros({classes.size(0), features.size(1)}, features.options().dtype(torch::kFloat64));
  ClassSums sums{sizes, totals, torch::zeros_like(totals), torch::zeros({classes.size(0)}, totals.options())};
  for_each_block(features, block_rows, [&, &classes_of = classes_of](std::int64_t first, const torch::Tensor& block) {
    const auto unit = detail::unit_rows(function, "features", block), rows = classes_of.slice(0, first, first + block.size(0));
    sums.totals.index_add_(0, rows, block);
    sums.directions.index_add_(0, rows, unit);
    sums.squares.index_add_(0, rows, unit.square().sum(1));
  });
  return sums;
}

// Singular values of all rows minus `centre`: QRᵀ keeps them, and R of (R of the rows so far, next rows) is that of all rows
// together.
torch::Tensor singular_values(const torch::Tensor& features, const torch::Tensor& centre) {
  torch::Tensor triangle = torch::empty({0, features.size(1)}, features.options().dtype(torch::kFloat64));
  for_each_block(features, std::max(block_rows, 4 * features.size(1)), [&](std::int64_t, const torch::Tensor& block) {
    triangle = std::get<1>(at::linalg_qr(torch::cat({triangle, block - centre}), "r"));
  });
  return at::linalg_svdvals(triangle);
}

}  // namespace

torch::Tensor detail::unit_rows(std::string_view function, std::string_view argument, const torch::Tensor& rows) {
  const auto lengths = rows.norm(2, 1, true);
  const auto zeros = (lengths == 0).sum().item<std::int64_t>();
  if (zeros > 0) {
    detail::fail<DataError>(function, argument, "rows of a length above 0, which have a cosine",
                            fmt::format("{} rows of length 0", zeros));
  }
  return rows / lengths;
}

ClassDistances class_distances(const torch::Tensor& features, const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradient;
  const auto sums = class_sums("class_distances", features, labels);
  const auto pairs = (sums.sizes * (sums.sizes - 1)).to(torch::kFloat64);
  const auto cosines = (sums.directions.square().sum(1) - sums.squares) / pairs;
  ClassDistances result;
  result.intra = 1 - cosines.masked_select(sums.sizes > 1).mean().item<double>();

  auto means = sums.totals / sums.sizes.unsqueeze(1);
  means /= means.norm(2, 1, true).clamp_min(std::numeric_limits<double>::min());
  const auto count = static_cast<double>(sums.sizes.size(0));
  const double together = means.sum(0).square().sum().item<double>() - means.square().sum().item<double>();
  result.inter = 1 - together / (count * (count - 1));
  return result;
}

double alignment(const torch::Tensor& features, const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradient;
  const auto sums = class_sums("alignment", features, labels);
  const auto distances = (sums.sizes * sums.squares - sums.directions.square().sum(1)).clamp_min(0).sum();
  const auto pairs = (sums.sizes * (sums.sizes - 1) / 2).sum().to(torch::kFloat64);
  return (distances / pairs).item<double>();
}

double uniformity(const torch::Tensor& features, double t) {
  constexpr auto function = "uniformity";
  constexpr std::int64_t tile = 1024;
  const torch::NoGradGuard no_gradient;
  if (!(t > 0 && t <= 100)) detail::fail<OptionError>(function, "t", "in (0, 100]", std::to_string(t));
  check_features(function, features);
  const auto type = features.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto unit = detail::unit_rows(function, "features", features.detach().to(type));
  const auto count = unit.size(0);
  double sum = 0;
  for (std::int64_t row = 0; row < count; row += tile) {
    const auto left = unit.slice(0, row, row + tile);
    for (std::int64_t column = row; column < count; column += tile) {
      auto affinities = torch::mm(left, unit.slice(0, column, column + tile).t()).to(torch::kFloat64);
      affinities.sub_(1).mul_(2 * t).clamp_max_(0).exp_();
      if (column == row) affinities.triu_(1);
      sum += affinities.sum(1).sum().item<double>();
    }
  }
  return std::log(sum / (static_cast<double>(count) * static_cast<double>(count - 1) / 2));
}

torch::Tensor singular_spectrum(const torch::Tensor& features, Variant variant) {
  constexpr auto function = "singular_spectrum";
  const torch::NoGradGuard no_gradient;
  check_features(function, features);
  auto values = singular_values(features, torch::zeros({1}, features.options().dtype(torch::kFloat64)));
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

double principal_component_fraction(const torch::Tensor& features, double share) {
  constexpr auto function = "principal_component_fraction";
  const torch::NoGradGuard no_gradient;
  if (!(share > 0 && share <= 1)) detail::fail<OptionError>(function, "share", "in (0, 1]", std::to_string(share));
  check_features(function, features);
  auto centre = torch::zeros({features.size(1)}, features.options().dtype(torch::kFloat64));
  for_each_block(features, block_rows, [&](std::int64_t, const torch::Tensor& block) { centre += block.sum(0); });
  centre /= features.size(0);
  const auto sums = singular_values(features, centre).square().cumsum(0);
  const auto total = sums[-1];
  // Rounding leaves equal rows a variance of about 1e-32 of their squared length.
  if (total.item<double>() <= 1e-28 * static_cast<double>(features.size(0)) * centre.square().sum().item<double>()) return 0;
  const auto fewer = (sums < (share - 1e-12) * total).sum().item<std::int64_t>();
  return static_cast<double>(fewer + 1) / static_cast<double>(features.size(1));
}

}  // namespace diva::inline v0_1
