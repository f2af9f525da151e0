#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/softtriplet_loss.hpp>

#include <cmath>
#include <string>

#include "fused_proxies.hpp"

namespace diva::inline v0_1 {
namespace {

// Cross entropy of λ S_c, S_c = Σ_k q_k p_k with q = softmax_k(p / γ), and S_y − δ for the own class.
struct SoftCenters {
  static constexpr double padding = -1e30;
  double lambda, gamma, margin;
  std::int64_t centers;

  template <class L, class T = typename L::Number>
  DIVA_INLINE double row(detail::ProxyRow<T>& row) const {
    const auto classes = row.proxies / centers,
               size = (classes + detail::row_padding - 1) / detail::row_padding * detail::row_padding;
    T *const similarities = row.scratch, *const slopes = row.scratch + row.size;
    const T inverse = static_cast<T>(1 / gamma);
    // Exponents first, so that all powers are taken at once.
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* products = row.products + c * centers;
      T largest = products[0];
      for (std::int64_t k = 1; k < centers; ++k) largest = products[k] > largest ? products[k] : largest;
      for (std::int64_t k = 0; k < centers; ++k) row.slopes[c * centers + k] = (products[k] - largest) * inverse;
    }
    for (auto j = row.proxies; j < row.size; ++j) row.slopes[j] = T(0);
    for (std::int64_t j = 0; j < row.size; j += L::count) L::store(row.slopes + j, L::exp(L::load(row.slopes + j)));
    for (std::int64_t c = 0; c < classes; ++c) {
      const T* products = row.products + c * centers;
      T* shares = row.slopes + c * centers;
      T total = 0, similarity = 0;
      for (std::int64_t k = 0; k < centers; ++k) total += shares[k];
      for (std::int64_t k = 0; k < centers; ++k) {
        shares[k] /= total;
        similarity += shares[k] * products[k];
      }
      // The derivative of S_c by p_k.
      for (std::int64_t k = 0; k < centers; ++k) shares[k] *= 1 + (products[k] - similarity) * inverse;
      similarities[c] = similarity;
    }
    for (auto c = classes; c < size; ++c) similarities[c] = static_cast<T>(padding);
    const detail::Shifted own = {static_cast<double>(similarities[row.target]) - margin, 1};
    const double loss = detail::cross_entropy_row<L>(similarities, slopes, size, row.target, lambda, own);
    for (std::int64_t c = 0; c < classes; ++c) {
      for (std::int64_t k = 0; k < centers; ++k) row.slopes[c * centers + k] *= slopes[c];
    }
    return loss;
  }
};

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
  auto loss = of_samples(comparison.embeddings, now);
  if (options_.center_penalty == 0 || options_.centers == 1 || comparison.size() == 0) return loss;
  const auto normalized = normalized_centers(now.rows, options_);
  const auto centers = as_repo(options_) ? normalized.t() : normalized;
  const auto spread = options_.center_penalty * penalty(centers.contiguous(), options_.centers);
  return loss + (now.weights.defined() ? spread * (now.weights > 0).any() : spread);
}

torch::Tensor SoftTripletLoss::of_samples(const torch::Tensor& embeddings, const Step& now) const {
  if (!as_repo(options_)) {
    const auto fused =
        detail::fused_proxies({.embeddings = embeddings, .rows = now.rows}, {now.targets, now.labels, now.weights},
                              options_.reducer, SoftCenters{options_.lambda, options_.gamma, options_.margin, options_.centers});
    if (fused.defined()) return fused;
  }
  const auto normalized = normalized_centers(now.rows, options_);
  const auto centers = as_repo(options_) ? normalized.t() : normalized;
  return cross_entropy(as_repo(options_) ? embeddings : l2_normalize(embeddings), centers, now, options_.reducer,
                       [options = options_](const torch::Tensor& products, const torch::Tensor& targets, std::int64_t,
                                            const std::vector<torch::Tensor>&) {
                         const auto similarities = to_classes(products, options);
                         const auto own = similarities.gather(1, targets) - options.margin;
                         return similarities.scatter(1, targets, own) * options.lambda;
                       });
}

torch::Tensor SoftTripletLoss::scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const {
  const auto normalized = normalized_centers(rows, options_);
  return to_classes(as_repo(options_) ? embeddings.mm(normalized) : l2_normalize(embeddings).mm(normalized.t()), options_);
}

}  // namespace diva::inline v0_1
