#include "deck.hpp"
#include "features.hpp"

#include <Eigen/Eigenvalues>
#include <diva/core/checks.hpp>
#include <diva/samplers/coreset.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace diva::inline v0_1 {
namespace {

using detail::Matrix;

// The share of the rows not yet chosen that a softened greedy coreset draws from: above the 97th percentile.
constexpr double softened_share = 0.03;

void check_count(std::string_view function, std::int64_t count, const Matrix& rows) {
  if (count < 0 || count > rows.rows()) {
    detail::fail<OptionError>(function, "count", "in [0, " + std::to_string(rows.rows()) + "], the number of rows",
                              std::to_string(count));
  }
}

Eigen::ArrayXd squared_distances(const Matrix& rows, Eigen::Index to) {
  return (rows.rowwise() - rows.row(to)).rowwise().squaredNorm().array();
}

// Rows of length 1, or 0 where they have no direction.
Matrix directions(Matrix rows) {
  for (Eigen::Index i = 0; i < rows.rows(); ++i) {
    const double length = rows.row(i).stableNorm();
    if (length > 0) rows.row(i) /= length;
  }
  return rows;
}

// An index with a chance in proportion to its weight; one of those that `allowed` marks where no weight is positive.
std::int64_t draw_weighted(const Eigen::ArrayXd& weights, const std::vector<bool>& allowed, Generator& generator) {
  const double total = weights.sum();
  if (!(total > 0)) {
    auto place = generator.below(std::count(allowed.begin(), allowed.end(), true));
    std::int64_t i = 0;
    while (!allowed[static_cast<std::size_t>(i)] || place-- > 0) ++i;
    return i;
  }
  double place = generator.uniform() * total;
  std::int64_t last = 0;  // rounding may leave the place beyond the last weight
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] > 0)) continue;
    last = i;
    place -= weights[i];
    if (place < 0) break;
  }
  return last;
}

}  // namespace

std::vector<std::int64_t> greedy_coreset(const torch::Tensor& features, std::int64_t count, Generator& generator,
                                         const GreedyCoresetOptions& options) {
  validate_fields("greedy_coreset", options);
  auto rows = detail::matrix_of("greedy_coreset", features);
  check_count("greedy_coreset", count, rows);
  const bool cosine = options.measure == CoresetMeasure::cosine;
  if (cosine) rows = directions(std::move(rows));
  const auto distances = [&](Eigen::Index to) -> Eigen::ArrayXd {
    if (cosine) return (1 - (rows * rows.row(to).transpose()).array()).max(0.0);
    if (options.measure == CoresetMeasure::square) return squared_distances(rows, to);
    return squared_distances(rows, to).sqrt();
  };

  std::vector<std::int64_t> chosen;
  Eigen::ArrayXd nearest = Eigen::ArrayXd::Constant(rows.rows(), std::numeric_limits<double>::infinity());
  auto left = detail::numbers(rows.rows());  // ascending
  while (std::ssize(chosen) < count) {
    const auto farther = [&](std::int64_t a, std::int64_t b) { return nearest[a] != nearest[b] ? nearest[a] > nearest[b] : a < b; };
    const auto farthest = *std::min_element(left.begin(), left.end(), farther);
    std::int64_t next = farthest;
    if (chosen.empty() || nearest[farthest] <= options.limit) {
      next = left[static_cast<std::size_t>(generator.below(std::ssize(left)))];
    } else if (options.softened) {
      const auto among = static_cast<std::int64_t>(std::ceil(softened_share * static_cast<double>(left.size())));
      auto far = left;
      std::nth_element(far.begin(), far.begin() + among - 1, far.end(), farther);
      std::sort(far.begin(), far.begin() + among);
      next = far[static_cast<std::size_t>(generator.below(among))];
    }
    chosen.push_back(next);
    left.erase(std::lower_bound(left.begin(), left.end(), next));
    nearest = nearest.min(distances(next));
  }
  return chosen;
}

std::vector<std::int64_t> d2_coreset(const torch::Tensor& features, std::int64_t count, Generator& generator, double lambda) {
  const auto rows = detail::matrix_of("d2_coreset", features);
  check_count("d2_coreset", count, rows);
  if (!(lambda >= 0) || std::isinf(lambda))
    detail::fail<OptionError>("d2_coreset", "lambda", "finite and at least 0", std::to_string(lambda));
  if (count == 0) return {};

  // The normal distribution of the rows in its own axes: those with variance, of which rounding leaves more than there are.
  const Eigen::RowVectorXd mean = rows.colwise().mean();
  const Matrix centred = rows.rowwise() - mean;
  const Eigen::MatrixXd covariance =
      centred.transpose() * centred / static_cast<double>(std::max<Eigen::Index>(rows.rows() - 1, 1));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  const Eigen::ArrayXd variances = solver.eigenvalues().array();
  const double least = 1e-12 * static_cast<double>(rows.cols()) * std::max(0.0, variances.maxCoeff());
  const Matrix axes = centred * solver.eigenvectors();
  Eigen::ArrayXd log_density = Eigen::ArrayXd::Zero(rows.rows());
  Eigen::RowVectorXd start = Eigen::RowVectorXd::Zero(rows.cols());
  for (Eigen::Index k = 0; k < variances.size(); ++k) {
    const double normal = generator.normal();
    if (!(variances[k] > least)) continue;
    log_density -= axes.col(k).array().square() / (2 * variances[k]);
    start[k] = std::sqrt(variances[k]) * normal;
  }
  const Eigen::ArrayXd density = (log_density - log_density.maxCoeff()).exp();

  Eigen::Index first = 0;
  (axes.rowwise() - start).rowwise().squaredNorm().minCoeff(&first);
  std::vector<std::int64_t> chosen = {first};
  std::vector<bool> left(static_cast<std::size_t>(rows.rows()), true);
  Eigen::ArrayXd sums = Eigen::ArrayXd::Zero(rows.rows());
  while (std::ssize(chosen) < count) {
    left[static_cast<std::size_t>(chosen.back())] = false;
    sums += squared_distances(rows, chosen.back());
    Eigen::ArrayXd weights = density * sums.pow(lambda);
    for (const auto row : chosen) weights[row] = 0;
    chosen.push_back(draw_weighted(weights, left, generator));
  }
  return chosen;
}

}  // namespace diva::inline v0_1
