#pragma once

#include <diva/data/splits.hpp>
#include <diva/training/trainer.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// What chooses the epoch of which a run reports.
enum class Protocol {
  validation,  ///< Classes held back from training; the test side is looked at once.
  paper,       ///< The test side itself, as the published numbers of this field were made: an optimistic choice.
  kfold,       ///< As many trainings as folds of the training classes, each choosing by its fold; ensembles of their networks.
};

constexpr auto enumerators(Protocol) {
  return std::array{std::pair{Protocol::validation, "validation"}, std::pair{Protocol::paper, "paper"},
                    std::pair{Protocol::kfold, "kfold"}};
}

/// What is held back for validation.
enum class HoldBack {
  classes,  ///< Whole classes, as at test time.
  samples,  ///< Images of each class.
};

constexpr auto enumerators(HoldBack) {
  return std::array{std::pair{HoldBack::classes, "class"}, std::pair{HoldBack::samples, "sample"}};
}

struct ProtocolOptions {
  Protocol name = Protocol::validation;
  double train_share = 0.8;  ///< Of `validation`: share of the training side that trains; the seed's `--train_val_split`.
  HoldBack hold_back = HoldBack::classes;  ///< Of `validation`.
  std::int64_t folds = 4;                  ///< Of `kfold`.
  std::vector<std::int64_t> seeds = {};  ///< One run for each; none: TrainingOptions::seed alone. The split does not depend on it.
  bool search_weights = true;  ///< Also search the heads' weights on the held-back classes, where there are several heads.
};

template <class Visitor>
void describe(ProtocolOptions& options, Visitor&& visit) {
  visit("name", options.name, "what chooses the epoch: validation, paper (the test side) or kfold", any_value);
  visit("train_share", options.train_share, "of validation: share of the training side that trains",
        Bounds{.lower = 0, .upper = 1, .lower_open = true, .upper_open = true});
  visit("hold_back", options.hold_back, "of validation: whole classes, or images of each class", any_value);
  visit("folds", options.folds, "of kfold", at_least(2));
  visit("seeds", options.seeds, "one run for each; none: the recipe's seed", non_negative);
  visit("search_weights", options.search_weights, "search the heads' weights on the held-back classes", any_value);
}

/// One number over several runs: their mean and their standard deviation with n − 1, 0 of a single run.
struct Spread {
  double mean = 0;
  double deviation = 0;
  bool operator==(const Spread&) const = default;
};
Spread spread_of(const std::vector<double>& values);

/// A row of a protocol's table.
struct ProtocolRow {
  std::string combination;
  std::vector<std::pair<std::string, Spread>> values;  ///< By metric.
};

struct ProtocolResult {
  std::vector<ProtocolRow> rows;
  std::int64_t runs = 0;  ///< That `rows` are the mean of.
  bool finished = false;  ///< False when a run was stopped; then there are no rows.
};

/// Makes the store of the images of a part of the data.
using MakeStore = std::function<std::shared_ptr<const ImageStore>(const Dataset&)>;

/// Trains by a protocol and tells of the test side.
///
/// | protocol   | trains on                  | chooses the epoch by       | rows                                              |
/// |------------|----------------------------|----------------------------|---------------------------------------------------|
/// | validation | share of the classes       | the others                 | each combination on the test side, once           |
/// | paper      | all training classes       | the test side              | each combination at its own best epoch            |
/// | kfold      | all folds but one, in turn | that fold                  | each combination, mean over the folds' networks;  |
/// |            |                            |                            | `ensemble of`: their embeddings concatenated      |
///
/// With validation and kfold, and several heads, the row `searched …` has the weights that search_head_weights found on the
/// held-back classes; beside it stand the fixed ones of `evaluation.combinations`. Each run has a folder of its own under
/// `run.folder` where there are several: `run_sS`, `fold_F`, or `run_sS/fold_F`; each has `best.safetensors`, and may be resumed; the
/// folder of a seed has `test.csv` with its rows.
/// `observers` are told of all runs; `begin_run`, where given, of the folder of each before it begins.
///
/// Source:  folds and ensembles: Musgrave, Belongie, Lim, A Metric Learning Reality Check, ECCV 2020, section 3.3; arXiv
///          2003.08505.
/// Differs: there the networks' numbers of four folds stand beside those of the concatenation, as here; the epoch of each was found
///          by a search over hyper-parameters, which is left to the user.
/// Throws:  as train, validation_split and class_folds.
ProtocolResult run_protocol(const TrainingOptions& options, const ProtocolOptions& protocol, const Split& data,
                            const MakeStore& make_store, const RunOptions& run,
                            const std::function<std::vector<Observer*>(const std::string& folder)>& begin_run = {});

/// Weights of the heads that are best on a set by one metric: from equal weights on, each head's weight in turn takes each of 0,
/// 0.25, 0.5, 0.75, 1, 1.25, 1.5 and 2, and the best stays, until a whole round changes nothing.
///
/// Edge: ties keep what was there first. Cost: about 8·heads evaluations a round, rarely more than three rounds.
Combination search_head_weights(const EmbeddedSet& set, const std::vector<std::string>& heads, const std::string& metric,
                                const Generator& generator);

}  // namespace diva::inline v0_1
