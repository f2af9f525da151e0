#include <ATen/autocast_mode.h>
#include <torch/utils.h>
#include <torch/version.h>
#include <diva/core/error.hpp>
#include <diva/training/precision.hpp>

namespace diva::inline v0_1 {
namespace {

// LibTorch 2.4 named the device where there was a function for each.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
bool enabled(torch::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
void enable(torch::DeviceType device, bool on) { at::autocast::set_autocast_enabled(device, on); }
torch::ScalarType type(torch::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
void set_type(torch::DeviceType device, torch::ScalarType type) { at::autocast::set_autocast_dtype(device, type); }
#else
bool enabled(torch::DeviceType device) {
  return device == torch::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
}
void enable(torch::DeviceType device, bool on) {
  device == torch::kCUDA ? at::autocast::set_enabled(on) : at::autocast::set_cpu_enabled(on);
}
torch::ScalarType type(torch::DeviceType device) {
  return device == torch::kCUDA ? at::autocast::get_autocast_gpu_dtype() : at::autocast::get_autocast_cpu_dtype();
}
void set_type(torch::DeviceType device, torch::ScalarType type) {
  device == torch::kCUDA ? at::autocast::set_autocast_gpu_dtype(type) : at::autocast::set_autocast_cpu_dtype(type);
}
#endif

}  // namespace

Autocast::Autocast(Precision precision, torch::Device device) : active_(precision != Precision::float32), device_(device.type()) {
  if (!active_) return;
  if (precision == Precision::half && !device.is_cuda())
    detail::fail<OptionError>("Autocast", "precision", "float32 or bfloat16 on the CPU", "half");
  was_enabled_ = enabled(device_);
  former_ = type(device_);
  set_type(device_, precision == Precision::half ? torch::kHalf : torch::kBFloat16);
  enable(device_, true);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!active_) return;
  // Weights that were cast are kept until the outermost guard ends; they are stale after a step.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  enable(device_, was_enabled_);
  set_type(device_, former_);
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
