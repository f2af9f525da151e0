// What a project that links diva writes: a criterion on its own embeddings, without a word of DiVA's training.
#include <diva/losses/margin_loss.hpp>

#include <iostream>

int main() {
  diva::MarginLoss loss({.boundary = 1.2}, /*num_classes=*/2);
  // Anchor and positive at distance 2, anchor and negative at distance 0: (2 - 1.2 + 0.2) and (1.2 - 0 + 0.2), over two active
  // pairs.
  const auto embeddings = torch::tensor({{1.0F, 0.0F}, {-1.0F, 0.0F}, {1.0F, 0.0F}}).requires_grad_();
  const auto labels = torch::tensor({0, 0, 1}, torch::kInt64);
  const diva::Triplets triplets{torch::tensor({0}, torch::kInt64), torch::tensor({1}, torch::kInt64),
                                torch::tensor({2}, torch::kInt64)};
  const auto value = loss.forward(embeddings, labels, triplets);
  value.backward();
  std::cout << "margin loss " << value.item<float>() << '\n';
  return std::abs(value.item<float>() - 1.2F) < 1e-3F && embeddings.grad().defined() ? 0 : 1;
}
