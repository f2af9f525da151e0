#include "learner.hpp"

#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/core/json.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/training/checkpoint.hpp>
#include <diva/training/trainer.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>

namespace diva::inline v0_1 {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Bytes of this process that are in memory.
std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
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
void check_recipe(const std::string& path, const std::string& saved, const std::string& wanted) {
  const auto different = recipe_differences(saved, wanted, "epochs", path);
  if (different.empty()) return;
  detail::fail<OptionError>("train", "the recipe", "that of the checkpoint '" + path + "' to resume it",
                            fmt::format("others for {}", fmt::join(different, ", ")));
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
        learner_(options, training_->dataset().num_classes(), run.device, generator_),
        sampler_(make_sampler(options.sampler, sampler_data(), generator_.fork(detail::sampler_stream))),
        loader_(training_, options.augmentation, generator_.fork(detail::loader_stream), loader_options(learner_.views())),
        evaluation_loader_(evaluation_, options.augmentation, generator_.fork(detail::loader_stream), loader_options(1)),
        combinations_(chosen_combinations(options.evaluation, options.network.heads)),
        selection_(selection(options.evaluation, options.network.heads)) {
    if (!options.weights.empty() && !resumes()) load_start_weights();
    learner_.begin(sampler_->batch_size());
  }

  TrainingResult train() {
    if (resumes()) restore();
    warn_of_excluded_classes();
    if (options_.cache_features) {
      training_labels_ = torch::tensor(training_->dataset().labels(), torch::kInt64);
      training_features_ =
          pooled_features(learner_.network(), loader_, options_.evaluation.batch_size, training_->size(), run_.device);
      evaluation_features_ =
          pooled_features(learner_.network(), evaluation_loader_, options_.evaluation.batch_size, evaluation_->size(), run_.device);
    }
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
    auto& network = learner_.evaluated();
    network.train(true);
    return {std::move(network), std::move(evaluations_), step_, !stopped};
  }

 private:
  // Trains the rest of an epoch; false when it was asked to stop.
  bool train_epoch(std::int64_t batches) {
    if (batch_ == 0 && learner_.needs_clusters(epoch_)) learner_.cluster(features_of_training_images(), epoch_);
    if (sampler_->needs_features(epoch_)) sampler_->refresh(embeddings_of_training_images());
    sampler_->start_epoch(epoch_);
    learner_.begin_epoch(epoch_);
    if (!options_.cache_features) {
      loader_.start_training(
          epoch_, batches, [this](std::int64_t i) { return sampler_->batch(epoch_, i); }, batch_);
    }
    auto mark = Clock::now();
    double seconds_per_image = 0;
    while (batch_ < batches) {
      StepEvent event{.epoch = epoch_, .epochs = options_.epochs, .batches = batches};
      const auto first = batch_, images = train_step(batches, event);
      event.batch = batch_ - 1;
      event.step = step_;
      const double seconds = seconds_since(mark) / static_cast<double>(images);
      mark = Clock::now();
      // A moving average over about twenty steps; the first step alone at the start.
      seconds_per_image = seconds_per_image == 0 ? seconds : 0.95 * seconds_per_image + 0.05 * seconds;
      event.images_per_second = 1 / seconds_per_image;
      const auto left = static_cast<double>((options_.epochs - epoch_) * batches - batch_);
      event.seconds_left = seconds_per_image * left * static_cast<double>(images) / static_cast<double>(batch_ - first);
      event.memory = resident_bytes();
      notify(event);
      if (run_.stop && run_.stop()) return false;
      const bool due = (run_.checkpoint_steps > 0 && step_ % run_.checkpoint_steps == 0) ||
                       seconds_since(saved_at_) > 60 * run_.checkpoint_minutes;
      if (due && batch_ < batches) save({.step = step_, .epoch = epoch_}, batch_);
    }
    return true;
  }

  // One step of the optimiser, by as many batches as it takes; returns their images.
  std::int64_t train_step(std::int64_t batches, StepEvent& event) {
    const auto count = std::min(options_.accumulate, batches - batch_);
    const double share = 1 / static_cast<double>(count);
    std::int64_t images = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      event.batch = batch_;
      const auto batch = next_batch();
      const auto losses = learner_.gradients(batch, epoch_, batch_, share);
      event.loss += share * losses.total;
      for (std::size_t term = 0; term < losses.terms.size(); ++term) {
        if (i == 0) event.terms.emplace_back(losses.terms[term].first, 0);
        event.terms[term].second += share * losses.terms[term].second;
      }
      if (!std::isfinite(losses.total)) fail_diverged(batch, event);
      if (sampler_->takes_updates()) sampler_->update(batch.indices, learner_.embeddings().at(feature_head()));
      images += batch.labels.size(0);
      ++batch_;
    }
    learner_.update({step_, (batches + options_.accumulate - 1) / options_.accumulate, options_.epochs, history_});
    event.learning_rate = learner_.learning_rate();
    ++step_;
    return images;
  }

  // Of the loader, or of the features that were computed once.
  Batch next_batch() {
    if (!options_.cache_features) return *loader_.next();
    const auto indices = torch::tensor(sampler_->batch(epoch_, batch_), torch::kInt64);
    return {.images = training_features_.index_select(0, indices.to(run_.device)),
            .second_view = {},
            .labels = training_labels_.index_select(0, indices),
            .indices = indices,
            .number = batch_};
  }

  // What samplers choose by: the head that the criterion judges.
  [[nodiscard]] std::string feature_head() const {
    const auto head = learner_.objective().criterion_head();
    return head.empty() ? options_.network.heads.front() : head;
  }

  // Of all training images, by their evaluation views.
  torch::Tensor embeddings_of_training_images() {
    if (options_.cache_features) return embed_features(learner_.network(), training_features_).at(feature_head());
    Loader loader(training_, options_.augmentation, generator_.fork(detail::loader_stream), loader_options(1));
    return embed(learner_.network(), loader, options_.evaluation.batch_size, training_->size(), run_.device)
        .embeddings.at(feature_head());
  }

  torch::Tensor features_of_training_images() {
    if (options_.cache_features) return training_features_;
    Loader loader(training_, options_.augmentation, generator_.fork(detail::loader_stream), loader_options(1));
    return pooled_features(learner_.network(), loader, options_.evaluation.batch_size, training_->size(), run_.device);
  }

  static Embeddings embed_features(Network& network, const torch::Tensor& features) {
    const torch::NoGradGuard no_gradient;
    auto embeddings = network.heads().forward(features);
    for (auto& [name, values] : embeddings) values = values.to(torch::kCPU);
    return embeddings;
  }

  SamplerData sampler_data() {
    SamplerData data{.labels = training_->dataset().labels()};
    const auto categories = categories_of(training_->dataset().class_names);
    for (const auto label : data.labels) data.categories.push_back(categories[static_cast<std::size_t>(label)]);
    data.criterion = [this](const torch::Tensor& features, const torch::Tensor& labels, Generator& generator) {
      return learner_.objective().criterion(features.to(run_.device), labels.to(run_.device), generator).item<double>();
    };
    data.hardness = [this](const torch::Tensor& features, const torch::Tensor& labels, Generator& generator) {
      const auto tuples = learner_.objective().mine_first(features.to(run_.device), labels.to(run_.device), generator);
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

  EmbeddedSet embedded_evaluation_images() {
    auto& network = learner_.evaluated();
    if (!options_.cache_features)
      return embed(network, evaluation_loader_, options_.evaluation.batch_size, evaluation_->size(), run_.device);
    EmbeddedSet set;
    set.embeddings = embed_features(network, evaluation_features_);
    set.labels = torch::tensor(evaluation_->dataset().labels(), torch::kInt64);
    set.roles = evaluation_samples(evaluation_->dataset());
    return set;
  }

  void evaluate_now() {
    const auto start = Clock::now();
    const auto set = embedded_evaluation_images();
    EvaluationEvent event{.epoch = epoch_ + 1, .epochs = options_.epochs};
    event.rows = evaluate_combinations(set, combinations_, options_.evaluation.metrics, generator_.fork(detail::evaluation_stream));
    event.seconds = seconds_since(start);
    const double value = value_of(event.rows, selection_);
    const bool best = std::all_of(history_.begin(), history_.end(), [&](double earlier) { return value > earlier; });
    history_.push_back(value);
    evaluations_.push_back(event);
    notify(event);
    if (best && run_.keep_best) save_best();
  }

  // What every file of a run begins with.
  State described() const {
    State state;
    state.put("format", std::string(checkpoint_format));
    state.put("recipe", diva::to_json(options_).dump());
    state.put("evaluations", to_json(evaluations_).dump());
    return state;
  }

  void save_best() {
    auto state = described();
    state.put(options_.average_decay > 0 ? "average" : "network", learner_.evaluated().state());
    write(best_path(run_.folder), state);
  }

  // A disk that is full does not end a run, whose former files stay as they are; the next checkpoint may fit again.
  bool write(const std::string& path, const State& state) {
    try {
      std::filesystem::create_directories(run_.folder);
      write_safetensors(path, state);
      return true;
    } catch (const std::exception& error) {
      notify(WarningEvent{fmt::format("'{}' was not written, what was there stays: {}", path, error.what())});
      return false;
    }
  }

  void save(Progress progress, std::int64_t batch) {
    saved_at_ = Clock::now();
    if (run_.folder.empty()) return;
    auto state = described();
    state.put("position.step", progress.step);
    state.put("position.epoch", progress.epoch);
    state.put("position.batch", batch);
    learner_.save(state);
    state.put("sampler", sampler_->state());
    const auto path = checkpoint_path(run_.folder);
    if (!write(path, state)) return;
    if (run_.keep_last > 0) keep(progress.step);
    notify(CheckpointEvent{path, progress.step});
  }

  // The checkpoint under a second name, and the oldest of these removed.
  void keep(std::int64_t step) {
    namespace fs = std::filesystem;
    std::error_code failed;
    const auto name = [](std::int64_t number) { return fmt::format("checkpoint-{:010}.safetensors", number); };
    const auto kept = fs::path(run_.folder) / name(step);
    fs::remove(kept, failed);
    fs::create_hard_link(checkpoint_path(run_.folder), kept, failed);
    if (failed) fs::copy_file(checkpoint_path(run_.folder), kept, fs::copy_options::overwrite_existing, failed);
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(run_.folder)) {
      const auto file = entry.path().filename().string();
      if (file.starts_with("checkpoint-") && file.size() == name(0).size()) all.push_back(entry.path());
    }
    std::sort(all.begin(), all.end());
    for (std::size_t i = 0; i + static_cast<std::size_t>(run_.keep_last) < all.size(); ++i) fs::remove(all[i], failed);
  }

  void restore() {
    const auto path = checkpoint_path(run_.folder);
    const auto state = read_checkpoint(path);
    check_recipe(path, state.text("recipe"), diva::to_json(options_).dump());
    learner_.restore(state);
    sampler_->restore(state.child("sampler"));
    evaluations_ = evaluations_from_json(parse_json(state.text("evaluations"), path), options_.epochs);
    for (const auto& evaluation : evaluations_) history_.push_back(value_of(evaluation.rows, selection_));
    step_ = state.integer("position.step");
    epoch_ = state.integer("position.epoch");
    batch_ = state.integer("position.batch");
    notify(WarningEvent{fmt::format("resumed at step {}", step_)});
  }

  [[nodiscard]] bool resumes() const {
    return run_.resume && !run_.folder.empty() && std::filesystem::exists(checkpoint_path(run_.folder));
  }

  void load_start_weights() {
    const auto report = load_weights(learner_.network().backbone(), read_weights(options_.weights));
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
  detail::Learner learner_;
  std::unique_ptr<Sampler> sampler_;
  Loader loader_;
  Loader evaluation_loader_;
  std::vector<Combination> combinations_;
  Selection selection_;
  torch::Tensor training_features_, training_labels_, evaluation_features_;  // of frozen backbones, where they are computed once
  std::vector<EvaluationEvent> evaluations_;
  std::vector<double> history_;  // the selected value of each
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

}  // namespace diva::inline v0_1
