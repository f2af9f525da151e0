#include <diva/core/checks.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

namespace diva::inline v0_1 {

SelfSimilarityLoss::SelfSimilarityLoss(double temperature, bool learn_temperature, double temperature_learning_rate)
    : temperature_(temperature), temperature_learning_rate_(temperature_learning_rate) {
  if (learn_temperature) learned_temperature_ = torch::full({}, temperature, torch::kFloat32).requires_grad_();
}

torch::Tensor SelfSimilarityLoss::forward(const torch::Tensor& queries, const torch::Tensor& keys,
                                          const torch::Tensor& queue) const {
  const auto function = std::string(name()) + " loss";
  detail::check_embeddings(function, queries, "queries");
  detail::check_shape(function, "keys", keys, queries.sizes());
  detail::check_embeddings(function, queue, "queue");
  detail::check_shape(function, "queue", queue, {queue.size(0), queries.size(1)});
  const auto type = queries.element_size() < 4 ? torch::kFloat32 : queries.scalar_type();
  const auto q = queries.to(type);
  if (queue.size(0) == 0 || q.size(0) == 0) return (q * 0).sum();

  auto own = (q * keys.detach().to(type)).sum(1, true);
  auto others = q.mm(queue.detach().to(type).t());
  const auto weights = weighting(others.detach(), q.size(1));
  if (weights.factors.defined()) others = others * weights.factors.to(type);
  if (learned_temperature_.defined()) {
    // The seed's bounds: a learned temperature must not reach zero.
    const auto scale = learned_temperature_.to(type).clamp(1e-8, 1e4).reciprocal();
    own = own * scale;
    others = others * scale;
  } else {
    own = own / temperature_;
    others = others / temperature_;
  }
  if (weights.offsets.defined()) others = others + weights.offsets.to(type);
  const auto logits = torch::cat({own, others}, 1);
  return (logits.logsumexp(1) - logits.select(1, 0)).mean();
}

std::vector<NamedTensor> SelfSimilarityLoss::named_parameters() const {
  if (!learned_temperature_.defined()) return {};
  return {{"temperature", learned_temperature_}};
}

}  // namespace diva::inline v0_1
