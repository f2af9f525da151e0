#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/miners/sampling_policy.hpp>
#include <diva/miners/tuples.hpp>

#include <cmath>
#include <string>

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "SamplingPolicy";

// Places in memory_.
enum Memory : std::int64_t { steps, updates, metric_before, average, rewards, memory_size };

std::vector<torch::Tensor> zeros_like_all(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> zeros;
  for (const auto& tensor : tensors) zeros.push_back(torch::zeros_like(tensor));
  return zeros;
}

double sign(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

}  // namespace

SamplingPolicy::SamplingPolicy(std::int64_t state_dim, std::int64_t bins, Generator& initialisation,
                               const SamplingPolicyOptions& options)
    : state_dim_(state_dim), bins_(bins), options_(options) {
  validate_fields(function, options);
  if (state_dim < 1 || bins < 1) {
    detail::fail<OptionError>(function, "state_dim and bins", "at least 1",
                              std::to_string(state_dim) + " and " + std::to_string(bins));
  }
  if (options.factors.empty()) detail::fail<OptionError>(function, "factors", "at least one", "none");
  const auto add_layer = [&](std::int64_t in, std::int64_t out) {
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    for (const auto& sizes : {std::vector<std::int64_t>{out, in}, std::vector<std::int64_t>{out}}) {
      parameters_.push_back(((initialisation.uniform(sizes, torch::kFloat64) * 2 - 1) * bound).requires_grad_());
    }
  };
  auto width = state_dim;
  for (const auto units : options.hidden) {
    add_layer(width, units);
    width = units;
  }
  add_layer(width, static_cast<std::int64_t>(options.factors.size()) * bins);
  if (options.critic) add_layer(width, 1);

  for (const auto& parameter : parameters_) old_parameters_.push_back(parameter.detach().clone());
  first_moments_ = zeros_like_all(old_parameters_);
  second_moments_ = zeros_like_all(old_parameters_);
  last_state_ = torch::zeros({state_dim}, torch::kFloat64);
  last_actions_ = torch::zeros({bins}, torch::kInt64);
  memory_ = torch::zeros({memory_size}, torch::kFloat64);
}

SamplingPolicy::Output SamplingPolicy::evaluate(const std::vector<torch::Tensor>& parameters, const torch::Tensor& state) const {
  auto x = state.unsqueeze(0);
  const auto layers = options_.hidden.size();
  for (std::size_t i = 0; i < layers; ++i) x = torch::linear(x, parameters[2 * i], parameters[2 * i + 1]).relu();
  const auto weights = torch::linear(x, parameters[2 * layers], parameters[2 * layers + 1]).view({-1, bins_});
  Output output{.value = {}, .log_chances = weights.log_softmax(0)};
  if (options_.critic) output.value = torch::linear(x, parameters[2 * layers + 2], parameters[2 * layers + 3]).squeeze();
  return output;
}

torch::Tensor SamplingPolicy::chances(const torch::Tensor& state) const {
  detail::check_shape(function, "state", state, {state_dim_});
  const torch::NoGradGuard no_gradient;
  return evaluate(parameters_, state.to(torch::kCPU, torch::kFloat64)).log_chances.exp();
}

void SamplingPolicy::descend(const torch::Tensor& loss) {
  // Adam, written out so that its moments are part of the policy's state.
  constexpr double decay1 = 0.9, decay2 = 0.999, epsilon = 1e-8;
  const auto gradients = torch::autograd::grad({loss}, parameters_, {}, c10::nullopt, false, true);
  const torch::NoGradGuard no_gradient;
  memory_[updates] += 1;
  const double count = memory_[updates].item<double>();
  const double correction1 = 1 - std::pow(decay1, count), correction2 = 1 - std::pow(decay2, count);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (!gradients[i].defined()) continue;
    first_moments_[i].mul_(decay1).add_(gradients[i], 1 - decay1);
    second_moments_[i].mul_(decay2).addcmul_(gradients[i], gradients[i], 1 - decay2);
    const auto denominator = (second_moments_[i] / correction2).sqrt().add_(epsilon);
    parameters_[i].addcdiv_(first_moments_[i], denominator, -options_.learning_rate / correction1);
  }
}

void SamplingPolicy::learn(const torch::Tensor& state, double metric) {
  const double reward = sign(metric - memory_[metric_before].item<double>());
  const auto [value, log_chances] = evaluate(parameters_, last_state_);
  const auto chosen = [&](const torch::Tensor& table) { return table.gather(0, last_actions_.unsqueeze(0)).view(-1); };

  double advantage = 0, target = metric;
  if (options_.critic) {
    const torch::NoGradGuard no_gradient;
    const double expected = reward + options_.discount * evaluate(parameters_, state).value.item<double>();
    advantage = expected - value.item<double>();
    if (options_.variant != Variant::repo) target = expected;
  } else {
    advantage = reward - memory_[average].item<double>();
    const double share = memory_[rewards].item<double>() == 0 ? 1 : options_.average_decay;
    memory_[average] = (1 - share) * memory_[average].item<double>() + share * reward;
    memory_[rewards] += 1;
  }

  const auto done = chosen(log_chances);
  torch::Tensor loss;
  if (options_.gradient == PolicyGradient::ppo) {
    const auto ratio = (done - chosen(evaluate(old_parameters_, last_state_).log_chances)).exp();
    loss = -torch::minimum(ratio * advantage, ratio.clamp(1 - options_.clip, 1 + options_.clip) * advantage).mean();
  } else {
    loss = -(done * advantage).mean();
  }
  if (options_.critic) loss = loss + 0.5 * (value - target).square();
  descend(loss);
}

torch::Tensor SamplingPolicy::step(const torch::Tensor& state, double metric, Generator& generator) {
  detail::check_shape(function, "state", state, {state_dim_});
  detail::check_finite(function, "state", state);
  if (!std::isfinite(metric)) detail::fail<DataError>(function, "metric", "finite", std::to_string(metric));
  const auto now = state.detach().to(torch::kCPU, torch::kFloat64);
  const auto calls = memory_[steps].item<std::int64_t>();
  if (calls > 0) learn(now, metric);

  const torch::NoGradGuard no_gradient;
  const auto actions = detail::draw_columns(chances(now).t().contiguous(), generator.uniform({bins_}, torch::kFloat64));
  last_state_.copy_(now);
  last_actions_.copy_(actions);
  memory_[metric_before] = metric;
  if (calls > 1 && calls % options_.refresh == 0) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) old_parameters_[i].copy_(parameters_[i]);
  }
  memory_[steps] += 1;
  return torch::tensor(options_.factors, torch::kFloat64).index_select(0, actions);
}

std::vector<NamedTensor> SamplingPolicy::named_parameters() const {
  std::vector<NamedTensor> named;
  const auto layers = options_.hidden.size();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto layer = i / 2;
    const auto prefix = layer < layers    ? "network." + std::to_string(2 * layer)
                        : layer == layers ? std::string("action_weights")
                                          : std::string("value");
    named.push_back({prefix + (i % 2 == 0 ? ".weight" : ".bias"), parameters_[i]});
  }
  return named;
}

std::vector<NamedTensor> SamplingPolicy::named_buffers() const {
  std::vector<NamedTensor> named = {{"last_state", last_state_}, {"last_actions", last_actions_}, {"memory", memory_}};
  const auto parameters = named_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    named.push_back({"old." + parameters[i].name, old_parameters_[i]});
    named.push_back({"first_moment." + parameters[i].name, first_moments_[i]});
    named.push_back({"second_moment." + parameters[i].name, second_moments_[i]});
  }
  return named;
}

}  // namespace diva::inline v0_1
