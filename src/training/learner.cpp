#include "learner.hpp"

#include <fmt/format.h>
#include <torch/utils.h>
#include <diva/core/json.hpp>
#include <diva/losses/grad_cache.hpp>
#include <diva/ssl/momentum.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace diva::inline v0_1::detail {
namespace {

std::vector<ParameterGroup> parameter_groups(const Network& network, const Objective& objective, const OptimizerOptions& options) {
  ParameterGroup trunk{"network", {}, options.learning_rate, options.weight_decay};
  ParameterGroup heads{
      "heads", {}, options.head_learning_rate < 0 ? options.learning_rate : options.head_learning_rate, options.weight_decay};
  const bool apart = options.head_learning_rate >= 0 || parse_json(options.groups, "optimizer.groups").contains("heads");
  for (const auto& parameter : network.named_parameters())
    (apart && parameter.name.starts_with("head.") ? heads : trunk).parameters.push_back(parameter);
  std::vector<ParameterGroup> groups = {std::move(trunk)};
  if (apart) groups.push_back(std::move(heads));
  for (auto& group : objective.groups()) {
    const double rate = group.learning_rate < 0 ? options.learning_rate * group.factor : group.learning_rate;
    groups.push_back({group.name, std::move(group.parameters), rate});
  }
  apply_group_options(options, groups);
  return groups;
}

// A part of the network that is not trained.
struct Frozen {
  std::string prefix;
  std::int64_t epochs = -1;  // for ever

  explicit Frozen(const std::string& text) : prefix(text.substr(0, text.find(':'))) {
    if (prefix.size() == text.size()) return;
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + prefix.size() + 1, end, epochs);
    if (error != std::errc() || rest != end || epochs < 1)
      fail<OptionError>("train", "frozen", "PREFIX, or PREFIX:EPOCHS with at least 1", "'" + text + "'");
  }
  [[nodiscard]] bool at(std::int64_t epoch) const { return epochs < 0 || epoch < epochs; }
  [[nodiscard]] bool holds(const std::string& name) const { return name == prefix || name.starts_with(prefix + "."); }
};

void check(const TrainingOptions& options, const Network& network, torch::Device device) {
  { const Autocast possible(options.precision, device); }
  if (options.average_decay == 1) fail<OptionError>("train", "average_decay", "below 1", "1, which keeps the first weights");
  bool backbone = false;
  for (const auto& text : options.frozen) {
    const Frozen part(text);
    backbone |= part.prefix == "backbone" && part.epochs < 0;
    const auto parameters = network.named_parameters();
    if (std::none_of(parameters.begin(), parameters.end(), [&](const auto& parameter) { return part.holds(parameter.name); }))
      fail<OptionError>("train", "frozen", "the beginning of a parameter's name, such as backbone", "'" + part.prefix + "'");
  }
  if (!options.cache_features) return;
  if (!backbone) fail<OptionError>("train", "cache_features", "with frozen = [\"backbone\"]", "a backbone that is trained");
  for (const auto& head : options.network.heads) {
    if (head == "imrot" || head == "invariantspread")
      fail<OptionError>("train", "cache_features", "without heads that need other views of an image", "'" + head + "'");
  }
}

}  // namespace

// The views of a batch, on the CPU or wherever the loader left them.
struct Learner::Inputs {
  const Batch& batch;
  torch::Tensor quarters;  // [B], where images are also turned
};

Learner::Learner(const TrainingOptions& options, std::int64_t num_classes, torch::Device device, const Generator& run)
    : options_(options),
      device_(device),
      generator_(run),
      network_(options.network, run.fork(network_stream)),
      objective_(options.objective, options.network.heads, num_classes, options.network.embed_dim, run.fork(objective_stream),
                 network_.backbone().feature_dim()) {
  check(options, network_, device);
}

void Learner::begin(std::int64_t batch_size) {
  network_.to(device_);
  objective_.to(device_);
  if (objective_.needs_keys()) {
    key_network_.emplace(network_.clone());
    queue_.emplace(options_.objective.key_batches * batch_size, options_.network.embed_dim);
  }
  if (options_.average_decay > 0) average_.emplace(network_.clone());
  optimizer_.emplace(parameter_groups(network_, objective_, options_.optimizer), options_.optimizer);
}

void Learner::begin_epoch(std::int64_t epoch) {
  network_.train(true);
  for (auto& parameter : network_.parameters()) parameter.set_requires_grad(true);
  for (const auto& text : options_.frozen) {
    const Frozen part(text);
    if (!part.at(epoch)) continue;
    for (auto& [name, tensor] : network_.named_parameters()) {
      if (part.holds(name)) tensor.set_requires_grad(false);
    }
    if (part.prefix == "backbone") network_.backbone().train(false);
  }
}

bool Learner::needs_clusters(std::int64_t epoch) const {
  return objective_.needs_clusters() && epoch % options_.objective.cluster_epochs == 0;
}

void Learner::cluster(const torch::Tensor& features, std::int64_t epoch) {
  auto generator = generator_.fork(cluster_stream).fork(static_cast<std::uint64_t>(epoch));
  clusters_ = objective_.cluster(features, generator).to(torch::kCPU);
}

std::int64_t Learner::views() const { return objective_.needs_keys() || objective_.needs_second_view() ? 2 : 1; }

torch::Tensor Learner::features(Network& network, const torch::Tensor& images) const {
  auto there = images.to(device_);
  if (options_.cache_features) return there;
  const auto inputs = normalise(there, options_.augmentation);
  const Autocast cast(options_.precision, device_);
  return network.backbone().forward(inputs).to(torch::kFloat32);
}

// What the objective reads of these images, side by side: embeddings of all heads in the order of their names, then what dc, imrot
// and invariantspread read besides. One tensor, so that grad_cache can part the batch.
torch::Tensor Learner::columns(const Inputs& inputs, std::int64_t first, std::int64_t count) {
  const auto part = [&](const torch::Tensor& images) { return images.narrow(0, first, count); };
  std::vector<torch::Tensor> all;
  const auto pooled = features(network_, part(inputs.batch.images));
  for (auto& [name, embedding] : network_.heads().forward(pooled)) all.push_back(embedding);
  if (objective_.needs_clusters() && objective_.classifies_features()) all.push_back(pooled);
  if (objective_.needs_rotations()) {
    const auto turned = features(network_, rotated(part(inputs.batch.images), part(inputs.quarters)));
    all.push_back(objective_.classifies_features() ? turned : network_.heads().forward(turned, "imrot"));
  }
  if (objective_.needs_second_view())
    all.push_back(network_.heads().forward(features(network_, part(inputs.batch.second_view)), "invariantspread"));
  return all.size() == 1 ? all.front() : torch::cat(all, 1);
}

torch::Tensor Learner::keys_of(const Batch& batch) {
  const torch::NoGradGuard no_gradient;
  key_network_->train(false);
  const auto& images = options_.cache_features ? batch.images : batch.second_view;
  const auto chunk = options_.chunk_size > 0 ? options_.chunk_size : images.size(0);
  std::vector<torch::Tensor> keys;
  for (const auto& part : images.split(chunk))
    keys.push_back(key_network_->heads().forward(features(*key_network_, part), "selfsimilarity"));
  return torch::cat(keys);
}

Learner::Losses Learner::gradients(const Batch& batch, std::int64_t epoch, std::int64_t batch_number, double share) {
  const auto stream = [&](Stream name) {
    return generator_.fork(name).fork(static_cast<std::uint64_t>(epoch)).fork(static_cast<std::uint64_t>(batch_number));
  };
  const auto size = batch.labels.size(0);
  const auto labels = batch.labels.to(device_);
  Inputs inputs{batch, {}};
  PretextInputs pretext;
  if (objective_.needs_rotations()) {
    auto draws = stream(rotation_stream);
    inputs.quarters = (draws.uniform({size}) * 4).to(torch::kInt64);
    pretext.quarters = inputs.quarters.to(device_);
  }
  if (objective_.needs_clusters()) pretext.clusters = clusters_.index_select(0, batch.indices).to(device_);
  torch::Tensor keys, queue;
  if (key_network_) {
    keys = keys_of(batch);
    queue = queue_->keys().to(keys.options());
  }

  Losses losses;
  const auto loss_of = [&](const torch::Tensor& columns) {
    std::int64_t at = 0;
    const auto take = [&](std::int64_t width) {
      const auto part = columns.narrow(1, at, width);
      at += width;
      return part;
    };
    const auto dim = options_.network.embed_dim, feature_dim = network_.backbone().feature_dim();
    Embeddings embeddings;
    for (const auto& head : options_.network.heads) embeddings[head];  // in the order of their names, as in `columns`
    for (auto& [name, embedding] : embeddings) embedding = take(dim);
    if (pretext.clusters.defined() && objective_.classifies_features()) pretext.features = take(feature_dim);
    if (pretext.quarters.defined()) pretext.rotated = take(objective_.classifies_features() ? feature_dim : dim);
    if (objective_.needs_second_view()) pretext.second_view = take(dim);
    auto mining = stream(mining_stream);
    const auto value = objective_.forward(embeddings, labels, objective_.mine(embeddings, labels, mining), keys, queue, pretext);
    // One copy to the CPU for all numbers.
    std::vector<torch::Tensor> numbers = {value.total.detach()};
    for (const auto& [name, term] : value.terms) numbers.push_back(term);
    const auto read = torch::stack(numbers).to(torch::kCPU, torch::kFloat64);
    const auto* values = read.data_ptr<double>();
    losses.total = values[0];
    for (std::size_t i = 0; i < value.terms.size(); ++i) losses.terms.emplace_back(value.terms[i].first, values[i + 1]);
    embeddings_.clear();
    for (const auto& [name, embedding] : embeddings) embeddings_[name] = embedding.detach();
    if (!std::isfinite(losses.total)) return columns.new_zeros({});  // told by the caller, with nothing changed
    auto total = value.total;
    if (share != 1) total = total * share;
    return options_.precision == Precision::half ? scaler_.scale(total) : total;
  };

  const auto chunk = options_.chunk_size;
  if (chunk > 0 && chunk < size) {
    grad_cache((size + chunk - 1) / chunk,
               [&](std::int64_t i) { return columns(inputs, i * chunk, std::min(chunk, size - i * chunk)); }, loss_of,
               {.check = false});
  } else if (const auto total = loss_of(columns(inputs, 0, size)); total.requires_grad()) {
    total.backward();
  }
  if (keys.defined()) new_keys_.push_back(keys);
  return losses;
}

void Learner::update(const SchedulePosition& position) {
  optimizer_->schedule(position);
  if (options_.precision != Precision::half || scaler_.unscale(optimizer_->parameters())) optimizer_->step();
  optimizer_->zero_grad();
  const auto follow = [&](Network& follower, double momentum) {
    if (options_.cache_features) {  // the backbones stay equal
      momentum_update(follower.heads(), network_.heads(), momentum);
    } else {
      momentum_update(follower, network_, momentum);
    }
  };
  if (key_network_) follow(*key_network_, options_.objective.key_momentum);
  if (average_) follow(*average_, options_.average_decay);
  for (const auto& keys : new_keys_) queue_->push(keys);
  new_keys_.clear();
}

void Learner::save(State& state) const {
  state.put("network", network_.state());
  state.put("objective", objective_.state());
  state.put("optimizer", optimizer_->state());
  if (key_network_) {
    state.put("key_network", key_network_->state());
    state.put("queue", queue_->state());
  }
  if (average_) state.put("average", average_->state());
  if (options_.precision == Precision::half) state.put("scaler", scaler_.state());
  if (clusters_.defined()) state.put("clusters", clusters_);
}

void Learner::restore(const State& state) {
  network_.restore(state.child("network"));
  objective_.restore(state.child("objective"));
  optimizer_->restore(state.child("optimizer"));
  if (key_network_) {
    key_network_->restore(state.child("key_network"));
    queue_->restore(state.child("queue"));
  }
  if (average_) average_->restore(state.child("average"));
  if (options_.precision == Precision::half) scaler_.restore(state.child("scaler"));
  if (objective_.needs_clusters()) clusters_ = state.tensor("clusters").clone();
}

}  // namespace diva::inline v0_1::detail
