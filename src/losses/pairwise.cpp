#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/core/gradient.hpp>
#include <diva/losses/pairwise.hpp>

#include <algorithm>
#include <limits>

namespace diva::inline v0_1 {
namespace {

torch::Tensor values_between(const torch::Tensor& anchors, const torch::Tensor& references, const PairwiseOptions& options) {
  return options.similarities ? pairwise_similarities(anchors, references, options.distance)
                              : pairwise_distances(anchors, references, options.distance);
}

PairBlock block_of(const Comparison& comparison, const Tuples& tuples, const torch::Tensor& values, std::int64_t first) {
  const auto count = values.size(0);
  const auto relation = detail::relation_rows(comparison, tuples, first, count);
  return {values, relation.positive, relation.negative,
          comparison.labels.defined() ? comparison.labels.narrow(0, first, count) : comparison.labels, first};
}

class BlockwiseLoss {
 public:
  BlockwiseLoss(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                std::vector<torch::Tensor> parameters, PairFunction function, std::int64_t rows)
      : comparison_(comparison),
        tuples_(tuples),
        options_(options),
        parameters_(std::move(parameters)),
        function_(std::move(function)),
        rows_(rows) {}

  torch::Tensor value() {
    const torch::NoGradGuard no_gradient;
    std::vector<torch::Tensor> numerators;
    const auto x = comparison_.embeddings.detach(), r = comparison_.reference_embeddings().detach();
    each_block([&](std::int64_t first, std::int64_t count) {
      const auto fractions = block(x.narrow(0, first, count), r, parameters_, first);
      numerators.resize(fractions.size());
      denominators_.resize(fractions.size());
      for (std::size_t g = 0; g < fractions.size(); ++g) {
        const auto add = [](torch::Tensor& sum, const torch::Tensor& term) { sum = sum.defined() ? sum + term : term; };
        add(numerators[g], fractions[g].numerator);
        if (first == 0 || !constant_denominator()) add(denominators_[g], fractions[g].denominator);
      }
    });
    torch::Tensor total = torch::zeros({}, x.options());
    for (std::size_t g = 0; g < numerators.size(); ++g) {
      denominators_[g] = denominators_[g].clamp_min(1);
      total = total + numerators[g] / denominators_[g];
    }
    return total;
  }

  // Gradients of embeddings, reference embeddings (undefined without a reference) and parameters.
  [[nodiscard]] std::vector<torch::Tensor> gradients(const torch::Tensor& of_value) const {
    const torch::AutoGradMode with_gradient(true);
    const auto x = comparison_.embeddings.detach();
    const bool itself = !comparison_.reference;
    const auto r = comparison_.reference_embeddings().detach().requires_grad_();
    std::vector<torch::Tensor> parameters;
    for (const auto& parameter : parameters_) parameters.push_back(parameter.detach().requires_grad_());

    auto of_anchors = torch::zeros_like(x), of_references = torch::zeros_like(r);
    std::vector<torch::Tensor> of_parameters(parameters.size());
    each_block([&](std::int64_t first, std::int64_t count) {
      const auto anchors = x.narrow(0, first, count).detach().requires_grad_();
      const auto fractions = block(anchors, r, parameters, first);
      torch::Tensor total;
      for (std::size_t g = 0; g < fractions.size(); ++g) {
        const auto share = fractions[g].numerator / denominators_[g];
        total = total.defined() ? total + share : share;
      }
      if (!total.requires_grad()) return;
      std::vector<torch::Tensor> leaves = {anchors, r};
      leaves.insert(leaves.end(), parameters.begin(), parameters.end());
      const auto found = torch::autograd::grad({total * of_value}, leaves, {}, c10::nullopt, false, true);
      if (found[0].defined()) of_anchors.narrow(0, first, count).add_(found[0]);
      if (found[1].defined()) of_references.add_(found[1]);
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        if (!found[p + 2].defined()) continue;
        of_parameters[p] = of_parameters[p].defined() ? of_parameters[p] + found[p + 2] : found[p + 2];
      }
    });
    std::vector<torch::Tensor> result = {itself ? of_anchors + of_references : of_anchors};
    if (!itself) result.push_back(of_references);
    result.insert(result.end(), of_parameters.begin(), of_parameters.end());
    return result;
  }

 private:
  // per_anchor divides by the batch, sum and divisor by nothing: the same for each block, not a count to add up.
  [[nodiscard]] bool constant_denominator() const {
    return options_.reducer.kind == Reduction::sum || options_.reducer.kind == Reduction::divisor ||
           options_.reducer.kind == Reduction::per_anchor;
  }

  template <class Body>
  void each_block(Body&& body) const {
    for (std::int64_t first = 0; first < comparison_.size(); first += rows_)
      body(first, std::min(rows_, comparison_.size() - first));
  }

  [[nodiscard]] std::vector<detail::Fraction> block(const torch::Tensor& anchors, const torch::Tensor& references,
                                                    const std::vector<torch::Tensor>& parameters, std::int64_t first) const {
    const auto rows = block_of(comparison_, tuples_, values_between(anchors, references, options_), first);
    std::vector<detail::Fraction> fractions;
    for (const auto& elements : function_(rows, parameters)) {
      fractions.push_back(detail::reduce_block(elements, rows.labels, comparison_.size(), options_.reducer));
    }
    return fractions;
  }

  Comparison comparison_;
  Tuples tuples_;
  PairwiseOptions options_;
  std::vector<torch::Tensor> parameters_;
  PairFunction function_;
  std::int64_t rows_;
  std::vector<torch::Tensor> denominators_;
};

}  // namespace

torch::Tensor pairwise_loss(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                            const std::vector<torch::Tensor>& parameters, const PairFunction& function, std::int64_t at_once) {
  const auto &x = comparison.embeddings, &r = comparison.reference_embeddings();
  detail::check_reducer("pairwise_loss", options.reducer, comparison.labels);
  const bool each = options.reducer.kind == Reduction::none;
  if (x.size(0) == 0 || r.size(0) == 0) return each ? (x.sum(1) * 0).narrow(0, 0, 0) : x.sum() * 0 + r.sum() * 0;

  const auto rows = std::clamp<std::int64_t>(at_once / r.size(0), 1, x.size(0));
  if (rows == x.size(0)) {
    const auto block = block_of(comparison, tuples, values_between(x, r, options), 0);
    return reduce(function(block, parameters), comparison.labels, x.size(0), options.reducer);
  }
  if (each) {
    detail::fail<OptionError>("pairwise_loss", "reducer", "other than none for more than " + std::to_string(at_once) + " pairs",
                              std::to_string(x.size(0) * r.size(0)) + " pairs");
  }
  std::vector<torch::Tensor> inputs = {x};
  if (comparison.reference) inputs.push_back(r);
  inputs.insert(inputs.end(), parameters.begin(), parameters.end());
  const auto loss = std::make_shared<BlockwiseLoss>(comparison, tuples, options, parameters, function, rows);
  const auto value = loss->value();
  return detail::with_gradient(value, inputs, [loss](const torch::Tensor& gradient) { return loss->gradients(gradient); });
}

namespace detail {

torch::Tensor any_of(const torch::Tensor& mask) { return (mask != 0).any(1); }

torch::Tensor row_values(const Comparison& comparison, const Tuples& tuples, const PairwiseOptions& options,
                         const RowFunction& function, std::int64_t at_once) {
  const auto &x = comparison.embeddings, &r = comparison.reference_embeddings();
  if (x.size(0) == 0 || r.size(0) == 0) return x.sum(1) * 0;
  const auto rows = std::clamp<std::int64_t>(at_once / r.size(0), 1, x.size(0));
  if (rows == x.size(0)) return function(block_of(comparison, tuples, values_between(x, r, options), 0));

  const auto values = [comparison, tuples, options, function](const torch::Tensor& anchors, const torch::Tensor& references,
                                                              std::int64_t first) {
    return function(block_of(comparison, tuples, values_between(anchors, references, options), first));
  };
  torch::Tensor all;
  {
    const torch::NoGradGuard no_gradient;
    std::vector<torch::Tensor> blocks;
    for (std::int64_t first = 0; first < x.size(0); first += rows)
      blocks.push_back(values(x.narrow(0, first, std::min(rows, x.size(0) - first)), r, first));
    all = torch::cat(blocks);
  }
  const bool itself = !comparison.reference;
  const auto inputs = itself ? std::vector<torch::Tensor>{x} : std::vector<torch::Tensor>{x, r};
  return with_gradient(all, inputs, [x = x.detach(), r = r.detach(), values, rows, itself](const torch::Tensor& gradient) {
    const torch::AutoGradMode with_graph(true);
    const auto references = r.detach().requires_grad_();
    auto of_anchors = torch::zeros_like(x), of_references = torch::zeros_like(r);
    for (std::int64_t first = 0; first < x.size(0); first += rows) {
      const auto count = std::min(rows, x.size(0) - first);
      const auto anchors = x.narrow(0, first, count).detach().requires_grad_();
      const auto block = values(anchors, references, first);
      if (!block.requires_grad()) continue;
      const auto found =
          torch::autograd::grad({block}, {anchors, references}, {gradient.narrow(0, first, count)}, c10::nullopt, false, true);
      if (found[0].defined()) of_anchors.narrow(0, first, count).add_(found[0]);
      if (found[1].defined()) of_references.add_(found[1]);
    }
    return itself ? std::vector<torch::Tensor>{of_anchors + of_references} : std::vector<torch::Tensor>{of_anchors, of_references};
  });
}

torch::Tensor masked_logsumexp(const torch::Tensor& values, const torch::Tensor& mask, bool with_zero) {
  auto terms = values;
  if (mask.scalar_type() != torch::kBool) {
    const auto weights = mask.to(values.scalar_type());
    terms = terms + weights.masked_fill(mask == 0, 1).log();
  }
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  terms = terms.masked_fill(mask == 0, nothing);
  if (with_zero) return torch::cat({terms, torch::zeros({terms.size(0), 1}, terms.options())}, 1).logsumexp(1);
  // A row of nothing but −∞ has a NaN gradient: let it be 0 and give it its value afterwards.
  const auto empty = ~any_of(mask);
  return terms.masked_fill(empty.unsqueeze(1), 0).logsumexp(1).masked_fill(empty, nothing);
}

}  // namespace detail
}  // namespace diva::inline v0_1
