#include "matching.hpp"

#include <Eigen/Eigenvalues>
#include <diva/core/checks.hpp>
#include <diva/samplers/batch_matching.hpp>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace detail {
namespace {

constexpr Eigen::Index bins = 50;
constexpr double moment_weight = 5;
constexpr double histogram_weight = 10;

Matrix centred(const Matrix& set, const Eigen::RowVectorXd& mean) { return set.rowwise() - mean; }

// n − 1, or 1 for a single row, whose centred values are 0.
double freedom(const Matrix& set) { return static_cast<double>(std::max<Eigen::Index>(set.rows() - 1, 1)); }

double mean_of(const Eigen::ArrayXd& values) { return values.size() > 0 ? values.mean() : 0; }

double deviation_of(const Eigen::ArrayXd& values) {
  return values.size() > 0 ? std::sqrt((values - values.mean()).square().mean()) : 0;
}

}  // namespace

FrechetTarget::FrechetTarget(const Matrix& set, Eigen::Index rows) : mean_(set.colwise().mean()) {
  const auto rest = centred(set, mean_);
  covariance_.noalias() = rest.transpose() * rest / freedom(set);
  if (rows > set.cols()) {
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance_);
    root_ = solver.eigenvectors() * solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal();
  }
}

double FrechetTarget::cost(const Matrix& other) const {
  const Eigen::RowVectorXd mean = other.colwise().mean();
  const auto rest = centred(other, mean);
  Eigen::MatrixXd product;  // symmetric, with the eigenvalues of both covariances' product that are not 0
  if (root_.size() > 0) {
    const Matrix mapped = rest * root_;
    product = mapped.transpose() * mapped / freedom(other);
  } else {
    product = rest * covariance_ * rest.transpose() / freedom(other);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(product, Eigen::EigenvaluesOnly);
  const double common = solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
  return std::max(0.0, (mean - mean_).squaredNorm() + covariance_.trace() + rest.squaredNorm() / freedom(other) - 2 * common);
}

DistanceTarget::Summary DistanceTarget::summary_of(const Matrix& set) {
  Summary summary{.mean = set.colwise().mean(), .deviation = {}, .distances = {}};
  const auto count = set.rows();
  const auto rest = centred(set, summary.mean);
  summary.deviation = (rest.colwise().squaredNorm() / static_cast<double>(count)).cwiseSqrt();
  const Matrix products = set * set.transpose();
  summary.distances.resize(count * (count - 1) / 2);
  Eigen::Index next = 0;
  for (Eigen::Index i = 0; i < count; ++i) {
    for (Eigen::Index j = i + 1; j < count; ++j)
      summary.distances[next++] = std::sqrt(std::max(0.0, products(i, i) + products(j, j) - 2 * products(i, j)));
  }
  return summary;
}

DistanceTarget::DistanceTarget(const Matrix& set) : own_(summary_of(set)) {
  if (own_.distances.size() > 0) {
    lower_ = own_.distances.minCoeff();
    width_ = (own_.distances.maxCoeff() - lower_) / static_cast<double>(bins);
  }
  cumulative_ = cumulative(own_.distances);
}

Eigen::ArrayXd DistanceTarget::cumulative(const Eigen::ArrayXd& distances) const {
  Eigen::ArrayXd shares = Eigen::ArrayXd::Zero(bins);
  if (!(width_ > 0) || distances.size() == 0) return shares;
  for (Eigen::Index i = 0; i < distances.size(); ++i) {
    const double place = (distances[i] - lower_) / width_;
    shares[static_cast<Eigen::Index>(std::clamp(place, 0.0, static_cast<double>(bins - 1)))] += 1;
  }
  for (Eigen::Index k = 1; k < bins; ++k) shares[k] += shares[k - 1];
  return shares / static_cast<double>(distances.size());
}

double DistanceTarget::spread_cost(const Summary& other) const {
  return (own_.mean - other.mean).norm() + (own_.deviation - other.deviation).norm();
}

double DistanceTarget::moment_cost(const Matrix& other) const {
  const auto summary = summary_of(other);
  return spread_cost(summary) + moment_weight * std::abs(mean_of(own_.distances) - mean_of(summary.distances)) +
         moment_weight * std::abs(deviation_of(own_.distances) - deviation_of(summary.distances));
}

double DistanceTarget::histogram_cost(const Matrix& other) const {
  const auto summary = summary_of(other);
  const double earth_moved = width_ * (cumulative_ - cumulative(summary.distances)).abs().sum();
  return spread_cost(summary) + histogram_weight * earth_moved;
}

namespace {

struct Sets {
  Matrix a, b;
};

Sets checked(std::string_view function, const torch::Tensor& a, const torch::Tensor& b) {
  Sets sets{matrix_of(function, a, "a"), matrix_of(function, b, "b")};
  if (sets.a.rows() == 0 || sets.b.rows() == 0) fail<DataError>(function, "a and b", "of at least one row", "none");
  if (sets.a.cols() != sets.b.cols())
    fail<ShapeError>(function, "b", "[M, " + std::to_string(sets.a.cols()) + "] as a", describe(b));
  return sets;
}

}  // namespace
}  // namespace detail

double frechet_distance(const torch::Tensor& a, const torch::Tensor& b) {
  const auto sets = detail::checked("frechet_distance", a, b);
  return detail::FrechetTarget(sets.a, sets.b.rows()).cost(sets.b);
}

double distance_moment_cost(const torch::Tensor& a, const torch::Tensor& b) {
  const auto sets = detail::checked("distance_moment_cost", a, b);
  return detail::DistanceTarget(sets.a).moment_cost(sets.b);
}

double distance_histogram_cost(const torch::Tensor& a, const torch::Tensor& b) {
  const auto sets = detail::checked("distance_histogram_cost", a, b);
  return detail::DistanceTarget(sets.a).histogram_cost(sets.b);
}

}  // namespace diva::inline v0_1
