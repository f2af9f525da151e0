#include <torch/autograd.h>
#include <diva/core/checks.hpp>
#include <diva/losses/grad_cache.hpp>

#include <mutex>
#include <string>

namespace diva::inline v0_1 {
namespace {

// at::Generator asks that its lock be held while its state is read or written.
std::vector<torch::Tensor> positions(const std::vector<at::Generator>& generators) {
  std::vector<torch::Tensor> states;
  for (at::Generator generator : generators) {
    const std::lock_guard<std::mutex> lock(generator.mutex());
    states.push_back(generator.get_state());
  }
  return states;
}

void put_back(const std::vector<at::Generator>& generators, const std::vector<torch::Tensor>& states) {
  for (std::size_t g = 0; g < generators.size(); ++g) {
    at::Generator generator = generators[g];
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(states[g]);
  }
}

void check_equal(std::int64_t chunk, const torch::Tensor& first, const torch::Tensor& second) {
  // Kernels that sum in another order differ by rounding; another mask of dropout by the values themselves.
  constexpr double rounding = 1e-2;
  const auto largest = first.abs().max().item<double>(), difference = (first - second).abs().max().item<double>();
  if (difference > rounding * largest) {
    detail::fail<DataError>("grad_cache", "embed(" + std::to_string(chunk) + ")",
                            "the same in both passes (give its generator, or fork one by the chunk's number)",
                            "a difference of " + std::to_string(difference) + " where values reach " + std::to_string(largest));
  }
}

}  // namespace

torch::Tensor grad_cache(std::int64_t chunks, const std::function<torch::Tensor(std::int64_t)>& embed,
                         const std::function<torch::Tensor(const torch::Tensor&)>& loss, const GradCacheOptions& options) {
  if (chunks < 1) detail::fail<OptionError>("grad_cache", "chunks", "at least 1", std::to_string(chunks));
  std::vector<torch::Tensor> parts;
  std::vector<std::vector<torch::Tensor>> before;
  {
    const torch::NoGradGuard no_gradient;
    for (std::int64_t i = 0; i < chunks; ++i) {
      before.push_back(positions(options.generators));
      parts.push_back(embed(i).detach());
      detail::check_embeddings("grad_cache", parts.back(), "embed(" + std::to_string(i) + ")");
      detail::check_shape("grad_cache", "embed(" + std::to_string(i) + ")", parts.back(), {parts.back().size(0), parts[0].size(1)});
    }
  }
  auto embeddings = torch::cat(parts).requires_grad_();
  const auto value = loss(embeddings);
  if (value.requires_grad()) value.backward();
  const auto& gradient = embeddings.grad();
  if (!gradient.defined()) return value.detach();

  // What the criterion drew since is not drawn again.
  const auto after = positions(options.generators);
  std::int64_t first = 0;
  for (std::int64_t i = 0; i < chunks; ++i) {
    put_back(options.generators, before[static_cast<std::size_t>(i)]);
    const auto again = embed(i);
    const auto& part = parts[static_cast<std::size_t>(i)];
    detail::check_shape("grad_cache", "embed(" + std::to_string(i) + ")", again, part.sizes());
    if (options.check && part.numel() > 0) check_equal(i, part, again.detach());
    if (again.requires_grad()) again.backward(gradient.narrow(0, first, part.size(0)));
    first += part.size(0);
  }
  put_back(options.generators, after);
  return value.detach();
}

}  // namespace diva::inline v0_1
