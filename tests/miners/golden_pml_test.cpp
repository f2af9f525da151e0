// Reference: pytorch-metric-learning 2.8.1's miners (tests/golden/README.md), those that draw nothing, compared as sets. Options
// with the reference's names; absent ones have its defaults. Further cases: tests/golden/make_miners_pml.py.
#include "support/golden.hpp"
#include "support/pair_checks.hpp"

#include <diva/miners/registry.hpp>

#include <map>

namespace {

using Options = nlohmann::ordered_json;

// The reference's names of options in ours; `type_of_triplets` and the like have the same values.
const std::map<std::string, std::string> names = {
    {"angle", "angle"},
    {"epsilon", "margin"},
    {"filter_percentage", "fraction"},
    {"margin", "margin"},
    {"neg_margin", "negative_margin"},
    {"neg_strategy", "negative"},
    {"pos_margin", "positive_margin"},
    {"pos_strategy", "positive"},
    {"allowed_neg_range", "negative_range"},
    {"allowed_pos_range", "positive_range"},
    {"type_of_triplets", "kind"},
};

// The class of a case, whose name may end in the kind of triplets.
std::string class_of(const std::string& name, Options& options) {
  const std::string margin = "TripletMarginMiner";
  for (const std::string kind : {"All", "Hard", "Semihard", "Easy"}) {
    if (name == margin + kind) {
      auto lower = kind;
      lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
      options["kind"] = lower;
      return margin;
    }
  }
  return name;
}

}  // namespace

TEST_CASE("miners choose what pytorch-metric-learning's choose") {
  const auto known = diva::miner_names();
  std::string skipped;
  for (const auto& one : golden::cases("miners_pml")) {
    INFO(one.file);
    Options options = Options::object();
    bool readable = one.has("out.index0");
    for (const auto& [name, value] : one.options.items()) {
      const auto ours = names.find(name);
      readable = readable && (ours != names.end() || value.is_null());
      if (ours != names.end() && !value.is_null()) options[ours->second] = value;
    }
    const auto miner_name = class_of(one.name, options);
    if (!readable || std::find(known.begin(), known.end(), miner_name) == known.end()) {
      skipped += " " + one.file;
      continue;
    }
    const auto miner = diva::make_miner(miner_name, options.dump());
    for (const auto type : {torch::kFloat64, torch::kFloat32}) {
      diva::Generator generator(0);
      diva::Comparison batch{.embeddings = one["embeddings"].to(type), .labels = one["labels"]};
      if (one.has("ref_embeddings")) batch.reference = diva::Reference{one["ref_embeddings"].to(type), one["ref_labels"]};
      const auto found = miner(batch, generator);
      const auto list = [&](int i) { return one["out.index" + std::to_string(i)]; };
      if (const auto* triplets = std::get_if<diva::Triplets>(&found)) {
        CHECK(pair_checks::triples(*triplets) == pair_checks::triples({list(0), list(1), list(2)}));
      } else {
        const auto& pairs = std::get<diva::Pairs>(found);
        CHECK(pair_checks::positives(pairs) == pair_checks::pairs(list(0), list(1)));
        CHECK(pair_checks::negatives(pairs) == pair_checks::pairs(list(2), list(3)));
      }
    }
  }
  if (!skipped.empty()) WARN("miners that diva does not have, or that draw, skipped:" << skipped);
}
