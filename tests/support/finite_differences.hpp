#pragma once

#include "support/catch.hpp"

#include <torch/utils.h>

#include <functional>

/// Largest difference between the gradient of `value` at the float64 leaf `x` and central differences, relative to the largest
/// slope. `moves` limits how many entries are moved, spread evenly.
inline double gradient_error(const std::function<torch::Tensor()>& value, torch::Tensor x, double step = 1e-6,
                             std::int64_t moves = 200) {
  if (x.grad().defined()) x.mutable_grad() = torch::Tensor();
  value().backward();
  const auto gradient = x.grad().defined() ? x.grad().clone() : torch::zeros_like(x);
  x.mutable_grad() = torch::Tensor();
  torch::NoGradGuard guard;
  auto flat = x.view(-1);
  double worst = 0, largest = 1e-3;
  const std::int64_t stride = std::max<std::int64_t>(1, flat.numel() / moves);
  for (std::int64_t i = 0; i < flat.numel(); i += stride) {
    const double before = flat[i].item<double>();
    flat[i] = before + step;
    const double above = value().item<double>();
    flat[i] = before - step;
    const double below = value().item<double>();
    flat[i] = before;
    const double slope = (above - below) / (2 * step);
    worst = std::max(worst, std::abs(slope - gradient.view(-1)[i].item<double>()));
    largest = std::max(largest, std::abs(slope));
  }
  return worst / largest;
}
