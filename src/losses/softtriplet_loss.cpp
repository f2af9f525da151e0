#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/softtriplet_loss.hpp>

#include <string>

namespace diva {
namespace {

constexpr auto function = "SoftTripletLoss";

bool as_repo(const SoftTripletLossOptions& options) { return options.variant == Variant::repo; }

torch::Tensor normalized_centers(const torch::Tensor& rows, const SoftTripletLossOptions& options) {
  return l2_normalize(as_repo(options) ? rows.t() : rows);
}

// Similarities [t, S·K] to centres become [t, S] to classes.
torch::Tensor to_classes(const torch::Tensor& products, const SoftTripletLossOptions& options) {
  const auto similarities = products.view({products.size(0), -1, options.centers});
  const auto shares = as_repo(options) ? (similarities * options.gamma).softmax(1) : (similarities / options.gamma).softmax(2);
  return (shares * similarities).sum(2);
}

torch::Tensor penalty(const torch::Tensor& centers, std::int64_t count) {
  const auto by_class = centers.view({-1, count, centers.size(1)});
  const auto pairs = torch::ones({count, count}, centers.options().dtype(torch::kBool).requires_grad(false)).triu(1);
  constexpr double smallest = 1e-6;  // between unit centres the square is 1e-5 at least
  const auto squares = (2 + 1e-5 - 2 * by_class.bmm(by_class.transpose(1, 2))).clamp_min(smallest);
  const auto ordered_pairs = static_cast<double>(by_class.size(0) * count * (count - 1));
  return squares.sqrt().masked_fill(~pairs, 0).sum() / ordered_pairs;
}

}  // namespace

SoftTripletLoss::SoftTripletLoss(const SoftTripletLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
                                 Generator& generator)
    : ProxyLoss(function, options.proxies, num_classes, embed_dim, generator, options.centers), options_(options) {
  validate_fields(function, options);
  if (as_repo(options) && options.proxies.sample_rate < 1) {
    detail::fail<OptionError>(function, "proxies.sample_rate", "1 with variant repo, which normalises over all centres",
                              std::to_string(options.proxies.sample_rate));
  }
}

torch::Tensor SoftTripletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const auto now = step(comparison, tuples);
  const auto x = as_repo(options_) ? comparison.embeddings : l2_normalize(comparison.embeddings);
  const auto normalized = normalized_centers(now.rows, options_);
  const auto centers = as_repo(options_) ? normalized.t() : normalized;
  auto loss = cross_entropy(x, centers, now, options_.reducer,
                            [options = options_](const torch::Tensor& products, const torch::Tensor& targets, std::int64_t,
                                                 const std::vector<torch::Tensor>&) {
                              const auto similarities = to_classes(products, options);
                              const auto own = similarities.gather(1, targets) - options.margin;
                              return similarities.scatter(1, targets, own) * options.lambda;
                            });
  if (options_.center_penalty == 0 || options_.centers == 1 || comparison.size() == 0) return loss;
  const auto spread = options_.center_penalty * penalty(centers.contiguous(), options_.centers);
  return loss + (now.weights.defined() ? spread * (now.weights > 0).any() : spread);
}

torch::Tensor SoftTripletLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  const auto normalized = normalized_centers(rows, options_);
  return to_classes(as_repo(options_) ? embeddings.mm(normalized) : l2_normalize(embeddings).mm(normalized.t()), options_);
}

}  // namespace diva
