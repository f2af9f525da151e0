#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

#include <memory>

namespace diva::inline v0_1 {

struct CrossBatchMemoryOptions {
  std::int64_t capacity = 1024;  ///< Embeddings that are remembered; ≥ 1, and at least a batch.
};

template <class Visitor>
void describe(CrossBatchMemoryOptions& options, Visitor&& visit) {
  visit("capacity", options.capacity, "embeddings that are remembered", at_least(1));
}

/// Any criterion of pairs or triplets, with the newest embeddings of former batches to compare with.
///
///   the batch takes the places of the oldest; then  L = loss(x, y; reference = memory), without pairs of a sample with itself
///
/// Source:  Wang et al., Cross-Batch Memory for Embedding Learning, CVPR 2020; arXiv 1912.06798. pytorch-metric-learning 2.8.1,
///          CrossBatchMemory.
/// Differs: the position of the queue is part of the state (PML's is lost on restoring); backward may come after the next forward,
///          since a step compares with a copy of the memory; given tuples, which index the batch, find it in the memory (PML's
///          index other samples there).
/// Shapes:  as Loss::forward, without a reference; every batch has the same dimension.
/// Edge:    the memory starts empty, so a first batch sees itself alone, its own copies without a graph. An empty batch: 0.
/// Cost:    that of the criterion for B x capacity pairs; a copy of the memory and a mask [B, capacity]. Gradient reaches
///          embeddings of the batch.
/// Throws:  OptionError (a relation is given; triplets and pairs mixed), ShapeError (batch above the capacity, dimension), what the
///          criterion throws.
class CrossBatchMemory final : public Loss {
 public:
  /// `miner` sees a Comparison with the memory as its reference and a relation that leaves a sample's own place out.
  CrossBatchMemory(std::shared_ptr<Loss> loss, std::int64_t embed_dim, const CrossBatchMemoryOptions& options = {},
                   TupleSource miner = {});

  /// PML's enqueue mask: samples marked in `enqueued` [B] bool are remembered and nothing else; the others are compared with the
  /// memory and not remembered. For batches whose second half is the first as a momentum network sees it.
  torch::Tensor forward_masked(const torch::Tensor& embeddings, const torch::Tensor& labels, const torch::Tensor& enqueued);

  /// Remembers embeddings [n, embed_dim] and labels [n]; of more than the capacity the last ones.
  void enqueue(const torch::Tensor& embeddings, const torch::Tensor& labels);
  [[nodiscard]] std::int64_t size() const { return size_; }  ///< Embeddings in the memory.
  void clear();                                              ///< Forgets them.

  [[nodiscard]] std::string_view name() const override { return "cross_batch_memory"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return loss_->learning_rate(); }
  [[nodiscard]] bool takes_tuples() const override { return loss_->takes_tuples(); }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;
  /// Of the criterion, under `loss.`, and the memory with its position.
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] bool takes_reference() const override { return false; }
  // `places` [B]: where the batch lies in the memory; undefined where it does not.
  torch::Tensor compared(const torch::Tensor& embeddings, const torch::Tensor& labels, const torch::Tensor& places,
                         const Tuples& tuples);
  torch::Tensor push(const torch::Tensor& embeddings, const torch::Tensor& labels);

  std::shared_ptr<Loss> loss_;
  std::int64_t capacity_;
  TupleSource miner_;
  torch::Tensor embeddings_;  // [capacity, embed_dim]
  torch::Tensor labels_;      // [capacity]
  std::int64_t size_ = 0;
  std::int64_t next_ = 0;
};

}  // namespace diva::inline v0_1
