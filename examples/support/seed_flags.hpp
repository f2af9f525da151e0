#pragma once

#include "support/program.hpp"

#include <diva/training.hpp>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace program {

/// A whole run in one file: the data set, the protocol, and then the fields of TrainingOptions.
struct Recipe {
  std::string dataset = "cub200";
  diva::ProtocolOptions protocol = {};
  diva::TrainingOptions training = {};
};

template <class Visitor>
void describe(Recipe& recipe, Visitor&& visit) {
  visit("dataset", recipe.dataset, "data set by name", diva::any_value);
  visit("protocol", recipe.protocol, "what chooses the epoch, and how often it is run", diva::any_value);
  describe(recipe.training, visit);
}

/// The flags that say what is trained: the reference's by their names and defaults, those of ours that it does not have, and
/// `--recipe FILE`. Each is declared once, with what it does to a recipe.
class RecipeFlags {
 public:
  explicit RecipeFlags(CLI::App& app);

  /// What the flags mean: over the reference's defaults, or over the file of `--recipe`, which only flags that were given change.
  /// Naming a criterion, miner, sampler or self-similarity there begins its options anew.
  [[nodiscard]] Recipe recipe() const;

  [[nodiscard]] bool given(const std::string& name) const { return app_.count(name) > 0; }

 private:
  struct Entry {
    std::string name;
    std::string group;  // whose options the flag sets, or that it chooses
    bool chooses = false;
    std::function<void(Recipe&)> apply;
  };

  void declare();
  void declare_criteria();
  void declare_sampler();

  // A flag of a value, and what that does to a recipe.
  template <class Value, class Effect>
  CLI::Option* flag(const std::string& name, Value value, const std::string& meaning, const Effect& effect,
                    const std::string& group = "");
  // The same of a field alone.
  template <class Field>
  void sets(const std::string& name, Field diva::TrainingOptions::*part, const std::string& meaning);
  // An option of the criterion of that name; `field` is a path in its JSON.
  template <class Value>
  void loss_option(const std::string& name, Value value, const std::string& loss, const std::string& field,
                   const std::string& meaning);
  // A flag that the reference declares and that cannot mean anything.
  template <class Value>
  void refused(const std::string& name, Value value, const std::string& why);

  CLI::App& app_;
  std::vector<Entry> entries_;
  std::string file_;
};

}  // namespace program
