#include <diva/losses/mined_loss.hpp>

#include "sum_of_one.hpp"

namespace diva::inline v0_1 {

MinedLoss::MinedLoss(std::shared_ptr<Loss> loss, Miner miner, Generator generator)
    : loss_(std::move(loss)), miner_(std::move(miner)), generator_(generator), draws_(torch::zeros({}, torch::kInt64)) {
  detail::sum_of_one(loss_);  // refuses a missing criterion
  if (!miner_) detail::fail<OptionError>("MinedLoss", "miner", "a miner", "none");
}

torch::Tensor MinedLoss::compute(const Comparison& comparison, const Tuples&) {
  auto generator = generator_.fork(static_cast<std::uint64_t>(draws_.item<std::int64_t>()));
  draws_ += 1;
  auto mined = miner_(comparison, generator);
  if (std::holds_alternative<std::monostate>(mined) && comparison.relation) mined = *comparison.relation;
  return loss_->forward(comparison.embeddings, comparison.labels, mined, comparison.reference);
}

std::vector<NamedTensor> MinedLoss::named_parameters() const { return detail::sum_of_one(loss_).named_parameters(); }

std::vector<NamedTensor> MinedLoss::named_buffers() const {
  auto buffers = detail::sum_of_one(loss_).named_buffers();
  buffers.push_back({"draws", draws_});
  return buffers;
}

State MinedLoss::state() const {
  auto state = detail::sum_of_one(loss_).state();
  state.put("draws", draws_);
  return state;
}

void MinedLoss::restore(const State& state) {
  const auto draws = state.integer("draws");
  auto rest = state;
  rest.tensors.erase("draws");
  detail::sum_of_one(loss_).restore(rest);
  draws_.fill_(draws);
}

}  // namespace diva::inline v0_1
