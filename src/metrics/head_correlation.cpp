#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/metrics/head_correlation.hpp>

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "head_correlation";
constexpr std::int64_t block_rows = 8192;

// Rows [first, first + block_rows) of all heads beside each other, in double.
torch::Tensor block_of(const std::map<std::string, torch::Tensor>& embeddings, std::int64_t first) {
  std::vector<torch::Tensor> blocks;
  blocks.reserve(embeddings.size());
  for (const auto& [head, values] : embeddings)
    blocks.push_back(values.detach().slice(0, first, first + block_rows).to(torch::kFloat64));
  return torch::cat(blocks, 1);
}

}  // namespace

HeadCorrelation head_correlation(const std::map<std::string, torch::Tensor>& embeddings) {
  const torch::NoGradGuard no_gradient;
  if (embeddings.empty()) return {{}, torch::zeros({0, 0}, torch::kFloat64), torch::zeros({0, 0}, torch::kFloat64)};
  HeadCorrelation result;
  std::vector<std::int64_t> begins = {0};
  const auto& first = embeddings.begin()->second;
  for (const auto& [head, values] : embeddings) {
    const auto argument = fmt::format("embeddings['{}']", head);
    detail::check_embeddings(function, values, argument);
    if (values.size(0) != first.size(0) || values.device() != first.device()) {
      detail::fail<ShapeError>(function, argument, fmt::format("[{}, dim] on {}", first.size(0), first.device().str()),
                               detail::describe(values));
    }
    if (values.size(0) == 0) detail::fail<DataError>(function, argument, "at least one sample", "none");
    detail::check_finite(function, argument, values);
    result.heads.push_back(head);
    begins.push_back(begins.back() + values.size(1));
  }

  const auto count = first.size(0), width = begins.back();
  const auto type = first.options().dtype(torch::kFloat64);
  auto mean = torch::zeros({width}, type), covariance = torch::zeros({width, width}, type);
  for (std::int64_t row = 0; row < count; row += block_rows) mean += block_of(embeddings, row).sum(0) / count;
  for (std::int64_t row = 0; row < count; row += block_rows) {
    const auto centred = block_of(embeddings, row) - mean;
    covariance.addmm_(centred.t(), centred);
  }
  // Rounding leaves a constant dimension about 1e-32 of its square.
  const auto variance = covariance.diagonal();
  const auto constant = variance <= 1e-28 * count * mean.square();
  covariance.masked_fill_(constant.unsqueeze(0).logical_or(constant.unsqueeze(1)), 0);
  const auto scale = covariance.diagonal().sqrt();
  const auto correlations = (covariance / torch::outer(scale, scale)).masked_fill(covariance == 0, 0).abs();

  const auto heads = static_cast<std::int64_t>(result.heads.size());
  const auto squares = torch::zeros({heads, heads}, type);
  result.cross = torch::zeros({heads, heads}, type);
  for (std::int64_t a = 0; a < heads; ++a) {
    for (std::int64_t b = 0; b < heads; ++b) {
      const auto of_pair = [&](const torch::Tensor& matrix) {
        return matrix.slice(0, begins[a], begins[a + 1]).slice(1, begins[b], begins[b + 1]);
      };
      squares[a][b] = of_pair(covariance).square().sum();
      const auto values = of_pair(correlations);
      const auto dims = static_cast<double>(values.size(0));
      if (a != b) {
        result.cross[a][b] = values.mean();
      } else if (dims > 1) {
        result.cross[a][a] = (values.sum() - values.diagonal().sum()) / (dims * (dims - 1));
      }
    }
  }
  const auto norms = squares.diagonal().sqrt();
  result.cka = (squares / torch::outer(norms, norms)).masked_fill(squares == 0, 0);
  return result;
}

}  // namespace diva::inline v0_1
