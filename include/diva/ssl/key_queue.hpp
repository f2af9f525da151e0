#pragma once

#include <torch/types.h>
#include <diva/core/state.hpp>

namespace diva::inline v0_1 {

/// The newest keys of former batches, first in, first out.
///
/// Source:  He et al., Momentum Contrast, CVPR 2020; arXiv 1911.05722.
/// Differs: the seed fills the queue by a pass over the data before the first step; here it grows during the first steps, so that
///          no key is older than the training. Restored from a checkpoint it goes on where it stood.
/// Cost:    capacity·dim floats; push copies the batch once.
class KeyQueue {
 public:
  /// The seed's capacity is `--diva_moco_n_key_batches` times the batch size.
  KeyQueue(std::int64_t capacity, std::int64_t dim);

  /// Adds [n, dim] keys without their graph; of more than `capacity` only the last ones stay. The queue lives on the device and in
  /// the type of the first keys.
  void push(const torch::Tensor& keys);
  /// The stored keys [size(), dim], in no particular order; shares the queue's storage.
  [[nodiscard]] torch::Tensor keys() const;
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] std::int64_t capacity() const { return capacity_; }

  [[nodiscard]] State state() const;
  void restore(const State& state);

 private:
  std::int64_t capacity_;
  std::int64_t dim_;
  std::int64_t size_ = 0;
  std::int64_t next_ = 0;
  torch::Tensor storage_;  // [capacity, dim] from the first push on
};

}  // namespace diva::inline v0_1
