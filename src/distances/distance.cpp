#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/distances/distance.hpp>

#include <cmath>
#include <string>

namespace diva::inline v0_1 {
namespace {

constexpr double smallest_norm = 1e-12;  // below it a row counts as zero, as in torch's normalize

// √x whose gradient at 0 is 0 rather than infinite: two equal embeddings must not turn a step into NaN.
torch::Tensor safe_sqrt(const torch::Tensor& squares) {
  const auto zero = squares <= 0;
  return squares.masked_fill(zero, 1).sqrt().masked_fill(zero, 0);
}

torch::Tensor lengths(const torch::Tensor& rows) { return safe_sqrt(rows.square().sum(1, true)); }

torch::Tensor centred(const torch::Tensor& rows) { return rows - rows.mean(1, true); }

// Onto the Poincaré ball, strictly inside it.
torch::Tensor exponential_map(const torch::Tensor& rows, const DistanceOptions& options) {
  const double root = std::sqrt(options.curvature);
  const auto length = lengths(rows).clamp_min(smallest_norm);
  const auto clipped = length.clamp_max(options.clip_radius);
  return rows / length * ((root * clipped).tanh() / root).clamp_max((1 - 1e-5) / root);
}

// From squared Euclidean distances [..] between points of the ball and 1 − c‖·‖² of both sides.
torch::Tensor poincare(const torch::Tensor& squares, const torch::Tensor& room_a, const torch::Tensor& room_b, double curvature) {
  const auto excess = 2 * curvature * squares / (room_a * room_b);
  // arcosh(1 + t) = log(1 + t + √(t(t+2))), without cancellation for small t
  return (excess + safe_sqrt(excess * (excess + 2))).log1p() / std::sqrt(curvature);
}

torch::Tensor room(const torch::Tensor& points, double curvature) { return 1 - curvature * points.square().sum(1, true); }

torch::Tensor squares_between(const torch::Tensor& a, const torch::Tensor& b) {
  auto squares = (a.square().sum(1, true) + b.square().sum(1).unsqueeze(0) - 2 * a.mm(b.t())).clamp_min(0);
  if (a.is_same(b)) squares = squares.masked_fill(torch::eye(a.size(0), squares.options().dtype(torch::kBool)), 0);
  return squares;
}

void check_pair(std::string_view function, const torch::Tensor& a, const torch::Tensor& b, const DistanceOptions& options) {
  validate_fields(function, options);
  detail::check_embeddings(function, a, "a");
  detail::check_embeddings(function, b, "b");
  if (a.size(1) != b.size(1))
    detail::fail<ShapeError>(function, "b", "[B, " + std::to_string(a.size(1)) + "]", detail::describe(b));
}

// A power of a value ≥ 0 whose gradient at 0 is 0.
torch::Tensor raised(const torch::Tensor& values, double power) {
  if (power == 1) return values;
  if (power == 2) return values.square();
  const auto zero = values == 0;
  return values.masked_fill(zero, 1).pow(power).masked_fill(zero, 0);
}

}  // namespace

torch::Tensor distance(const torch::Tensor& a, const torch::Tensor& b, Distance kind) {
  return distance(a, b, DistanceOptions{.kind = kind});
}

torch::Tensor distance(const torch::Tensor& a_rows, const torch::Tensor& b_rows, const DistanceOptions& options) {
  check_pair("distance", a_rows, b_rows, options);
  detail::check_shape("distance", "b", b_rows, a_rows.sizes());
  const bool unit = options.normalize || options.kind == Distance::cosine;
  const auto a = unit ? l2_normalize(a_rows) : a_rows, b = unit ? l2_normalize(b_rows) : b_rows;
  const auto measured = [&]() -> torch::Tensor {
    switch (options.kind) {
      case Distance::squared_euclidean:
        return (a - b).square().sum(1);
      case Distance::cosine:
        return 1 - (a * b).sum(1);
      case Distance::dot:
        return -(a * b).sum(1);
      case Distance::snr:
        return centred(a - b).square().sum(1) / centred(a).square().sum(1).clamp_min(smallest_norm);
      case Distance::hyperbolic: {
        const auto x = exponential_map(a, options), y = exponential_map(b, options);
        return poincare((x - y).square().sum(1), room(x, options.curvature).squeeze(1), room(y, options.curvature).squeeze(1),
                        options.curvature);
      }
      case Distance::lp:
        if (options.p != 2) return raised(raised((a - b).abs(), options.p).sum(1), 1 / options.p);
        [[fallthrough]];
      case Distance::euclidean:
        break;
    }
    return safe_sqrt((a - b).square().sum(1));
  };
  return options.kind == Distance::dot ? measured() : raised(measured(), options.power);
}

torch::Tensor pairwise_distances(const torch::Tensor& a, const torch::Tensor& b, Distance kind) {
  return pairwise_distances(a, b, DistanceOptions{.kind = kind});
}

torch::Tensor pairwise_distances(const torch::Tensor& a_rows, const torch::Tensor& b_rows, const DistanceOptions& options) {
  check_pair("pairwise_distances", a_rows, b_rows, options);
  const bool unit = options.normalize || options.kind == Distance::cosine, itself = a_rows.is_same(b_rows);
  const auto a = unit ? l2_normalize(a_rows) : a_rows;
  const auto b = itself ? a : unit ? l2_normalize(b_rows) : b_rows;
  const auto measured = [&]() -> torch::Tensor {
    switch (options.kind) {
      case Distance::squared_euclidean:
        return squares_between(a, b);
      case Distance::cosine: {
        const auto distances = 1 - a.mm(b.t());
        return itself ? distances.masked_fill(torch::eye(a.size(0), distances.options().dtype(torch::kBool)), 0) : distances;
      }
      case Distance::dot:
        return -a.mm(b.t());
      case Distance::snr: {
        const auto x = centred(a), y = itself ? x : centred(b);
        return squares_between(x, y) / x.square().sum(1, true).clamp_min(smallest_norm);
      }
      case Distance::hyperbolic: {
        const auto x = exponential_map(a, options), y = itself ? x : exponential_map(b, options);
        return poincare(squares_between(x, y), room(x, options.curvature), room(y, options.curvature).t(), options.curvature);
      }
      case Distance::lp:
        if (options.p != 2) return torch::cdist(a, b, options.p);
        [[fallthrough]];
      case Distance::euclidean:
        break;
    }
    return safe_sqrt(squares_between(a, b));
  };
  return options.kind == Distance::dot ? measured() : raised(measured(), options.power);
}

torch::Tensor pairwise_similarities(const torch::Tensor& a, const torch::Tensor& b, const DistanceOptions& options) {
  const bool unit = options.normalize || options.kind == Distance::cosine;
  if ((options.kind == Distance::cosine && options.power == 1) || options.kind == Distance::dot) {
    check_pair("pairwise_similarities", a, b, options);
    const auto x = unit ? l2_normalize(a) : a;
    return x.mm((a.is_same(b) ? x : unit ? l2_normalize(b) : b).t());
  }
  return -pairwise_distances(a, b, options);
}

std::vector<Listing> distance_listings() {
  constexpr std::pair<Distance, Summary> summaries[] = {
      {Distance::euclidean, {"‖a − b‖", "Euclid", "O(A·B·D)"}},
      {Distance::squared_euclidean, {"‖a − b‖²", "Euclid", "O(A·B·D)"}},
      {Distance::cosine, {"1 − a·b / (‖a‖‖b‖)", "pytorch-metric-learning: CosineSimilarity", "O(A·B·D)"}},
      {Distance::dot, {"−a·b", "pytorch-metric-learning: DotProductSimilarity", "O(A·B·D)"}},
      {Distance::lp, {"‖a − b‖_p", "pytorch-metric-learning: LpDistance", "O(A·B·D), for p ≠ 2 without a matrix product"}},
      {Distance::snr, {"var(a − b) / var(a)", "Yuan et al., CVPR 2019", "O(A·B·D)"}},
      {Distance::hyperbolic, {"arcosh(1 + 2c‖x − y‖² / ((1 − c‖x‖²)(1 − c‖y‖²))) / √c", "Ermolov et al., CVPR 2022", "O(A·B·D)"}},
  };
  std::vector<Listing> listings;
  for (const auto& [kind, summary] : summaries) listings.push_back({std::string(to_string(kind)), summary, {}});
  return listings;
}

}  // namespace diva::inline v0_1
