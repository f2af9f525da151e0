#pragma once

#include <torch/types.h>
#include <diva/core/state.hpp>
#include <diva/training/network.hpp>
#include <diva/training/trainer.hpp>

#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// The format that a checkpoint names, as the text `format`.
inline constexpr auto checkpoint_format = "diva checkpoint 1";

/// Where a run's folder keeps its last state, and the network of its best evaluation.
std::string checkpoint_path(const std::string& folder);
std::string best_path(const std::string& folder);

/// A checkpoint as it is on the disk: the texts `format`, `recipe` (TrainingOptions in JSON) and `evaluations`, the tensors of
/// `network`, `objective`, `optimizer`, `key_network`, `queue`, `average`, `scaler`, `clusters`, `sampler` and `position`. Tensors
/// are the mapped file: those that are not used are not read.
///
/// Throws:  IoError with the file: missing, damaged, or another file than a checkpoint.
State read_checkpoint(const std::string& path);

/// A trained network and the recipe that it was trained by, which holds what its inputs must be (`recipe.augmentation`).
struct TrainedNetwork {
  Network network;  ///< In evaluation mode.
  TrainingOptions recipe;
};

/// The network of a checkpoint that `train` wrote, with its weights on `device`: their moving average where the recipe has one.
///
/// Throws:  IoError (as read_checkpoint), OptionError (a recipe that this version does not know), DataError (tensors that do not
///          fit the recipe's network).
TrainedNetwork load_network(const std::string& path, torch::Device device = torch::kCPU);

/// The fields, as JSON pointers, in which two recipes (TrainingOptions in JSON) differ, but for the field `left_out`.
/// OptionError with `path` for a text that is no JSON.
std::vector<std::string> recipe_differences(const std::string& one, const std::string& other, const std::string& left_out,
                                            const std::string& path);

}  // namespace diva::inline v0_1
