#pragma once

#include <diva/metrics/evaluate.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// One optimisation step is done.
struct StepEvent {
  std::int64_t epoch = 0;  ///< From 0 on.
  std::int64_t epochs = 0;
  std::int64_t batch = 0;    ///< Of this epoch, from 0 on.
  std::int64_t batches = 0;  ///< In an epoch.
  std::int64_t step = 0;     ///< Since the beginning of the run, from 1 on.
  double loss = 0;
  std::vector<std::pair<std::string, double>> terms = {};  ///< Loss of each head, unweighted.
  double learning_rate = 0;
  double images_per_second = 0;  ///< Over the last steps.
  double seconds_left = 0;       ///< Until the last step, evaluations not counted.
  std::int64_t memory = 0;       ///< Bytes of the process that are in memory; 0 where the system does not tell.
};

/// Metrics of one combination of heads.
struct EvaluationRow {
  std::string combination;
  MetricValues values;
};

/// An evaluation is done.
struct EvaluationEvent {
  std::int64_t epoch = 0;  ///< Epochs that were trained before it.
  std::int64_t epochs = 0;
  std::vector<EvaluationRow> rows = {};
  double seconds = 0;
};

/// A checkpoint is safely on disk.
struct CheckpointEvent {
  std::string path;
  std::int64_t step = 0;
};

/// Something that a person should know and that does not stop the run; also where it was resumed or stopped.
struct WarningEvent {
  std::string text;
};

/// Sees what happens in a run; the training loop itself prints and writes nothing but checkpoints. Called from the training thread.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on(const StepEvent&) {}
  virtual void on(const EvaluationEvent&) {}
  virtual void on(const CheckpointEvent&) {}
  virtual void on(const WarningEvent&) {}
};

}  // namespace diva::inline v0_1
