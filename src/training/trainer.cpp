#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/ssl/key_queue.hpp>
#include <diva/ssl/momentum.hpp>
#include <diva/training/checkpoint.hpp>
#include <diva/training/trainer.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <optional>

namespace diva {
namespace {

using Clock = std::chrono::steady_clock;

// Streams of the run's generator; a new use takes a new number, so that old seeds keep their meaning.
enum Stream : std::uint64_t { network_stream, objective_stream, sampler_stream, loader_stream, mining_stream, evaluation_stream };

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string checkpoint_path(const std::string& folder) { return folder + "/checkpoint.safetensors"; }

std::vector<ParameterGroup> parameter_groups(const Network& network, const Objective& objective, const OptimizerOptions& options) {
  ParameterGroup trunk{"network", {}, options.learning_rate, options.weight_decay};
  ParameterGroup heads{"heads", {}, options.head_learning_rate, options.weight_decay};
  for (const auto& parameter : network.named_parameters()) {
    const bool separate = options.head_learning_rate >= 0 && parameter.name.starts_with("head.");
    (separate ? heads : trunk).parameters.push_back(parameter);
  }
  std::vector<ParameterGroup> groups = {std::move(trunk)};
  if (!heads.parameters.empty()) groups.push_back(std::move(heads));
  for (auto& group : objective.groups()) {
    groups.push_back(
        {group.name, std::move(group.parameters), group.learning_rate < 0 ? options.learning_rate : group.learning_rate});
  }
  return groups;
}

nlohmann::ordered_json to_json(const std::vector<EvaluationEvent>& evaluations) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& evaluation : evaluations) {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& row : evaluation.rows) rows.push_back({{"combination", row.combination}, {"values", row.values}});
    list.push_back({{"epoch", evaluation.epoch}, {"rows", rows}});
  }
  return list;
}

std::vector<EvaluationEvent> evaluations_from_json(const nlohmann::ordered_json& list, std::int64_t epochs) {
  std::vector<EvaluationEvent> evaluations;
  for (const auto& item : list) {
    EvaluationEvent event{.epoch = item.at("epoch").get<std::int64_t>(), .epochs = epochs};
    for (const auto& row : item.at("rows"))
      event.rows.push_back({row.at("combination").get<std::string>(), row.at("values").get<MetricValues>()});
    evaluations.push_back(std::move(event));
  }
  return evaluations;
}

// A checkpoint may be continued for more epochs, but not with another recipe.
void check_recipe(const std::string& path, nlohmann::ordered_json saved, nlohmann::ordered_json wanted) {
  saved.erase("epochs");
  wanted.erase("epochs");
  std::vector<std::string> different;
  for (const auto& change : nlohmann::ordered_json::diff(saved, wanted)) different.push_back(change.at("path").get<std::string>());
  if (!different.empty()) {
    detail::fail<OptionError>("train", "the recipe", "that of the checkpoint '" + path + "' to resume it",
                              fmt::format("others for {}", fmt::join(different, ", ")));
  }
}

class Run {
 public:
  Run(const TrainingOptions& options, std::shared_ptr<const ImageStore> training, std::shared_ptr<const ImageStore> evaluation,
      const RunOptions& run)
      : options_(options),
        run_(run),
        generator_(static_cast<std::uint64_t>(options.seed)),
        training_(std::move(training)),
        evaluation_(std::move(evaluation)),
        network_(options.network, generator_.fork(network_stream)),
        objective_(options.objective, options.network.heads, training_->dataset().num_classes(), options.network.embed_dim,
                   generator_.fork(objective_stream)),
        sampler_(make_sampler(options.sampler, sampler_data(), generator_.fork(sampler_stream))),
        loader_(training_, options.augmentation, generator_.fork(loader_stream), loader_options(objective_.needs_keys() ? 2 : 1)),
        evaluation_loader_(evaluation_, options.augmentation, generator_.fork(loader_stream), loader_options(1)),
        combinations_(chosen_combinations(options.evaluation, options.network.heads)) {
    if (!options.weights.empty() && !resumes()) load_start_weights();
    network_.to(run_.device);
    objective_.to(run_.device);
    if (objective_.needs_keys()) {
      key_network_.emplace(network_.clone());
      queue_.emplace(options.objective.key_batches * sampler_->batch_size(), options.network.embed_dim);
    }
    optimizer_.emplace(parameter_groups(network_, objective_, options.optimizer));
  }

  TrainingResult train() {
    if (resumes()) restore();
    warn_of_excluded_classes();
    const auto batches = sampler_->batches_per_epoch();
    saved_at_ = Clock::now();
    bool stopped = false;
    for (; epoch_ < options_.epochs && !stopped; ++epoch_, batch_ = 0) {
      stopped = !train_epoch(batches);
      if (stopped) break;
      const bool last = epoch_ + 1 == options_.epochs;
      if (last || (epoch_ + 1) % options_.evaluation.every_epochs == 0) evaluate_now();
      save({.step = step_, .epoch = epoch_ + 1}, 0);
    }
    if (stopped) {
      save({.step = step_, .epoch = epoch_}, batch_);
      notify(WarningEvent{fmt::format("stopped after step {}{}", step_, run_.folder.empty() ? "" : "; resume to go on from here")});
    }
    return {std::move(network_), std::move(evaluations_), step_, !stopped};
  }

 private:
  // Trains the rest of an epoch; false when it was asked to stop.
  bool train_epoch(std::int64_t batches) {
    optimizer_->scale_learning_rates(multi_step_factor(options_.optimizer.milestones, options_.optimizer.gamma, epoch_));
    if (sampler_->needs_features(epoch_)) sampler_->refresh(training_features());
    sampler_->start_epoch(epoch_);
    loader_.start_training(
        epoch_, batches, [this](std::int64_t i) { return sampler_->batch(epoch_, i); }, batch_);
    auto mark = Clock::now();
    double seconds_per_step = 0;
    while (auto batch = loader_.next()) {
      StepEvent event{.epoch = epoch_,
                      .epochs = options_.epochs,
                      .batch = batch_,
                      .batches = batches,
                      .learning_rate = optimizer_->learning_rate()};
      train_step(*batch, event);
      ++batch_;
      event.step = ++step_;
      const double seconds = seconds_since(mark);
      mark = Clock::now();
      // A moving average over about twenty steps; the first step alone at the start.
      seconds_per_step = seconds_per_step == 0 ? seconds : 0.95 * seconds_per_step + 0.05 * seconds;
      event.images_per_second = static_cast<double>(batch->labels.size(0)) / seconds_per_step;
      event.seconds_left = seconds_per_step * static_cast<double>((options_.epochs - epoch_) * batches - batch_);
      notify(event);
      if (run_.stop && run_.stop()) return false;
      const bool due = (run_.checkpoint_steps > 0 && step_ % run_.checkpoint_steps == 0) ||
                       seconds_since(saved_at_) > 60 * run_.checkpoint_minutes;
      if (due && batch_ < batches) save({.step = step_, .epoch = epoch_}, batch_);
    }
    return true;
  }

  void train_step(const Batch& batch, StepEvent& event) {
    const auto labels = batch.labels.to(run_.device);
    const auto embeddings = network_.forward(normalise(batch.images.to(run_.device), options_.augmentation));
    torch::Tensor keys, queue;
    if (key_network_) {
      torch::NoGradGuard no_grad;
      key_network_->train(false);
      keys = key_network_->forward(normalise(batch.second_view.to(run_.device), options_.augmentation), "selfsimilarity");
      queue = queue_->keys().to(keys.options());
    }
    auto mining = generator_.fork(mining_stream).fork(static_cast<std::uint64_t>(epoch_)).fork(static_cast<std::uint64_t>(batch_));
    const auto value = objective_.forward(embeddings, labels, objective_.mine(embeddings, labels, mining), keys, queue);
    event.loss = value.total.item<double>();
    for (const auto& [name, term] : value.terms) event.terms.emplace_back(name, term.item<double>());
    if (!std::isfinite(event.loss)) fail_diverged(batch, event);

    optimizer_->zero_grad();
    value.total.backward();
    optimizer_->step();
    if (key_network_) {
      momentum_update(*key_network_, network_, options_.objective.key_momentum);
      queue_->push(keys);
    }
    if (sampler_->takes_updates()) sampler_->update(batch.indices, embeddings.at(feature_head()));
  }

  // What samplers choose by: the head that the criterion judges.
  [[nodiscard]] std::string feature_head() const {
    const auto head = objective_.criterion_head();
    return head.empty() ? options_.network.heads.front() : head;
  }

  // Of all training images, by their evaluation views.
  torch::Tensor training_features() {
    Loader loader(training_, options_.augmentation, generator_.fork(loader_stream), loader_options(1));
    return embed(network_, loader, options_.evaluation.batch_size, training_->size(), run_.device).embeddings.at(feature_head());
  }

  SamplerData sampler_data() {
    SamplerData data{.labels = training_->dataset().labels()};
    const auto categories = categories_of(training_->dataset().class_names);
    for (const auto label : data.labels) data.categories.push_back(categories[static_cast<std::size_t>(label)]);
    data.criterion = [this](const torch::Tensor& features, const torch::Tensor& labels, Generator& generator) {
      return objective_.criterion(features.to(run_.device), labels.to(run_.device), generator).item<double>();
    };
    data.hardness = [this](const torch::Tensor& features, const torch::Tensor& labels, Generator& generator) {
      const auto tuples = objective_.mine_first(features.to(run_.device), labels.to(run_.device), generator);
      std::vector<torch::Tensor> indices;
      if (const auto* triplets = std::get_if<Triplets>(&tuples)) {
        indices = {triplets->anchors, triplets->positives, triplets->negatives};
      } else if (const auto* pairs = std::get_if<Pairs>(&tuples)) {
        indices = {pairs->anchors, pairs->positives, pairs->negative_anchors, pairs->negatives};
      }
      return occurrence_weights(indices, features.size(0));
    };
    return data;
  }

  [[noreturn]] void fail_diverged(const Batch& batch, const StepEvent& event) const {
    std::string blamed = "the weighted sum";
    for (const auto& [name, value] : event.terms) {
      if (!std::isfinite(value)) {
        blamed = fmt::format("{} ({})", name, value);
        break;
      }
    }
    const auto* indices = batch.indices.data_ptr<std::int64_t>();
    detail::fail<DataError>("train", "the loss", "finite",
                            fmt::format("{} from {} in epoch {}, batch {}, of the samples {}", event.loss, blamed, event.epoch + 1,
                                        event.batch + 1, fmt::join(indices, indices + batch.indices.size(0), " ")));
  }

  void evaluate_now() {
    const auto start = Clock::now();
    const auto set = embed(network_, evaluation_loader_, options_.evaluation.batch_size, evaluation_->size(), run_.device);
    EvaluationEvent event{.epoch = epoch_ + 1, .epochs = options_.epochs};
    event.rows = evaluate_combinations(set, combinations_, options_.evaluation.metrics, generator_.fork(evaluation_stream));
    event.seconds = seconds_since(start);
    evaluations_.push_back(event);
    notify(event);
  }

  void save(Progress progress, std::int64_t batch) {
    saved_at_ = Clock::now();
    if (run_.folder.empty()) return;
    State state;
    state.put("format", std::string(checkpoint_format));
    state.put("recipe", diva::to_json(options_).dump());
    state.put("evaluations", to_json(evaluations_).dump());
    state.put("position.step", progress.step);
    state.put("position.epoch", progress.epoch);
    state.put("position.batch", batch);
    state.put("network", network_.state());
    state.put("objective", objective_.state());
    state.put("optimizer", optimizer_->state());
    if (key_network_) {
      state.put("key_network", key_network_->state());
      state.put("queue", queue_->state());
    }
    state.put("sampler", sampler_->state());
    std::filesystem::create_directories(run_.folder);
    write_safetensors(checkpoint_path(run_.folder), state);
    notify(CheckpointEvent{checkpoint_path(run_.folder), progress.step});
  }

  void restore() {
    const auto path = checkpoint_path(run_.folder);
    const auto state = read_checkpoint(path);
    check_recipe(path, parse_json(state.text("recipe"), path), diva::to_json(options_));
    network_.restore(state.child("network"));
    objective_.restore(state.child("objective"));
    optimizer_->restore(state.child("optimizer"));
    if (key_network_) {
      key_network_->restore(state.child("key_network"));
      queue_->restore(state.child("queue"));
    }
    sampler_->restore(state.child("sampler"));
    evaluations_ = evaluations_from_json(parse_json(state.text("evaluations"), path), options_.epochs);
    step_ = state.integer("position.step");
    epoch_ = state.integer("position.epoch");
    batch_ = state.integer("position.batch");
    notify(WarningEvent{fmt::format("resumed at step {}", step_)});
  }

  [[nodiscard]] bool resumes() const {
    return run_.resume && !run_.folder.empty() && std::filesystem::exists(checkpoint_path(run_.folder));
  }

  void load_start_weights() {
    const auto report = load_weights(network_.backbone(), read_weights(options_.weights));
    if (!report.whole()) {
      detail::fail<DataError>("train", fmt::format("the start weights '{}'", options_.weights),
                              "those of the backbone " + options_.network.backbone, report.text());
    }
    if (!report.complete()) notify(WarningEvent{fmt::format("'{}': {}", options_.weights, report.text())});
  }

  void warn_of_excluded_classes() {
    const auto& excluded = sampler_->excluded_classes();
    if (excluded.empty()) return;
    notify(WarningEvent{fmt::format("{} of {} classes {} and are never drawn, '{}' first", excluded.size(),
                                    training_->dataset().num_classes(), sampler_->exclusion(),
                                    training_->dataset().class_names[static_cast<std::size_t>(excluded.front())])});
  }

  template <class Event>
  void notify(const Event& event) {
    for (auto* observer : run_.observers) observer->on(event);
  }

  [[nodiscard]] LoaderOptions loader_options(std::int64_t views) const {
    auto options = run_.loader;
    options.views = views;
    if (run_.device.is_cuda()) options.bytes = true;  // a quarter of the bytes to carry over
    return options;
  }

  const TrainingOptions& options_;
  const RunOptions& run_;
  Generator generator_;
  std::shared_ptr<const ImageStore> training_;
  std::shared_ptr<const ImageStore> evaluation_;
  Network network_;
  Objective objective_;
  std::unique_ptr<Sampler> sampler_;
  Loader loader_;
  Loader evaluation_loader_;
  std::vector<Combination> combinations_;
  std::optional<Network> key_network_;
  std::optional<KeyQueue> queue_;
  std::optional<Optimizer> optimizer_;
  std::vector<EvaluationEvent> evaluations_;
  Clock::time_point saved_at_;
  std::int64_t epoch_ = 0;  // the epoch in work
  std::int64_t batch_ = 0;  // its next batch
  std::int64_t step_ = 0;   // steps done
};

}  // namespace

Progress checkpoint_progress(const std::string& folder) {
  if (folder.empty() || !std::filesystem::exists(checkpoint_path(folder))) return {};
  const auto state = read_checkpoint(checkpoint_path(folder));
  return {state.integer("position.step"), state.integer("position.epoch")};
}

TrainingResult train(const TrainingOptions& options, std::shared_ptr<const ImageStore> training,
                     std::shared_ptr<const ImageStore> evaluation, const RunOptions& run) {
  validate_fields("train", options);
  return Run(options, std::move(training), std::move(evaluation), run).train();
}

}  // namespace diva
