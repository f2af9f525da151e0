#pragma once

#include "features.hpp"

#include <Eigen/Core>

namespace diva::inline v0_1::detail {

/// The first set of frechet_distance, with what does not depend on the second.
class FrechetTarget {
 public:
  /// `rows`: those that the second set will have.
  FrechetTarget(const Matrix& set, Eigen::Index rows);
  [[nodiscard]] double cost(const Matrix& other) const;

 private:
  Eigen::RowVectorXd mean_;
  Matrix covariance_;
  Matrix root_;  // R with R Rᵀ = covariance, where the second set has more rows than dimensions
};

/// The first set of distance_moment_cost or distance_histogram_cost.
class DistanceTarget {
 public:
  explicit DistanceTarget(const Matrix& set);
  [[nodiscard]] double moment_cost(const Matrix& other) const;
  [[nodiscard]] double histogram_cost(const Matrix& other) const;

 private:
  struct Summary {
    Eigen::RowVectorXd mean;
    Eigen::RowVectorXd deviation;
    Eigen::ArrayXd distances;
  };
  static Summary summary_of(const Matrix& set);
  [[nodiscard]] Eigen::ArrayXd cumulative(const Eigen::ArrayXd& distances) const;
  [[nodiscard]] double spread_cost(const Summary& other) const;

  Summary own_;
  double lower_ = 0;
  double width_ = 0;  // of a bin
  Eigen::ArrayXd cumulative_;
};

}  // namespace diva::inline v0_1::detail
