#include <diva/core/checks.hpp>
#include <diva/losses/cross_batch_memory.hpp>

#include <algorithm>
#include <string>

namespace diva::inline v0_1 {
namespace {

// Tuples of the batch as tuples of the batch and the memory in which it lies at `places`.
Tuples at_places(const Tuples& tuples, const torch::Tensor& places) {
  const auto moved = [&](const torch::Tensor& others) { return places.index_select(0, others); };
  if (const auto* triplets = std::get_if<Triplets>(&tuples))
    return Triplets{triplets->anchors, moved(triplets->positives), moved(triplets->negatives)};
  const auto& pairs = std::get<Pairs>(tuples);
  return Pairs{pairs.anchors, moved(pairs.positives), pairs.negative_anchors, moved(pairs.negatives)};
}

Tuples joined(const Tuples& mined, const Tuples& given) {
  const auto* triplets = std::get_if<Triplets>(&mined);
  const auto* pairs = std::get_if<Pairs>(&mined);
  const auto both = [](const torch::Tensor& a, const torch::Tensor& b) { return torch::cat({a, b}); };
  if (const auto* more = std::get_if<Triplets>(&given); triplets != nullptr && more != nullptr) {
    return Triplets{both(triplets->anchors, more->anchors), both(triplets->positives, more->positives),
                    both(triplets->negatives, more->negatives)};
  }
  if (const auto* more = std::get_if<Pairs>(&given); pairs != nullptr && more != nullptr) {
    return Pairs{both(pairs->anchors, more->anchors), both(pairs->positives, more->positives),
                 both(pairs->negative_anchors, more->negative_anchors), both(pairs->negatives, more->negatives)};
  }
  detail::fail<OptionError>("cross_batch_memory loss", "tuples", "of the kind that the miner returns", "another kind");
}

}  // namespace

CrossBatchMemory::CrossBatchMemory(std::shared_ptr<Loss> loss, std::int64_t embed_dim, const CrossBatchMemoryOptions& options,
                                   TupleSource miner)
    : loss_(std::move(loss)), capacity_(options.capacity), miner_(std::move(miner)) {
  validate_fields("CrossBatchMemory", options);
  if (!loss_) detail::fail<OptionError>("CrossBatchMemory", "loss", "a criterion", "none");
  if (embed_dim < 1) detail::fail<OptionError>("CrossBatchMemory", "embed_dim", "at least 1", std::to_string(embed_dim));
  embeddings_ = torch::zeros({capacity_, embed_dim}, torch::kFloat32);
  labels_ = torch::zeros({capacity_}, torch::kInt64);
}

torch::Tensor CrossBatchMemory::push(const torch::Tensor& embeddings, const torch::Tensor& labels) {
  const torch::NoGradGuard no_gradient;
  embeddings_ = embeddings_.to(embeddings.options());
  labels_ = labels_.to(labels.device());
  const auto count = embeddings.size(0);
  auto places = torch::arange(next_, next_ + count, labels.options()).remainder(capacity_);
  embeddings_.index_copy_(0, places, embeddings.detach());
  labels_.index_copy_(0, places, labels);
  next_ = (next_ + count) % capacity_;
  size_ = std::min(capacity_, size_ + count);
  return places;
}

void CrossBatchMemory::enqueue(const torch::Tensor& embeddings, const torch::Tensor& labels) {
  constexpr const char* function = "CrossBatchMemory::enqueue";
  detail::check_embeddings(function, embeddings);
  detail::check_labels(function, labels, embeddings);
  detail::check_shape(function, "embeddings", embeddings, {embeddings.size(0), embeddings_.size(1)});
  const auto kept = std::min(capacity_, embeddings.size(0)), first = embeddings.size(0) - kept;
  const auto rows = embeddings.narrow(0, first, kept);
  push(rows.element_size() < 4 ? rows.to(torch::kFloat32) : rows, labels.narrow(0, first, kept));
}

void CrossBatchMemory::clear() { size_ = next_ = 0; }

torch::Tensor CrossBatchMemory::forward_masked(const torch::Tensor& embeddings, const torch::Tensor& labels,
                                               const torch::Tensor& enqueued) {
  constexpr const char* function = "CrossBatchMemory::forward_masked";
  detail::check_embeddings(function, embeddings);
  detail::check_labels(function, labels, embeddings);
  detail::check_shape(function, "enqueued", enqueued, {embeddings.size(0)});
  if (enqueued.scalar_type() != torch::kBool) detail::fail<ShapeError>(function, "enqueued", "bool", detail::describe(enqueued));
  const auto remembered = enqueued.nonzero().view(-1), others = (~enqueued).nonzero().view(-1);
  enqueue(embeddings.index_select(0, remembered), labels.index_select(0, remembered));
  return compared(embeddings.index_select(0, others), labels.index_select(0, others), {}, {});
}

torch::Tensor CrossBatchMemory::compute(const Comparison& comparison, const Tuples& tuples) {
  constexpr const char* function = "cross_batch_memory loss";
  const auto& x = comparison.embeddings;
  if (comparison.relation) detail::fail<OptionError>(function, "tuples", "triplets, pairs or none", "a relation of the batch");
  if (x.size(0) > capacity_ || x.size(1) != embeddings_.size(1)) {
    detail::fail<ShapeError>(function, "embeddings",
                             "[at most " + std::to_string(capacity_) + ", " + std::to_string(embeddings_.size(1)) + "]",
                             detail::describe(x));
  }
  const auto places = push(x, comparison.labels);
  return compared(x, comparison.labels, places, tuples);
}

torch::Tensor CrossBatchMemory::compared(const torch::Tensor& embeddings, const torch::Tensor& labels, const torch::Tensor& places,
                                         const Tuples& tuples) {
  // A copy, which the graph keeps while the memory moves on.
  Comparison comparison{.embeddings = embeddings,
                        .labels = labels,
                        .reference = Reference{embeddings_.narrow(0, 0, size_).clone(), labels_.narrow(0, 0, size_).clone()},
                        .relation = {}};
  auto positive = labels.unsqueeze(1) == comparison.reference->labels.unsqueeze(0);
  auto negative = ~positive;
  if (places.defined()) positive.scatter_(1, places.unsqueeze(1), false);
  const bool given = !std::holds_alternative<std::monostate>(tuples);
  const auto moved = given ? at_places(tuples, places) : tuples;
  if (given && !miner_) {
    const auto marked = detail::relation_rows(comparison, moved, 0, embeddings.size(0));
    positive = positive | marked.positive;
    negative = negative | marked.negative;
  }
  comparison.relation = Relation{positive, negative};
  Tuples chosen = *comparison.relation;
  if (miner_) {
    chosen = miner_(comparison);
    if (given) chosen = joined(chosen, moved);
  }
  return loss_->forward(embeddings, labels, chosen, comparison.reference);
}

std::vector<NamedTensor> CrossBatchMemory::named_parameters() const {
  auto parameters = loss_->named_parameters();
  for (auto& entry : parameters) entry.name = "loss." + entry.name;
  return parameters;
}

std::vector<NamedTensor> CrossBatchMemory::named_buffers() const {
  auto buffers = loss_->named_buffers();
  for (auto& entry : buffers) entry.name = "loss." + entry.name;
  buffers.push_back({"embeddings", embeddings_});
  buffers.push_back({"labels", labels_});
  return buffers;
}

State CrossBatchMemory::state() const {
  State state;
  state.put("loss", loss_->state());
  state.put("embeddings", embeddings_.narrow(0, 0, size_));
  state.put("labels", labels_.narrow(0, 0, size_));
  state.put("next", next_);
  return state;
}

void CrossBatchMemory::restore(const State& state) {
  const auto &embeddings = state.tensor("embeddings"), &labels = state.tensor("labels");
  const auto next = state.integer("next");
  const bool fits = embeddings.dim() == 2 && embeddings.size(1) == embeddings_.size(1) && embeddings.size(0) <= capacity_ &&
                    labels.sizes() == torch::IntArrayRef({embeddings.size(0)}) && next >= 0 && next < capacity_ &&
                    (embeddings.size(0) == capacity_ || next == embeddings.size(0));
  if (!fits) {
    detail::fail<DataError>(
        "CrossBatchMemory::restore", "embeddings",
        "[at most " + std::to_string(capacity_) + ", " + std::to_string(embeddings_.size(1)) + "] with labels and their position",
        detail::describe(embeddings) + " at " + std::to_string(next));
  }
  loss_->restore(state.child("loss"));
  const torch::NoGradGuard no_gradient;
  size_ = embeddings.size(0);
  next_ = next;
  embeddings_ = embeddings_.to(embeddings.scalar_type());
  embeddings_.narrow(0, 0, size_).copy_(embeddings);
  labels_.narrow(0, 0, size_).copy_(labels);
}

}  // namespace diva::inline v0_1
