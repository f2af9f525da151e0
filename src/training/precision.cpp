#include <torch/utils.h>
#include <diva/core/error.hpp>
#include <diva/training/precision.hpp>

#include "../core/torch_version.hpp"

namespace diva::inline v0_1 {

Autocast::Autocast(Precision precision, torch::Device device) : active_(precision != Precision::float32), device_(device.type()) {
  if (!active_) return;
  if (precision == Precision::half && !device.is_cuda())
    detail::fail<OptionError>("Autocast", "precision", "float32 or bfloat16 on the CPU", "half");
  was_enabled_ = detail::autocast_enabled(device_);
  former_ = detail::autocast_type(device_);
  detail::set_autocast_type(device_, precision == Precision::half ? torch::kHalf : torch::kBFloat16);
  detail::enable_autocast(device_, true);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!active_) return;
  // Weights that were cast are kept until the outermost guard ends; they are stale after a step.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  detail::enable_autocast(device_, was_enabled_);
  detail::set_autocast_type(device_, former_);
}

bool LossScaler::unscale(const std::vector<torch::Tensor>& parameters) {
  const torch::NoGradGuard no_gradient;
  std::vector<torch::Tensor> norms;
  for (const auto& parameter : parameters) {
    const auto& gradient = parameter.grad();
    if (!gradient.defined()) continue;
    gradient.div_(scale_);
    norms.push_back(gradient.abs().max());
  }
  const bool finite = norms.empty() || torch::stack(norms).isfinite().all().item<bool>();
  constexpr std::int64_t growth_interval = 2000;
  if (!finite) {
    scale_ /= 2;
    steps_ = 0;
  } else if (++steps_ == growth_interval) {
    scale_ *= 2;
    steps_ = 0;
  }
  return finite;
}

State LossScaler::state() const {
  State state;
  state.put("scale", scale_);
  state.put("steps", steps_);
  return state;
}

void LossScaler::restore(const State& state) {
  const double scale = state.real("scale");
  steps_ = state.integer("steps");
  scale_ = scale;
}

}  // namespace diva::inline v0_1
