#pragma once

#include <diva/core/generator.hpp>
#include <diva/losses/loss.hpp>
#include <diva/miners/registry.hpp>

#include <memory>

namespace diva::inline v0_1 {

/// A criterion with a miner of its own, for where one batch is mined in several ways: the parts of MultipleLosses, or the pairs of
/// a batch with the memory of CrossBatchMemory.
///
///   L = loss(x, y, miner(x, y))
///
/// Source:  the losses and miners that pytorch-metric-learning 2.8.1 gives to MultipleLosses and CrossBatchMemory.
/// Differs: what the miner draws is part of the state.
/// Shapes:  as Loss::forward. Triplets and pairs that are given make way for the miner's; it chooses within a relation, and the
///          miner `all` leaves the whole of it.
/// Cost:    that of the miner and of the criterion. Gradient reaches what that of the criterion does.
/// Throws:  OptionError (no criterion, no miner), what both throw.
class MinedLoss final : public Loss {
 public:
  MinedLoss(std::shared_ptr<Loss> loss, Miner miner, Generator generator = Generator());

  [[nodiscard]] std::string_view name() const override { return "mined"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return loss_->learning_rate(); }
  [[nodiscard]] bool takes_tuples() const override { return false; }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;
  /// Of the criterion, under `loss.`, and how often the miner has drawn.
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  std::shared_ptr<Loss> loss_;
  Miner miner_;
  Generator generator_;
  torch::Tensor draws_;  // int64 scalar
};

}  // namespace diva::inline v0_1
