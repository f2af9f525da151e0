#include <diva/core/gradient.hpp>
#include <diva/losses/dynamic_soft_margin_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/soft_rank.hpp>

namespace diva::inline v0_1 {
namespace {

struct Bins {
  double minimum;
  double width;
  std::int64_t count;

  [[nodiscard]] torch::Tensor place(const torch::Tensor& values) const { return (values - minimum) / width; }
  [[nodiscard]] torch::Tensor index(const torch::Tensor& values) const {
    return place(values).floor().nan_to_num(0).clamp(0, static_cast<double>(count - 1)).to(torch::kInt64);
  }
};

// Sums over triplets, bin by bin.
struct Statistics {
  torch::Tensor shares;  // [bins]: each triplet shared between its bin and the next
  torch::Tensor sums;    // [bins]: Σ v of the triplets in a bin
  torch::Tensor number;  // scalar: triplets

  Statistics(const Bins& bins, const torch::TensorOptions& options)
      : shares(torch::zeros({bins.count}, options)), sums(torch::zeros({bins.count}, options)), number(torch::zeros({}, options)) {}

  void add(const torch::Tensor& values, const Bins& bins) {
    const auto index = bins.index(values), next = (index + 1).clamp_max(bins.count - 1);
    const auto upper = (bins.place(values) - index).clamp(0, 1).nan_to_num(0);
    const auto known = (~values.isnan()).to(values.scalar_type());
    shares.index_add_(0, index, (1 - upper) * known);
    shares.index_add_(0, next, upper);
    sums.index_add_(0, index, values);
    number += values.numel();
  }
};

// All (a, p, n) of a block, in chunks of positive pairs: visit(rows, columns, v [c, R], which are negatives [c, R]).
template <class Visit>
void each_triplet(const torch::Tensor& distances, const torch::Tensor& positive, const torch::Tensor& negative, Visit&& visit) {
  const auto pairs = detail::marked_pairs(positive != 0, distances);
  const auto negatives = negative != 0;
  detail::in_chunks(pairs.rows.size(0), distances.size(1), [&](std::int64_t first, std::int64_t count) {
    const auto rows = pairs.rows.narrow(0, first, count), columns = pairs.columns.narrow(0, first, count);
    const auto of_rows = distances.index_select(0, rows);
    visit(rows, columns, of_rows.gather(1, columns.unsqueeze(1)) - of_rows, negatives.index_select(0, rows));
  });
}

// A zero whose gradient in `input` is `gradient` times that of the loss.
torch::Tensor carrier(const torch::Tensor& input, std::function<torch::Tensor()> gradient) {
  return detail::with_gradient(
      torch::zeros({1}, input.options()), {input},
      [gradient = std::move(gradient)](const torch::Tensor& g) { return std::vector<torch::Tensor>{gradient() * g}; });
}

}  // namespace

DynamicSoftMarginLoss::DynamicSoftMarginLoss(const DynamicSoftMarginLossOptions& options) : options_(options) {
  validate_fields("DynamicSoftMarginLoss", options);
  histogram_ = torch::zeros({options.bins}, torch::kFloat32);
}

torch::Tensor DynamicSoftMarginLoss::compute(const Comparison& comparison, const Tuples& tuples) {
  const Bins bins{options_.minimum, -2 * options_.minimum / static_cast<double>(options_.bins), options_.bins};
  const auto* listed = std::get_if<Triplets>(&tuples);
  if (std::holds_alternative<Pairs>(tuples)) detail::as_triplets("dynamic_soft_margin loss", comparison, tuples);
  Statistics statistics(bins, comparison.embeddings.options().requires_grad(false));
  const PairwiseOptions all{.distance = options_.distance, .reducer = {.kind = Reduction::sum}};

  torch::Tensor violations;  // of listed triplets
  if (listed != nullptr) {
    const auto anchor = comparison.embeddings.index_select(0, listed->anchors);
    const auto to = [&](const torch::Tensor& others) {
      return distance(anchor, comparison.reference_embeddings().index_select(0, others), options_.distance);
    };
    violations = to(listed->positives) - to(listed->negatives);
    statistics.add(violations.detach(), bins);
  } else {
    const torch::NoGradGuard no_gradient;
    pairwise_loss(comparison, tuples, all, {}, [&](const PairBlock& block, const std::vector<torch::Tensor>&) {
      each_triplet(block.values, block.positive, block.negative,
                   [&](const auto&, const auto&, const torch::Tensor& v, const torch::Tensor& negative) {
                     statistics.add(v.masked_select(negative), bins);
                   });
      return std::vector<Elements>{{torch::zeros({1}, block.values.options())}};
    });
  }

  torch::Tensor value, slopes;  // slopes [bins]: the gradient of a triplet's v
  {
    const torch::NoGradGuard no_gradient;
    const bool pml = options_.variant == Variant::pml;
    const auto number = statistics.number.clamp_min(1);
    const auto old = histogram_.to(statistics.shares.options());
    const auto momentum = torch::full_like(number, options_.momentum).masked_fill(old.sum() == 0, 1);
    const auto mixed = (1 - momentum) * old + momentum * (pml ? statistics.shares : statistics.shares / number);
    const auto total = mixed.sum();
    const auto updated = torch::where(total > 0, mixed / total.masked_fill(total == 0, 1), old);
    histogram_.copy_(torch::where(statistics.number > 0, updated, old));
    const auto weights = updated.cumsum(0);
    value = (weights * statistics.sums).sum() / number;
    slopes = weights / number;
    if (pml) {
      // A larger v takes its share out of its own bin, and so out of the weight of that bin.
      auto taken = momentum / total.masked_fill(total == 0, 1) * statistics.sums / bins.width / number;
      taken[bins.count - 1] = 0;
      slopes = slopes - taken;
    }
  }

  if (listed != nullptr) {
    return value +
           carrier(violations, [v = violations.detach(), slopes, bins] { return slopes.index_select(0, bins.index(v)); }).sum();
  }
  return value +
         pairwise_loss(comparison, tuples, all, {}, [slopes, bins](const PairBlock& block, const std::vector<torch::Tensor>&) {
           const auto gradient = [distances = block.values.detach(), positive = block.positive, negative = block.negative, slopes,
                                  bins] {
             auto result = torch::zeros_like(distances);
             each_triplet(distances, positive, negative,
                          [&](const torch::Tensor& rows, const torch::Tensor& columns, const torch::Tensor& v,
                              const torch::Tensor& negatives) {
                            const auto slope = slopes.index_select(0, bins.index(v).view(-1)).view_as(v).masked_fill(~negatives, 0);
                            result.index_add_(0, rows, -slope);
                            result.view(-1).index_add_(0, rows * distances.size(1) + columns, slope.sum(1));
                          });
             return result;
           };
           return std::vector<Elements>{{carrier(block.values, gradient)}};
         });
}

}  // namespace diva::inline v0_1
