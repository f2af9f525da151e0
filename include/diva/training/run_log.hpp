#pragma once

#include <diva/io/csv.hpp>
#include <diva/io/event_file.hpp>
#include <diva/training/events.hpp>

#include <optional>
#include <string>

namespace diva::inline v0_1 {

/// Writes a run's numbers into its folder: `train.csv`, a row a step (step, epoch, loss, a column a term, learning_rate), and
/// `evaluation.csv`, a row for each combination and evaluation (epoch, combination, a column a metric); `events.jsonl`, an object a
/// line for all of it, with rate, memory, checkpoints, warnings and the time in seconds since 1970; and scalars for TensorBoard, an
/// event file a process: train/loss, terms/TERM, train/learning_rate, system/images_per_second and system/memory_gib by step, and
/// METRIC/COMBINATION by the step of its evaluation. examples/wandb_run.py makes a run of Weights & Biases of events.jsonl.
///
/// A resumed run goes on in the same files: rows after the step and epoch where it resumes are dropped first, so no step is there
/// twice; TensorBoard drops them by itself. A new run removes the files of an earlier one.
class RunLog : public Observer {
 public:
  /// `resumed_step` 0 starts anew. Throws IoError when the files cannot be written, or are of a run with other columns.
  explicit RunLog(std::string folder, std::int64_t resumed_step = 0, std::int64_t resumed_epoch = 0);
  void on(const StepEvent& event) override;
  void on(const EvaluationEvent& event) override;
  void on(const CheckpointEvent& event) override;
  void on(const WarningEvent& event) override;

 private:
  void append_line(const std::string& text);

  std::string folder_;
  std::optional<detail::Descriptor> lines_;
  std::optional<CsvWriter> steps_;
  std::optional<CsvWriter> evaluations_;
  std::optional<EventFile> events_;
  std::int64_t step_;
};

}  // namespace diva::inline v0_1
