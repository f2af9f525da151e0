// A criterion and a miner of one's own. The engine of pair losses cuts the matrix of pairs into blocks, so this loss runs on
// batches of any size in bounded memory, without a loop written here.
#include <diva/core.hpp>
#include <diva/losses.hpp>
#include <diva/miners.hpp>

#include <cstdio>

namespace {

// Pulls positives to the cosine 1 and pushes negatives below `limit`, both quadratically: mean (1 - s_ap)² + mean (s_an - limit)₊².
class SquaredCosineLoss final : public diva::Loss {
 public:
  explicit SquaredCosineLoss(double limit) : limit_(limit) {}
  [[nodiscard]] std::string_view name() const override { return "squared_cosine"; }

 private:
  torch::Tensor compute(const diva::Comparison& comparison, const diva::Tuples& tuples) override {
    const diva::PairwiseOptions options{.distance = {.kind = diva::Distance::cosine}, .similarities = true};
    return diva::pairwise_loss(comparison, tuples, options, {}, [limit = limit_](const diva::PairBlock& block, const auto&) {
      return std::vector{diva::Elements{(1 - block.values).square(), block.positive},
                         diva::Elements{(block.values - limit).clamp_min(0).square(), block.negative}};
    });
  }

  double limit_;
};

// The pairs of each anchor with its least similar positive and its most similar negative.
diva::Pairs hardest_pairs(const torch::Tensor& embeddings, const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradient;
  const auto similarities = embeddings.mm(embeddings.t());
  const auto same = labels.unsqueeze(1) == labels.unsqueeze(0);
  const auto anchors = torch::arange(labels.size(0), labels.options());
  return {anchors, similarities.masked_fill(~same, 2).argmin(1), anchors, similarities.masked_fill(same, -2).argmax(1)};
}

}  // namespace

int main() {
  diva::Generator generator(1);
  const auto labels = torch::arange(12).remainder(4);
  const auto embeddings = diva::l2_normalize(generator.normal({12, 8})).requires_grad_();
  SquaredCosineLoss loss(0.2);
  const auto all = loss.forward(embeddings, labels);
  const auto hardest = loss.forward(embeddings, labels, hardest_pairs(embeddings, labels));
  hardest.backward();
  std::printf("all pairs %.4f, hardest pairs %.4f\n", all.item<float>(), hardest.item<float>());
  return hardest.item<float>() > all.item<float>() && embeddings.grad().abs().sum().item<float>() > 0 ? 0 : 1;
}
