#include <diva/core/checks.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/manifold_loss.hpp>

#include <bit>
#include <limits>
#include <string>

namespace diva::inline v0_1 {
namespace {

torch::Tensor drawn_classes(std::int64_t samples, std::int64_t proxies, Generator& generator) {
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < samples; ++i) classes.push_back(i < proxies ? i : generator.below(proxies));
  return torch::tensor(classes, torch::kInt64).index_select(0, generator.permutation(samples));
}

// ℓ of nearness [B, K] to proxies, where each sample's own is `own` [B, 1].
torch::Tensor others_nearer(const torch::Tensor& nearness, const torch::Tensor& own, double margin) {
  const auto violations = nearness - nearness.gather(1, own) + margin;
  const auto left_out = (violations.detach() < 0).scatter(1, own, true);
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  return violations.masked_fill(left_out, nothing).exp().sum(1).log1p().mean();
}

}  // namespace

ManifoldLoss::ManifoldLoss(const ManifoldLossOptions& options, std::int64_t embed_dim, const Generator& generator)
    : options_(options), generator_(generator.fork(0)) {
  validate_fields("ManifoldLoss", options);
  if (embed_dim < 1) detail::fail<OptionError>("ManifoldLoss", "embed_dim", "at least 1", std::to_string(embed_dim));
  proxies_ = generator_.normal({options.proxies, embed_dim}, torch::kFloat32).requires_grad_();
}

State ManifoldLoss::state() const {
  auto state = Module::state();
  const auto [key, counter] = generator_.position();
  state.put("generator", torch::tensor({std::bit_cast<std::int64_t>(key), std::bit_cast<std::int64_t>(counter)}, torch::kInt64));
  return state;
}

void ManifoldLoss::restore(const State& state) {
  const auto& position = state.tensor("generator");
  if (position.scalar_type() != torch::kInt64 || position.sizes() != torch::IntArrayRef({2}))
    detail::fail<DataError>("ManifoldLoss::restore", "'generator'", "[2] int64", detail::describe(position));
  auto parameters = state;
  parameters.tensors.erase("generator");
  Module::restore(parameters);
  generator_ = Generator::at({std::bit_cast<std::uint64_t>(position[0].item<std::int64_t>()),
                              std::bit_cast<std::uint64_t>(position[1].item<std::int64_t>())});
}

torch::Tensor ManifoldLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  if (!std::holds_alternative<std::monostate>(tuples))
    detail::fail<OptionError>("manifold loss", "tuples", "none: samples are compared with proxies", "some");
  const auto& x = comparison.embeddings;
  const auto samples = x.size(0), count = samples + options_.proxies;
  detail::check_shape("manifold loss", "embeddings", x, {samples, proxies_.size(1)});
  const auto proxies = proxies_.to(x.scalar_type());
  if (samples == 0) return x.sum() * 0 + proxies.sum() * 0;
  const auto own =
      (options_.meta_classes == MetaClasses::labels ? comparison.labels
                                                    : drawn_classes(samples, options_.proxies, generator_).to(x.device()))
          .unsqueeze(1);

  const auto all = torch::cat({x, proxies});
  const auto identity = torch::eye(count, x.options().requires_grad(false));
  const DistanceOptions cosine{.kind = Distance::cosine};
  const auto weights = (2 * pairwise_similarities(all, all, cosine).clamp_min(0)).exp().masked_fill(identity != 0, 0);
  const auto scale = weights.sum(1).rsqrt();
  const auto steps = scale.unsqueeze(1) * weights * scale;
  // Without a check of the result: NaN passes on, and otherwise the matrix has no eigenvalue below 1 − α.
  const auto walk = (1 - options_.alpha) * std::get<0>(at::linalg_inv_ex(identity - options_.alpha * steps));
  const auto of_samples = walk.narrow(0, 0, samples), of_proxies = walk.narrow(0, samples, options_.proxies);
  const auto intrinsic = others_nearer(of_samples.narrow(1, samples, options_.proxies), own, options_.margin);
  const auto context = others_nearer(pairwise_similarities(of_samples, of_proxies, cosine), own, options_.margin);
  return options_.intrinsic_weight * intrinsic + options_.context_weight * context;
}

}  // namespace diva::inline v0_1
