#include <diva/core/checks.hpp>
#include <diva/losses/registry.hpp>
#include <diva/ssl/registry.hpp>
#include <diva/training/objective.hpp>

#include <algorithm>

namespace diva::inline v0_1 {
namespace {

constexpr auto discriminative = "discriminative", shared = "shared", intra = "intra", selfsimilarity = "selfsimilarity", dc = "dc",
               imrot = "imrot", invariantspread = "invariantspread";

template <class Map>
const auto& entry(const Map& map, const std::string& head, const char* argument) {
  const auto found = map.find(head);
  if (found == map.end())
    detail::fail<OptionError>("Objective::forward", argument, "given for head '" + head + "'", "none of that name");
  return found->second;
}

Miner miner_of(const std::string& head, const ObjectiveOptions& options) {
  if (head == shared) {
    return [settings = options.shared](const Comparison& batch, Generator& generator) -> Tuples {
      return shared_triplets(batch, generator, settings);
    };
  }
  if (head == intra) {
    return [settings = options.intra](const Comparison& batch, Generator& generator) -> Tuples {
      return intra_class_triplets(batch, generator, settings);
    };
  }
  return make_miner(options.miner, options.miner_options);
}

std::vector<NamedTensor> prefixed(const std::string& prefix, std::vector<NamedTensor> tensors) {
  const auto start = prefix + ".";
  for (auto& [name, tensor] : tensors) name.insert(0, start);
  return tensors;
}

}  // namespace

std::vector<DecorrelationEdge> decorrelation_edges(const ObjectiveOptions& options, const std::vector<std::string>& heads) {
  std::vector<DecorrelationEdge> edges;
  if (options.decorrelations == std::vector<std::string>{"default"}) {
    edges = default_edges(heads, 0);
  } else {
    for (const auto& edge : options.decorrelations) edges.push_back(parse_edge(edge, 0));
  }
  if (edges.empty()) return edges;
  if (options.rho.size() != 1 && options.rho.size() != edges.size()) {
    detail::fail<OptionError>("Objective", "rho", "one value, or one for each of " + std::to_string(edges.size()) + " edges",
                              std::to_string(options.rho.size()) + " values");
  }
  for (std::size_t i = 0; i < edges.size(); ++i) {
    edges[i].weight = options.rho.size() == 1 ? options.rho[0] : options.rho[i];
    for (const auto& end : {edges[i].source, edges[i].target}) {
      if (std::find(heads.begin(), heads.end(), end) == heads.end())
        detail::fail_unknown("Objective", "head of a decorrelation", end, heads);
    }
  }
  return edges;
}

Objective::Objective(const ObjectiveOptions& options, const std::vector<std::string>& heads, std::int64_t num_classes,
                     std::int64_t embed_dim, Generator initialisation, std::int64_t feature_dim)
    : alpha_ssl_(options.alpha_ssl),
      alpha_dc_(options.alpha_dc),
      alpha_imrot_(options.alpha_imrot),
      alpha_invariantspread_(options.alpha_invariantspread),
      pretext_(options.pretext),
      embed_dim_(embed_dim) {
  validate_fields("Objective", options);
  if (pretext_ != Variant::fixed && pretext_ != Variant::repo)
    detail::fail<OptionError>("Objective", "pretext", "fixed or repo", to_string(pretext_));
  const auto pretext_dim = pretext_ == Variant::repo ? feature_dim : embed_dim;
  for (const auto& head : heads) {
    if (head == discriminative || head == shared || head == intra) {
      auto loss =
          make_loss(options.loss, {.num_classes = num_classes, .embed_dim = embed_dim}, options.loss_options, initialisation);
      if (head != discriminative && !loss->takes_tuples()) {
        detail::fail<OptionError>("Objective", "loss",
                                  "a criterion of tuples for head '" + head + "', whose tuples are all that sets it apart",
                                  "'" + options.loss + "', which takes none");
      }
      const double alpha = head == discriminative ? 1 : head == shared ? options.alpha_shared : options.alpha_intra;
      criterion_heads_.push_back({head, alpha, std::move(loss), miner_of(head, options)});
    } else if (head == selfsimilarity) {
      self_similarity_ = make_self_similarity(options.ssl, options.ssl_options);
    } else if (head == dc) {
      clusters_ = std::make_unique<DeepClusterLoss>(pretext_dim, initialisation, options.dc);
    } else if (head == imrot) {
      rotation_ = std::make_unique<ImageRotationLoss>(pretext_dim, initialisation, options.imrot);
    } else if (head == invariantspread) {
      invariant_spread_ = std::make_unique<InvariantSpreadLoss>(options.invariantspread);
    } else {
      detail::fail_unknown("Objective", "head", head, {discriminative, selfsimilarity, shared, intra, dc, imrot, invariantspread});
    }
  }
  auto edges = decorrelation_edges(options, heads);
  if (!edges.empty()) {
    separation_ = std::make_unique<AdversarialSeparation>(std::move(edges), embed_dim, initialisation, options.separation);
  }
}

std::map<std::string, Tuples> Objective::mine(const Embeddings& embeddings, const torch::Tensor& labels,
                                              Generator& generator) const {
  std::map<std::string, Tuples> result;
  for (const auto& head : criterion_heads_) {
    if (head.loss->takes_tuples()) result[head.name] = head.miner({entry(embeddings, head.name, "embeddings"), labels}, generator);
  }
  return result;
}

Objective::Value Objective::forward(const Embeddings& embeddings, const torch::Tensor& labels,
                                    const std::map<std::string, Tuples>& tuples, const torch::Tensor& keys,
                                    const torch::Tensor& queue, const PretextInputs& pretext) const {
  Value value;
  const auto add = [&](const std::string& name, double weight, const torch::Tensor& term) {
    value.total = value.total.defined() ? value.total + weight * term : weight * term;
    value.terms.emplace_back(name, term.detach());
  };
  for (const auto& head : criterion_heads_) {
    const auto chosen = head.loss->takes_tuples() ? entry(tuples, head.name, "tuples") : Tuples();
    add(head.name, head.alpha, head.loss->forward(entry(embeddings, head.name, "embeddings"), labels, chosen));
  }
  if (self_similarity_) {
    add(selfsimilarity, alpha_ssl_, self_similarity_->forward(entry(embeddings, selfsimilarity, "embeddings"), keys, queue));
  }
  if (clusters_) {
    const auto& input = classifies_features() ? pretext.features : entry(embeddings, dc, "embeddings");
    add(dc, alpha_dc_, clusters_->forward(input, pretext.clusters));
  }
  if (rotation_) add(imrot, alpha_imrot_, rotation_->forward(pretext.rotated, pretext.quarters));
  if (invariant_spread_) {
    add(invariantspread, alpha_invariantspread_,
        invariant_spread_->forward(entry(embeddings, invariantspread, "embeddings"), pretext.second_view));
  }
  if (separation_) add("separation", 1, separation_->forward(embeddings));
  return value;
}

torch::Tensor Objective::cluster(const torch::Tensor& features, Generator& generator) {
  if (!clusters_) detail::fail<OptionError>("Objective::cluster", "heads", "dc among them", "none");
  clusters_->reset(generator);
  return deep_cluster_labels(features, clusters_->num_classes(), generator, {.dim = embed_dim_});
}

const Objective::CriterionHead& Objective::first_criterion() const {
  if (criterion_heads_.empty()) detail::fail<OptionError>("Objective", "heads", "one with a criterion", "none");
  return criterion_heads_.front();
}

torch::Tensor Objective::criterion(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator) const {
  const auto& head = first_criterion();
  const auto tuples = head.loss->takes_tuples() ? head.miner({embeddings, labels}, generator) : Tuples();
  return head.loss->forward(embeddings, labels, tuples);
}

Tuples Objective::mine_first(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator) const {
  return first_criterion().miner({embeddings, labels}, generator);
}

std::vector<Objective::Group> Objective::groups() const {
  std::vector<Group> groups;
  for (const auto& head : criterion_heads_) {
    groups.push_back({"loss." + head.name, prefixed("loss." + head.name, head.loss->named_parameters()),
                      head.loss->learning_rate().value_or(-1)});
  }
  if (self_similarity_) {
    groups.push_back({"loss.selfsimilarity", prefixed("loss.selfsimilarity", self_similarity_->named_parameters()),
                      self_similarity_->learning_rate()});
  }
  for (const PretextClassifier* classifier :
       {static_cast<PretextClassifier*>(clusters_.get()), static_cast<PretextClassifier*>(rotation_.get())}) {
    if (classifier == nullptr) continue;
    const auto name = "loss." + std::string(classifier->name());
    groups.push_back({name, prefixed(name, classifier->named_parameters()), -1, classifier->learning_rate_factor()});
  }
  if (separation_)
    groups.push_back({"decorrelation", prefixed("decorrelation", separation_->named_parameters()), separation_->learning_rate()});
  std::erase_if(groups, [](const Group& group) { return group.parameters.empty(); });
  return groups;
}

std::vector<NamedTensor> Objective::named_parameters() const {
  std::vector<NamedTensor> all;
  for (auto& group : groups()) all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  return all;
}

std::vector<NamedTensor> Objective::named_buffers() const {
  std::vector<NamedTensor> all;
  for (const auto& head : criterion_heads_) {
    for (auto& buffer : prefixed("loss." + head.name, head.loss->named_buffers())) all.push_back(std::move(buffer));
  }
  return all;
}

}  // namespace diva::inline v0_1
