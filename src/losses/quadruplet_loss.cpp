#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/core/gradient.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/quadruplet_loss.hpp>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "rows.hpp"
#include "triplet_rows.hpp"

namespace diva::inline v0_1 {
namespace {

constexpr auto function_name = "quadruplet loss";

struct FirstTerm {
  torch::Tensor near;  // [T] distances of anchors to positives
  torch::Tensor losses;
};

FirstTerm first_term(const torch::Tensor& x, const Triplets& triplets, const QuadrupletLossOptions& options) {
  const auto anchor = x.index_select(0, triplets.anchors);
  const auto near = distance(anchor, x.index_select(0, triplets.positives), options.distance);
  return {near, (near - distance(anchor, x.index_select(0, triplets.negatives), options.distance) + options.margin).relu()};
}

// The second term of all triplets of a batch, summed for each anchor, without a list of triplets: a block of negatives n at a time
// with all positive pairs (a, p).
//
//   Σ_m (t − D_nm)₊ over m strange to n and to a  =  Σ_(m strange to n) − Σ_(m strange to n, kin of a),   t = D_ap + α₂
//
// The first sum looks its limit up among the sorted distances of n; the second has as many terms as a has kin.
class SecondNegatives {
 public:
  SecondNegatives(const Comparison& comparison, const QuadrupletLossOptions& options)
      : comparison_(comparison), options_(options), x_(comparison.embeddings.detach()) {
    std::tie(anchors_, positives_) = detail::positive_pairs(comparison, {});
    if (comparison.relation) negative_ = detail::relation_rows(comparison).negative != 0;
    if (options.variant != Variant::repo) find_kin();
  }

  [[nodiscard]] torch::Tensor near(const torch::Tensor& x) const {
    return distance(x.index_select(0, anchors_), x.index_select(0, positives_), options_.distance);
  }

  // Of each anchor: the sum of its triplets' losses, how many triplets there are, and how many count.
  [[nodiscard]] Elements sums(const torch::Tensor& near) const {
    const torch::NoGradGuard no_gradient;
    const auto batch = x_.size(0);
    const auto counts = torch::zeros({batch}, anchors_.options());
    Elements total = {.losses = torch::zeros({batch}, x_.options()), .number = counts, .active = counts.clone()};
    each_block([&](std::int64_t first, std::int64_t count) {
      const auto block = look_up(pairwise_distances(x_.narrow(0, first, count), x_, options_.distance), near, first);
      const auto add = [&](torch::Tensor& sum, const torch::Tensor& values) { sum.index_add_(0, anchors_, values.sum(0)); };
      add(total.losses, block.losses());
      add(total.number, block.counted.to(torch::kInt64));
      add(total.active, block.active.to(torch::kInt64));
    });
    return total;
  }

  // Gradients of `near` and of the embeddings.
  [[nodiscard]] std::vector<torch::Tensor> gradients(const torch::Tensor& near, const torch::Tensor& of_anchors) const {
    auto of_near = torch::zeros_like(near), of_rows = torch::zeros_like(x_), of_columns = torch::zeros_like(x_);
    const auto of_pairs = of_anchors.index_select(0, anchors_);
    each_block([&](std::int64_t first, std::int64_t count) {
      const auto rows = x_.narrow(0, first, count).detach().requires_grad_(), columns = x_.detach().requires_grad_();
      torch::Tensor values;
      {
        const torch::AutoGradMode with_graph(true);
        values = pairwise_distances(rows, columns, options_.distance);
      }
      torch::Tensor of_values;
      {
        const torch::NoGradGuard no_gradient;
        const auto block = look_up(values.detach(), near, first);
        const auto slopes = of_pairs * block.active / block.number.clamp_min(1);
        of_near += (slopes * block.violations).sum(0);
        // A limit pushes the distances that lie below its place.
        const auto size = values.size(1);
        const auto by_place = torch::zeros({count, size + 1}, x_.options()).scatter_add_(1, block.below, slopes);
        const auto pushed = by_place.flip(1).cumsum(1).flip(1).narrow(1, 1, size);
        of_values = torch::empty_like(values).scatter_(1, block.order, -pushed);
        each_kin(values.detach(), block.limits, block.strange, [&](const auto& column, const auto& kept, const auto& gap) {
          of_values.index_add_(1, column, slopes * (kept & (gap > 0)));
        });
      }
      const auto found = torch::autograd::grad({values}, {rows, columns}, {of_values});
      of_rows.narrow(0, first, count).add_(found[0]);
      of_columns.add_(found[1]);
    });
    return {of_near, of_rows + of_columns};
  }

 private:
  // Of t negatives and all positive pairs, [t, P] unless it says otherwise.
  struct Block {
    torch::Tensor limits;      // [P]
    torch::Tensor strange;     // [t, B]: second negatives of n, whatever the anchor
    torch::Tensor order;       // [t, B]: of the distances, those of strangers first
    torch::Tensor below;       // how many of them lie below the limit
    torch::Tensor totals;      // Σ_m (t − D_nm)₊
    torch::Tensor violations;  // of how many terms above 0
    torch::Tensor number;      // of how many terms
    torch::Tensor counted;     // whether this is a triplet with a second negative
    torch::Tensor active;      // whether it counts for reducers that leave losses out

    [[nodiscard]] torch::Tensor losses() const { return (totals / number.clamp_min(1)).masked_fill(~active, 0); }
  };

  [[nodiscard]] Block look_up(const torch::Tensor& values, const torch::Tensor& near, std::int64_t first) const {
    constexpr double outside = std::numeric_limits<double>::infinity();
    const auto count = values.size(0), pairs = anchors_.size(0);
    const auto others = detail::relation_rows(comparison_, first, count).negative != 0;
    Block block;
    block.limits = near + options_.second_margin;
    if (options_.variant == Variant::repo) {
      const auto itself = torch::arange(first, first + count, anchors_.options()).unsqueeze(1);
      block.strange = torch::ones_like(others).scatter_(1, itself, false);
    } else {
      block.strange = others;
    }
    auto [sorted, order] = values.masked_fill(~block.strange, outside).sort(1);
    block.order = order;
    block.below = torch::searchsorted(sorted, block.limits.expand({count, pairs}).contiguous());
    const auto zero = torch::zeros({count, 1}, values.options());
    const auto sums = torch::cat({zero, sorted.masked_fill_(sorted == outside, 0).cumsum(1)}, 1);
    block.totals = block.limits * block.below - sums.gather(1, block.below);
    block.violations = block.below.clone();
    block.number = block.strange.sum(1, true).expand({count, pairs}).clone();
    each_kin(values, block.limits, block.strange, [&](const auto&, const auto& kept, const auto& gap) {
      block.totals -= gap.relu() * kept;
      block.violations -= (kept & (gap > 0)).to(torch::kInt64);
      block.number -= kept.to(torch::kInt64);
    });
    const auto is_negative =
        negative_.defined() ? negative_.narrow(1, first, count).t().index_select(1, anchors_) : others.index_select(1, anchors_);
    block.counted = is_negative & (block.number > 0);
    // No violation is exactly 0, which a difference of sums need not be; a limit that is NaN has none and passes on.
    block.active = block.counted & ((block.violations > 0) | block.limits.isnan());
    if (options_.reducer.kind == Reduction::threshold) {
      const auto losses = block.losses();
      block.active = block.counted & ~((losses <= options_.reducer.low) | (losses >= options_.reducer.high));
    }
    return block;
  }

  // Calls `visit` with the k-th kin of each pair's anchor [P], whether it is a stranger of n, and its gap to the limit [t, P].
  template <class Visit>
  void each_kin(const torch::Tensor& values, const torch::Tensor& limits, const torch::Tensor& strange, Visit&& visit) const {
    if (!kin_.defined()) return;
    for (std::int64_t k = 0; k < kin_.size(1); ++k) {
      const auto column = kin_.select(1, k).index_select(0, anchors_);
      const auto kept = strange.index_select(1, column) & is_kin_.select(1, k).index_select(0, anchors_);
      visit(column, kept, limits - values.index_select(1, column));
    }
  }

  // Those who are no strangers of each anchor, itself among them, padded to the most that one has.
  void find_kin() {
    const auto batch = x_.size(0), rows = std::clamp<std::int64_t>(pairs_at_once / std::max<std::int64_t>(batch, 1), 1, batch + 1);
    std::vector<torch::Tensor> found = {torch::empty({0, 2}, anchors_.options())};
    for (std::int64_t first = 0; first < batch; first += rows) {
      auto some = (detail::relation_rows(comparison_, first, std::min(rows, batch - first)).negative == 0).nonzero();
      some.select(1, 0).add_(first);
      found.push_back(some);
    }
    const auto all = torch::cat(found);
    if (all.size(0) == 0) return;
    const auto row = all.select(1, 0), column = all.select(1, 1);
    const auto number = torch::zeros({batch}, all.options()).index_add_(0, row, torch::ones_like(row));
    const auto longest = number.max().item<std::int64_t>();
    const auto place = torch::arange(all.size(0), all.options()) - (number.cumsum(0) - number).index_select(0, row);
    kin_ = torch::zeros({batch * longest}, all.options()).index_copy_(0, row * longest + place, column).view({batch, longest});
    is_kin_ = torch::arange(longest, all.options()).unsqueeze(0) < number.unsqueeze(1);
  }

  template <class Body>
  void each_block(Body&& body) const {
    // Several matrices [t, P] are held at a time.
    constexpr std::int64_t elements = pairs_at_once / 4;
    const auto batch = x_.size(0), pairs = anchors_.size(0);
    if (pairs == 0) return;
    const auto rows = std::clamp<std::int64_t>(elements / std::max(pairs, batch), 1, batch);
    for (std::int64_t first = 0; first < batch; first += rows) body(first, std::min(rows, batch - first));
  }

  Comparison comparison_;
  QuadrupletLossOptions options_;
  torch::Tensor x_;
  torch::Tensor anchors_, positives_;  // [P]
  torch::Tensor negative_;             // [B, B] of a user's relation
  torch::Tensor kin_, is_kin_;         // [B, K]
};

torch::Tensor of_all_triplets(const Comparison& comparison, const QuadrupletLossOptions& options) {
  auto first = pairwise_loss(
      comparison, {}, {.distance = options.distance, .reducer = options.reducer}, {},
      [form = detail::TripletForm{.margin = options.margin, .distance = options.distance, .reducer = options.reducer}](
          const PairBlock& block, const std::vector<torch::Tensor>&) {
        return std::vector<Elements>{detail::triplet_rows(block, form)};
      });
  if (comparison.size() == 0) return first;
  const auto second = std::make_shared<SecondNegatives>(comparison, options);
  const auto near = second->near(comparison.embeddings);
  auto sums = second->sums(near.detach());
  sums.losses = detail::with_gradient(
      sums.losses, {near, comparison.embeddings},
      [second, near = near.detach()](const torch::Tensor& gradient) { return second->gradients(near, gradient); });
  return first + reduce({sums}, comparison.labels, comparison.size(), options.reducer);
}

}  // namespace

QuadrupletLoss::QuadrupletLoss(const QuadrupletLossOptions& options) : options_(options) {
  validate_fields("QuadrupletLoss", options);
}

torch::Tensor QuadrupletLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const bool listed = std::holds_alternative<Triplets>(tuples) || std::holds_alternative<Pairs>(tuples);
  if (!listed && options_.reducer.kind != Reduction::none) return of_all_triplets(comparison, options_);
  const auto triplets = detail::as_triplets(function_name, comparison, tuples);
  const auto& x = comparison.embeddings;
  const auto [near, losses] = first_term(x, triplets, options_);
  const auto first = reduce({{losses, {}, triplets.anchors}}, comparison.labels, comparison.size(), options_.reducer);

  // Each triplet is a row: its negative against all samples, of which the third class gives the second negatives.
  torch::Tensor strangers;  // [B, B] of a relation
  if (comparison.relation) strangers = detail::relation_rows(comparison).negative != 0;
  const auto function = [anchors = triplets.anchors, negatives = triplets.negatives, strangers, batch_labels = comparison.labels,
                         margin = options_.second_margin, any_class = options_.variant == Variant::repo](
                            const PairBlock& block, const std::vector<torch::Tensor>& parameters) {
    const auto count = block.values.size(0);
    const auto a = anchors.narrow(0, block.first, count), n = negatives.narrow(0, block.first, count);
    const auto others = [&](const torch::Tensor& rows) {
      return strangers.defined() ? strangers.index_select(0, rows)
                                 : batch_labels.index_select(0, rows).unsqueeze(1) != batch_labels.unsqueeze(0);
    };
    const auto allowed =
        any_class ? torch::arange(block.values.size(1), n.options()).unsqueeze(0) != n.unsqueeze(1) : others(n) & others(a);
    const auto hinges = (parameters[0].narrow(0, block.first, count).unsqueeze(1) - block.values + margin).relu();
    const auto number = allowed.sum(1);
    return std::vector<Elements>{{hinges.masked_fill(~allowed, 0).sum(1) / number.clamp_min(1), number > 0}};
  };
  const auto rows = triplets.negatives;
  const Comparison pairs = {
      .embeddings = x.index_select(0, rows),
      .labels = comparison.labels.defined() ? comparison.labels.index_select(0, triplets.anchors) : torch::zeros_like(rows),
      .reference = Reference{x, comparison.labels.defined() ? comparison.labels : torch::zeros({x.size(0)}, rows.options())},
      .relation = {}};
  return first + pairwise_loss(pairs, {}, {.distance = options_.distance, .reducer = options_.reducer}, {near}, function);
}

torch::Tensor quadruplet_loss(const torch::Tensor& embeddings, const Triplets& triplets, const torch::Tensor& second_negatives,
                              const QuadrupletLossOptions& options) {
  validate_fields("quadruplet_loss", options);
  detail::check_embeddings("quadruplet_loss", embeddings);
  for (const auto& [name, index] : {std::pair{"anchors", triplets.anchors}, std::pair{"positives", triplets.positives},
                                    std::pair{"negatives", triplets.negatives}, std::pair{"second_negatives", second_negatives}}) {
    detail::check_indices("quadruplet_loss", name, index, embeddings.size(0));
    detail::check_shape("quadruplet_loss", name, index, triplets.anchors.sizes());
  }
  const auto [near, losses] = first_term(embeddings, triplets, options);
  // From the matrix of the batch with itself, in which a sample's distance to itself is exactly 0.
  const auto apart = options.variant == Variant::repo ? pairwise_distances(embeddings, embeddings, options.distance)
                                                            .index_select(0, triplets.negatives)
                                                            .index_select(1, second_negatives)
                                                      : distance(embeddings.index_select(0, triplets.negatives),
                                                                 embeddings.index_select(0, second_negatives), options.distance)
                                                            .unsqueeze(1);
  const auto hinges = (near.unsqueeze(1) - apart + options.second_margin).relu();
  const auto first = reduce({{losses, {}, triplets.anchors}}, {}, embeddings.size(0), options.reducer);
  const auto second = hinges.sum(1) / static_cast<double>(std::max<std::int64_t>(hinges.size(1), 1));
  return first + reduce({{second, {}, triplets.anchors}}, {}, embeddings.size(0), options.reducer);
}

}  // namespace diva::inline v0_1
