#include <diva/core/checks.hpp>
#include <diva/core/normalize.hpp>
#include <diva/decorrelation/adversarial_separation.hpp>
#include <diva/decorrelation/gradient_reversal.hpp>

#include <algorithm>
#include <cmath>

namespace diva::inline v0_1 {
namespace {

constexpr auto function = "AdversarialSeparation";

}  // namespace

DecorrelationEdge parse_edge(std::string_view text, double weight) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos || dash == 0 || dash + 1 == text.size() ||
      text.find('-', dash + 1) != std::string_view::npos) {
    detail::fail<OptionError>("parse_edge", "edge", "SOURCE-TARGET, two heads", text);
  }
  return {std::string(text.substr(0, dash)), std::string(text.substr(dash + 1)), weight};
}

std::vector<DecorrelationEdge> default_edges(const std::vector<std::string>& heads, double weight) {
  std::vector<DecorrelationEdge> edges;
  const std::string target = "discriminative";
  if (std::find(heads.begin(), heads.end(), target) == heads.end()) return edges;
  for (const auto& head : heads) {
    if (head != target) edges.push_back({head, target, weight});
  }
  return edges;
}

AdversarialSeparation::AdversarialSeparation(std::vector<DecorrelationEdge> edges, std::int64_t embed_dim,
                                             Generator& initialisation, const AdversarialSeparationOptions& options)
    : edges_(std::move(edges)), embed_dim_(embed_dim), learning_rate_(options.learning_rate) {
  validate_fields(function, options);
  if (embed_dim < 1) detail::fail<OptionError>(function, "embed_dim", "at least 1", std::to_string(embed_dim));
  const auto draw = [&](torch::IntArrayRef sizes, std::int64_t fan_in) {
    return (initialisation.uniform(sizes) * 2 - 1).div_(std::sqrt(static_cast<double>(fan_in))).requires_grad_();
  };
  for (const auto& edge : edges_) {
    if (!(edge.weight >= 0)) detail::fail<OptionError>(function, "ρ of " + edge.name(), "at least 0", std::to_string(edge.weight));
    if (edge.source == edge.target) detail::fail<OptionError>(function, "edge", "between two different heads", edge.name());
    regressors_.push_back({draw({options.hidden_dim, embed_dim}, embed_dim), draw({options.hidden_dim}, embed_dim),
                           draw({embed_dim, options.hidden_dim}, options.hidden_dim), draw({embed_dim}, options.hidden_dim)});
  }
}

torch::Tensor AdversarialSeparation::forward(const std::map<std::string, torch::Tensor>& embeddings) const {
  std::map<std::string, torch::Tensor> reversed;
  const auto head = [&](const std::string& name) -> const torch::Tensor& {
    auto [entry, is_new] = reversed.try_emplace(name);
    if (is_new) {
      const auto found = embeddings.find(name);
      if (found == embeddings.end())
        detail::fail<OptionError>(function, "embeddings", "given for head '" + name + "'", "none of that name");
      detail::check_embeddings(function, found->second, "head '" + name + "'");
      detail::check_shape(function, "head '" + name + "'", found->second, {found->second.size(0), embed_dim_});
      entry->second = l2_normalize(gradient_reversal(found->second));
    }
    return entry->second;
  };
  torch::Tensor total;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const auto& [weight0, bias0, weight2, bias2] = regressors_[i];
    const auto& target = head(edges_[i].target);
    const auto predicted =
        l2_normalize(torch::linear(torch::linear(head(edges_[i].source), weight0, bias0).relu(), weight2, bias2));
    const auto count = static_cast<double>(std::max<std::int64_t>(target.numel(), 1));
    const auto term = (target * predicted).square().sum() * (-edges_[i].weight / count);
    total = total.defined() ? total + term : term;
  }
  if (total.defined()) return total;
  return embeddings.empty() ? torch::zeros({}) : torch::zeros({}, embeddings.begin()->second.options());
}

std::vector<NamedTensor> AdversarialSeparation::named_parameters() const {
  std::vector<NamedTensor> result;
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const auto prefix = "regressors." + edges_[i].name();
    const auto& [weight0, bias0, weight2, bias2] = regressors_[i];
    result.insert(result.end(), {{prefix + ".0.weight", weight0},
                                 {prefix + ".0.bias", bias0},
                                 {prefix + ".2.weight", weight2},
                                 {prefix + ".2.bias", bias2}});
  }
  return result;
}

std::vector<Listing> decorrelation_listings() {
  return {
      {"adversarial_separation",
       {"− Σ_(a→b) ρ_ab mean (ψ_b ⊙ MLP_ab(ψ_a))², gradients reversed", "Milbich, Roth et al., ECCV 2020", "O(B·D·hidden) an edge"},
       option_texts(AdversarialSeparationOptions{})}};
}

}  // namespace diva::inline v0_1
