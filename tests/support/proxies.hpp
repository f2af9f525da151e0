#pragma once

#include <torch/utils.h>
#include <diva/losses/proxy_loss.hpp>

/// A loss of these proxies [C·K, D], in float64. `Options` may be given as a braced list.
template <class Criterion, class Options>
Criterion with_proxies(const Options& options, const torch::Tensor& rows, std::int64_t per_class = 1) {
  diva::Generator generator(1);
  Criterion loss(options, rows.size(0) / per_class, rows.size(1), generator);
  loss.to(torch::kFloat64);
  const torch::NoGradGuard no_gradient;
  torch::Tensor(loss.proxies()).copy_(rows);
  return loss;
}

inline torch::Tensor indices(const std::vector<std::int64_t>& values) { return torch::tensor(values, torch::kInt64); }
