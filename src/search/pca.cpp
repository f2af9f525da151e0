#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/search/pca.hpp>

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>

namespace diva::inline v0_1 {
namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr std::int64_t block_bytes = std::int64_t{32} << 20;
constexpr std::int64_t panel_columns = 256;

std::int64_t block_of(std::int64_t row_length) {
  return std::max<std::int64_t>(1, block_bytes / static_cast<std::int64_t>(sizeof(double)) / std::max<std::int64_t>(row_length, 1));
}

// Calls visit(begin, end) for panels of columns of fixed bounds, so that each is computed alike whatever the number of threads.
template <class Visit>
void over_panels(std::int64_t columns, torch::Device device, Visit&& visit) {
  const auto panels = (columns + panel_columns - 1) / panel_columns;
  const auto run = [&](std::int64_t first, std::int64_t last) {
    const torch::NoGradGuard no_gradient;  // of this thread
    for (auto p = first; p < last; ++p) visit(p * panel_columns, std::min(columns, (p + 1) * panel_columns));
  };
  if (device.is_cpu()) {
    at::parallel_for(0, panels, 1, run);
  } else {
    run(0, panels);
  }
}

// matrix += blockᵀ block, on and below the diagonal.
void add_products(const torch::Tensor& matrix, const torch::Tensor& block) {
  over_panels(matrix.size(0), matrix.device(), [&](std::int64_t begin, std::int64_t end) {
    matrix.slice(0, begin).slice(1, begin, end).addmm_(block.slice(1, begin).t(), block.slice(1, begin, end));
  });
}

torch::Tensor mean_of(const torch::Tensor& features) {
  const auto count = features.size(0), dim = features.size(1);
  auto mean = torch::zeros({dim}, features.options().dtype(torch::kFloat64));
  for (std::int64_t first = 0; first < count; first += block_of(dim)) {
    const auto block = features.slice(0, first, first + block_of(dim)).to(torch::kFloat64) / static_cast<double>(count);
    over_panels(dim, mean.device(),
                [&](std::int64_t begin, std::int64_t end) { mean.slice(0, begin, end) += block.slice(1, begin, end).sum(0); });
  }
  return mean;
}

// Calls visit(begin, centred [N, end - begin]) for blocks of columns.
template <class Visit>
void over_columns(const torch::Tensor& features, const torch::Tensor& mean, Visit&& visit) {
  const auto width = block_of(features.size(0));
  for (std::int64_t begin = 0; begin < features.size(1); begin += width) {
    visit(begin, features.slice(1, begin, begin + width).to(torch::kFloat64) - mean.slice(0, begin, begin + width));
  }
}

void fix_signs(RowMajor& components) {
  for (auto&& row : components.rowwise()) {
    Eigen::Index largest = 0;
    row.cwiseAbs().maxCoeff(&largest);
    if (row[largest] < 0) row = -row;
  }
}

}  // namespace

Pca fit_pca(const torch::Tensor& features, const PcaOptions& options) {
  constexpr auto function = "fit_pca";
  validate_fields(function, options);
  detail::check_embeddings(function, features, "features");
  const torch::NoGradGuard no_gradient;
  const auto x = features.detach();
  const auto count = x.size(0), dim = x.size(1), size = std::min(count, dim);
  if (count == 0) detail::fail<DataError>(function, "features", "at least one row", "none");
  if (options.components > size) {
    detail::fail<OptionError>(function, "components", fmt::format("at most min(N, D) = {}", size),
                              std::to_string(options.components));
  }
  detail::check_finite(function, "features", x);
  const auto kept = options.components == 0 ? size : options.components;

  const auto in_double = x.options().dtype(torch::kFloat64);
  const auto mean = mean_of(x);
  const bool by_rows = count < dim;  // the matrix of products between rows is the smaller one
  auto products = torch::zeros({size, size}, in_double);
  if (by_rows) {
    over_columns(x, mean, [&](std::int64_t, const torch::Tensor& centred) { add_products(products, centred.t()); });
  } else {
    for (std::int64_t first = 0; first < count; first += block_of(dim)) {
      add_products(products, x.slice(0, first, first + block_of(dim)).to(torch::kFloat64) - mean);
    }
  }
  products = products.cpu();
  if (!products.isfinite().all().item<bool>()) {
    detail::fail<DataError>(function, "features", "values whose squares and their sums are finite", "larger ones");
  }

  const Eigen::Map<const RowMajor> matrix(products.data_ptr<double>(), size, size);
  const Eigen::SelfAdjointEigenSolver<RowMajor> solver(matrix);  // reads on and below the diagonal
  if (solver.info() != Eigen::Success) {
    detail::fail<DataError>(function, "features", "such that their covariance has eigenvalues", "no convergence");
  }
  RowMajor components = solver.eigenvectors().rightCols(kept).rowwise().reverse().transpose();
  if (by_rows) {
    const auto weights = torch::from_blob(components.data(), {kept, size}, torch::kFloat64).to(x.device());
    auto directions = torch::empty({dim, kept}, in_double);
    over_columns(x, mean, [&](std::int64_t begin, const torch::Tensor& centred) {
      directions.slice(0, begin, begin + centred.size(1)).copy_(torch::mm(centred.t(), weights.t()));
    });
    directions = directions.cpu();
    const Eigen::HouseholderQR<RowMajor> qr(Eigen::Map<const RowMajor>(directions.data_ptr<double>(), dim, kept));
    components = (qr.householderQ() * RowMajor::Identity(dim, kept)).transpose();
  }
  fix_signs(components);

  auto variance = torch::empty({kept}, torch::kFloat64), scales = torch::ones({kept}, torch::kFloat64);
  const double divisor = count > 1 ? static_cast<double>(count - 1) : 1;
  const double noise =
      solver.eigenvalues()[size - 1] * static_cast<double>(std::max(count, dim)) * std::numeric_limits<double>::epsilon();
  for (std::int64_t i = 0; i < kept; ++i) {
    const double value = solver.eigenvalues()[size - 1 - i];
    const bool flat = !(value > noise);
    variance.data_ptr<double>()[i] = flat ? 0 : value / divisor;
    if (options.whiten) scales.data_ptr<double>()[i] = flat ? 0 : 1 / std::sqrt(value / divisor);
  }
  const auto device = x.device();
  return {.mean = mean,
          .components = torch::from_blob(components.data(), {kept, dim}, torch::kFloat64).clone().to(device),
          .explained_variance = variance.to(device),
          .scales = scales.to(device),
          .total_variance = matrix.trace() / divisor};
}

torch::Tensor transform(const Pca& pca, const torch::Tensor& features) {
  constexpr auto function = "transform";
  detail::check_embeddings(function, features, "features");
  const auto dim = pca.mean.size(0);
  if (features.size(1) != dim || features.device() != pca.mean.device()) {
    detail::fail<ShapeError>(function, "features", fmt::format("[rows, {}] on {}", dim, pca.mean.device().str()),
                             detail::describe(features));
  }
  const torch::NoGradGuard no_gradient;
  const auto type = features.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  auto result = torch::empty({features.size(0), pca.components.size(0)}, features.options().dtype(type).requires_grad(false));
  const auto weights = pca.components.t() * pca.scales;
  for (std::int64_t first = 0; first < features.size(0); first += block_of(dim)) {
    const auto block = features.detach().slice(0, first, first + block_of(dim));
    result.slice(0, first, first + block.size(0)).copy_(torch::mm(block.to(torch::kFloat64) - pca.mean, weights));
  }
  return result;
}

}  // namespace diva::inline v0_1
