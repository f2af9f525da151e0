#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/proxy_loss.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace diva::inline v0_1 {
namespace {

torch::Tensor drawn(const ProxyOptions& options, std::int64_t count, std::int64_t num_classes, std::int64_t dim,
                    Generator& generator) {
  const auto inverse_root = [](std::int64_t n) { return 1 / std::sqrt(static_cast<double>(n)); };
  const auto spread = [&](double reach) { return (generator.uniform({count, dim}) * 2 - 1).mul_(reach); };
  switch (options.start) {
    case ProxyStart::normal:
      return generator.normal({count, dim});
    case ProxyStart::small_normal:
      return generator.normal({count, dim}).div_(8);
    case ProxyStart::uniform_by_count:
      return spread(inverse_root(count));
    case ProxyStart::kaiming:
      return generator.normal({count, dim}).mul_(std::sqrt(2.0) * inverse_root(num_classes));
    case ProxyStart::sphere:
      return l2_normalize(spread(1));
    case ProxyStart::uniform:
      break;
  }
  return spread(inverse_root(dim));
}

torch::Tensor position_tensor(const Generator& generator) {
  const auto [key, counter] = generator.position();
  return torch::tensor({std::bit_cast<std::int64_t>(key), std::bit_cast<std::int64_t>(counter)}, torch::kInt64);
}

Generator generator_at(const torch::Tensor& position) {
  const auto values = position.cpu();
  return Generator::at({.key = std::bit_cast<std::uint64_t>(values[0].item<std::int64_t>()),
                        .counter = std::bit_cast<std::uint64_t>(values[1].item<std::int64_t>())});
}

// How often each sample occurs in the tuples, over the most that any does; undefined without tuples.
torch::Tensor occurrences(const std::string& function, const Comparison& comparison, const Tuples& tuples, bool anchors_only) {
  std::vector<torch::Tensor> named;
  if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
    named = {triplets->anchors};
    if (!anchors_only) named.insert(named.end(), {triplets->positives, triplets->negatives});
  } else if (const auto* pairs = std::get_if<Pairs>(&tuples)) {
    named = {pairs->anchors, pairs->negative_anchors};
    if (!anchors_only) named.insert(named.end(), {pairs->positives, pairs->negatives});
  } else if (comparison.relation) {
    detail::fail<OptionError>(function, "tuples", "triplets, pairs or none: samples are compared with proxies", "a relation");
  } else {
    return {};
  }
  const auto indices = torch::cat(named);
  const auto options = comparison.embeddings.options().requires_grad(false);
  auto counts = torch::zeros({comparison.size()}, options);
  if (indices.numel() == 0) return counts;
  counts.index_add_(0, indices, torch::ones(indices.sizes(), options));
  return counts / counts.max();
}

}  // namespace

ProxyLoss::ProxyLoss(std::string_view name, const ProxyOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
                     Generator& generator, std::int64_t proxies_per_class)
    : options_(options), num_classes_(num_classes), per_class_(proxies_per_class) {
  validate_fields(name, options);
  const auto check = [&](const char* argument, std::int64_t value) {
    if (value < 1) detail::fail<OptionError>(name, argument, "at least 1: each class has proxies", std::to_string(value));
  };
  check("num_classes", num_classes);
  check("embed_dim", embed_dim);
  check("proxies_per_class", proxies_per_class);
  proxies_ = drawn(options, num_classes * proxies_per_class, num_classes, embed_dim, generator).requires_grad_();
  if (options.sample_rate < 1) sampler_ = position_tensor(Generator(generator.next()));
}

std::vector<NamedTensor> ProxyLoss::named_parameters() const { return {{"proxies", proxies_}}; }

std::vector<NamedTensor> ProxyLoss::named_buffers() const {
  if (!sampler_.defined()) return {};
  return {{"sampler", sampler_}};
}

torch::Tensor ProxyLoss::logits(const torch::Tensor& embeddings) const {
  const auto function = std::string(name()) + " loss: logits";
  detail::check_embeddings(function, embeddings);
  detail::check_shape(function, "embeddings", embeddings, {embeddings.size(0), proxies_.size(1)});
  const auto x = embeddings.element_size() < 4 ? embeddings.to(torch::kFloat32) : embeddings;
  return scores(x, proxies_.to(x.scalar_type()));
}

torch::Tensor ProxyLoss::sample_classes(const torch::Tensor& labels) {
  const auto wanted = static_cast<std::int64_t>(std::ceil(options_.sample_rate * static_cast<double>(num_classes_)));
  const auto count = std::min(num_classes_, std::max(wanted, labels.size(0)));
  auto generator = generator_at(sampler_);
  auto priority = generator.uniform({num_classes_}, torch::TensorOptions(labels.device()).dtype(torch::kFloat64));
  sampler_.copy_(position_tensor(generator));
  priority.index_fill_(0, labels, 2);  // before all others
  return std::get<0>(std::get<1>(priority.topk(count)).sort());
}

ProxyLoss::Step ProxyLoss::step(const Comparison& comparison, const Tuples& tuples, bool anchors_only) {
  const auto function = std::string(name()) + " loss";
  const auto &x = comparison.embeddings, &labels = comparison.labels;
  const auto dim = proxies_.size(1);
  detail::check_shape(function, "embeddings", x, {x.size(0), dim});
  Step step{.rows = proxies_.to(x.scalar_type()),
            .classes = {},
            .targets = labels,
            .labels = labels,
            .weights = occurrences(function, comparison, tuples, anchors_only)};
  if (sampler_.defined()) {
    step.classes = sample_classes(labels);
    step.targets = torch::searchsorted(step.classes, labels);
    step.rows = step.rows.view({num_classes_, per_class_ * dim}).index_select(0, step.classes).view({-1, dim});
  } else {
    step.classes = torch::arange(num_classes_, labels.options());
  }
  return step;
}

torch::Tensor ProxyLoss::by_sample(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& step,
                                   const DistanceOptions& distance, const ReducerOptions& reducer, const RowFunction& losses,
                                   const std::vector<torch::Tensor>& parameters) {
  // Targets say which class is whose: an empty relation, which takes no memory, spares the comparison of labels.
  const auto none = torch::zeros({1}, step.labels.options().dtype(torch::kBool)).expand({embeddings.size(0), rows.size(0)});
  const Comparison comparison{.embeddings = embeddings,
                              .labels = step.labels,
                              .reference = Reference{.embeddings = rows},
                              .relation = Relation{.positive = none, .negative = none}};
  return pairwise_loss(
      comparison, {}, {.distance = distance, .similarities = true, .reducer = reducer}, parameters,
      [losses, targets = step.targets, weights = step.weights](const PairBlock& block, const std::vector<torch::Tensor>& learned) {
        const auto count = block.values.size(0);
        auto values = losses(block.values, targets.narrow(0, block.first, count).unsqueeze(1), block.first, learned);
        if (weights.defined()) values = values * weights.narrow(0, block.first, count);
        return std::vector<Elements>{{values}};
      });
}

torch::Tensor ProxyLoss::cross_entropy(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& step,
                                       const ReducerOptions& reducer, const RowFunction& logits,
                                       const std::vector<torch::Tensor>& parameters) {
  return by_sample(
      embeddings, rows, step, {.kind = Distance::dot}, reducer,
      [logits](const torch::Tensor& products, const torch::Tensor& targets, std::int64_t first,
               const std::vector<torch::Tensor>& learned) {
        return torch::cross_entropy_loss(logits(products, targets, first, learned), targets.squeeze(1), {}, at::Reduction::None);
      },
      parameters);
}

namespace detail {

torch::Tensor sine(const torch::Tensor& cosines) {
  const auto squares = 1 - cosines.square();
  const auto end = squares <= 0;
  return squares.masked_fill(end, 1).sqrt().masked_fill(end, 0);
}

}  // namespace detail
}  // namespace diva::inline v0_1
