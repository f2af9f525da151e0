#include "triplet_rows.hpp"

#include <torch/autograd.h>
#include <diva/core/gradient.hpp>
#include <diva/miners/random_triplets.hpp>

#include <algorithm>
#include <limits>
#include <memory>

namespace diva::inline v0_1::detail {
namespace {

// The marked columns of each row in front, padded to the longest row.
struct Columns {
  torch::Tensor index;    // [t, K] int64
  torch::Tensor counted;  // [t, K] bool: not padding
};

Columns columns_of(const torch::Tensor& mask) {
  // One number comes from the device, so that K is that of the classes and not of the batch.
  const auto longest = mask.sum(1).max().item<std::int64_t>();
  const auto index = std::get<1>(mask.to(torch::kInt32).topk(longest, 1));
  return {index, mask.gather(1, index)};
}

bool needs_gradient(const torch::Tensor& values) { return torch::GradMode::is_enabled() && values.requires_grad(); }

Elements hinge_rows(const PairBlock& block, const torch::Tensor& positive, const torch::Tensor& negative, const Columns& columns,
                    double margin) {
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const bool with_slopes = needs_gradient(block.values);
  torch::Tensor losses, closer, slopes;
  {
    const torch::NoGradGuard no_gradient;
    const auto values = block.values.detach();
    const auto [limits, order] = (values.gather(1, columns.index) + margin).masked_fill(~columns.counted, nothing).sort(1);
    const auto count = limits.size(1);
    // Column k: the sum of the limits from k on.
    const auto sums = torch::cat({limits.flip(1).cumsum(1).flip(1), torch::zeros({limits.size(0), 1}, limits.options())}, 1);
    // How many limits are not above each value: those beyond are its violations.
    const auto below = torch::searchsorted(limits.contiguous(), values.contiguous(), false, true);
    closer = (count - below).masked_fill_(~negative, 0);
    losses = (sums.gather(1, below) - closer * values).masked_fill_(~negative, 0).sum(1);
    losses += 0 * limits.masked_fill(limits == nothing, 0).sum(1);  // a limit that is NaN lies beyond nothing, but passes on
    if (with_slopes) {
      // A limit is violated by the values of which at most its place lies below.
      auto violations =
          torch::zeros({limits.size(0), count + 1}, below.options()).scatter_add_(1, below, negative.to(torch::kInt64));
      violations = violations.cumsum(1).narrow(1, 0, count);
      slopes = closer.to(values.scalar_type())
                   .neg_()
                   .scatter_add_(1, columns.index.gather(1, order), violations.to(values.scalar_type()));
    }
  }
  losses = with_gradient(losses, {block.values}, [slopes](const torch::Tensor& gradient) {
    return std::vector<torch::Tensor>{slopes * gradient.unsqueeze(1)};
  });
  return {.losses = losses, .number = positive.sum(1) * negative.sum(1), .active = closer.sum(1)};
}

// One positive a row at a time.
class Stream {
 public:
  Stream(const torch::Tensor& negative, Columns columns, TripletForm form)
      : negative_(negative), columns_(std::move(columns)), form_(std::move(form)) {}

  [[nodiscard]] std::int64_t steps() const { return columns_.index.size(1); }

  // Losses of the triplets of the k-th positive of each row with all of its negatives, 0 where there is none, and which count.
  [[nodiscard]] std::pair<torch::Tensor, torch::Tensor> step(const torch::Tensor& values, const torch::Tensor& references,
                                                             std::int64_t k) const {
    const auto column = columns_.index.narrow(1, k, 1);
    auto far = values;
    if (form_.swap)
      far = torch::minimum(far, pairwise_distances(references.index_select(0, column.squeeze(1)), references, form_.distance));
    const auto violations = values.gather(1, column) - far + form_.margin;
    const auto losses = form_.smooth ? torch::softplus(violations) : violations.relu();
    auto active = negative_ & columns_.counted.narrow(1, k, 1);
    if (form_.reducer.kind == Reduction::threshold) {
      // NaN lies between all bounds, so that it passes on.
      const auto compared = losses.detach();
      const auto kept = active & ~((compared <= form_.reducer.low) | (compared >= form_.reducer.high));
      return {losses.masked_fill(~kept, 0), kept};
    }
    const auto kept = losses.masked_fill(~active, 0);
    return {kept, kept.detach() > 0};
  }

 private:
  torch::Tensor negative_;
  Columns columns_;
  TripletForm form_;
};

Elements streamed_rows(const PairBlock& block, const torch::Tensor& positive, const torch::Tensor& negative, Columns columns,
                       const TripletForm& form, const torch::Tensor& references) {
  const auto stream = std::make_shared<Stream>(negative, std::move(columns), form);
  const auto values = block.values.detach();
  const auto others = form.swap ? references.detach() : torch::Tensor();
  torch::Tensor losses = torch::zeros({values.size(0)}, values.options());
  auto active = torch::zeros({values.size(0)}, negative.options().dtype(torch::kInt64));
  {
    const torch::NoGradGuard no_gradient;
    for (std::int64_t k = 0; k < stream->steps(); ++k) {
      const auto [some, counted] = stream->step(values, others, k);
      losses += some.sum(1);
      active += counted.sum(1);
    }
  }
  const auto backward = [stream, values, others, swap = form.swap](const torch::Tensor& gradient) {
    const torch::AutoGradMode with_graph(true);
    std::vector<torch::Tensor> leaves = {values.detach().requires_grad_()}, totals = {torch::zeros_like(values)};
    if (swap) {
      leaves.push_back(others.detach().requires_grad_());
      totals.push_back(torch::zeros_like(others));
    }
    for (std::int64_t k = 0; k < stream->steps(); ++k) {
      const auto losses = stream->step(leaves[0], swap ? leaves[1] : others, k).first.sum(1);
      const auto found = torch::autograd::grad({losses}, leaves, {gradient}, c10::nullopt, false, true);
      for (std::size_t i = 0; i < leaves.size(); ++i) {
        if (found[i].defined()) totals[i].add_(found[i]);
      }
    }
    return totals;
  };
  const auto inputs = form.swap ? std::vector<torch::Tensor>{block.values, references} : std::vector<torch::Tensor>{block.values};
  losses = with_gradient(losses, inputs, backward);
  return {.losses = losses, .number = positive.sum(1) * negative.sum(1), .active = active};
}

}  // namespace

Elements triplet_rows(const PairBlock& block, const TripletForm& form, const torch::Tensor& references) {
  const auto positive = block.positive != 0, negative = block.negative != 0;
  auto columns = columns_of(positive);
  if (columns.index.size(1) == 0) {
    const auto none = torch::zeros({block.values.size(0)}, columns.index.options());
    return {.losses = block.values.sum(1) * 0, .number = none, .active = none};
  }
  if (form.smooth || form.swap || form.reducer.kind == Reduction::threshold)
    return streamed_rows(block, positive, negative, std::move(columns), form, references);
  return hinge_rows(block, positive, negative, columns, form.margin);
}

Elements margin_rows(const torch::Tensor& distances, const PairBlock& block, const torch::Tensor& boundary, double margin,
                     bool by_triplets) {
  const auto positive = block.positive != 0, negative = block.negative != 0;
  const auto pull = (distances - boundary + margin).relu().masked_fill(~positive, 0);
  const auto push = (boundary - distances + margin).relu().masked_fill(~negative, 0);
  const auto positives = positive.sum(1), negatives = negative.sum(1);
  const auto pulled = (pull.detach() > 0).sum(1), pushed = (push.detach() > 0).sum(1);
  const auto number = positives * negatives;
  return {.losses = pull.sum(1) * negatives + push.sum(1) * positives,
          .number = number,
          .active = by_triplets ? number - (positives - pulled) * (negatives - pushed) : pulled * negatives + pushed * positives};
}

torch::Tensor triplets_of_rows(const Comparison& comparison) {
  const auto batch = comparison.size(), references = std::max<std::int64_t>(comparison.reference_size(), 1);
  const auto rows = std::max<std::int64_t>(pairs_at_once / references, 1);
  auto number = torch::zeros({batch}, comparison.embeddings.options().dtype(torch::kFloat64).requires_grad(false));
  for (std::int64_t first = 0; first < batch; first += rows) {
    const auto count = std::min(rows, batch - first);
    const auto relation = relation_rows(comparison, first, count);
    number.narrow(0, first, count).copy_((relation.positive != 0).sum(1) * (relation.negative != 0).sum(1));
  }
  return number;
}

Triplets sample_triplets(const Comparison& comparison, std::int64_t per_anchor, Generator generator) {
  std::vector<torch::Tensor> drawn[3];
  for (std::int64_t i = 0; i < per_anchor; ++i) {
    const auto [anchors, positives, negatives] = random_triplets(comparison, generator);
    drawn[0].push_back(anchors);
    drawn[1].push_back(positives);
    drawn[2].push_back(negatives);
  }
  return {torch::cat(drawn[0]), torch::cat(drawn[1]), torch::cat(drawn[2])};
}

}  // namespace diva::inline v0_1::detail
