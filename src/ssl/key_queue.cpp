#include <diva/core/checks.hpp>
#include <diva/ssl/key_queue.hpp>

#include <algorithm>

namespace diva::inline v0_1 {

KeyQueue::KeyQueue(std::int64_t capacity, std::int64_t dim) : capacity_(capacity), dim_(dim) {
  if (capacity < 1 || dim < 1) {
    detail::fail<OptionError>("KeyQueue", "capacity and dim", "at least 1",
                              std::to_string(capacity) + " and " + std::to_string(dim));
  }
}

void KeyQueue::push(const torch::Tensor& keys) {
  detail::check_embeddings("KeyQueue::push", keys, "keys");
  detail::check_shape("KeyQueue::push", "keys", keys, {keys.size(0), dim_});
  const auto kept = std::min(keys.size(0), capacity_);
  const auto values = keys.detach().narrow(0, keys.size(0) - kept, kept);
  if (!storage_.defined()) storage_ = torch::zeros({capacity_, dim_}, values.options());
  const auto before_end = std::min(kept, capacity_ - next_);
  storage_.narrow(0, next_, before_end).copy_(values.narrow(0, 0, before_end));
  storage_.narrow(0, 0, kept - before_end).copy_(values.narrow(0, before_end, kept - before_end));
  next_ = (next_ + kept) % capacity_;
  size_ = std::min(capacity_, size_ + kept);
}

torch::Tensor KeyQueue::keys() const { return storage_.defined() ? storage_.narrow(0, 0, size_) : torch::empty({0, dim_}); }

State KeyQueue::state() const {
  State state;
  state.put("keys", keys());
  state.put("next", next_);
  return state;
}

void KeyQueue::restore(const State& state) {
  const auto& keys = state.tensor("keys");
  const auto next = state.integer("next");
  const bool fits = keys.dim() == 2 && keys.size(1) == dim_ && keys.size(0) <= capacity_ && next >= 0 && next < capacity_ &&
                    (keys.size(0) == capacity_ || next == keys.size(0));
  if (!fits) {
    detail::fail<DataError>("KeyQueue::restore", "keys",
                            "[at most " + std::to_string(capacity_) + ", " + std::to_string(dim_) + "] with its position",
                            detail::describe(keys) + " at " + std::to_string(next));
  }
  storage_ = keys.size(0) > 0 ? torch::zeros({capacity_, dim_}, keys.options()) : torch::Tensor();
  if (storage_.defined()) storage_.narrow(0, 0, keys.size(0)).copy_(keys);
  size_ = keys.size(0);
  next_ = next;
}

}  // namespace diva::inline v0_1
