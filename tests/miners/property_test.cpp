// What holds for each name of the registry on every kind of batch and in every type that training uses.
#include "support/catch.hpp"

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/miners/registry.hpp>

#include <string>

namespace {

enum class Kind { ragged, identical, antipodal, one_class, all_singletons, one_sample, empty };
constexpr Kind kinds[] = {Kind::ragged,         Kind::identical,  Kind::antipodal, Kind::one_class,
                          Kind::all_singletons, Kind::one_sample, Kind::empty};

// Miners whose positives or negatives are not those of the labels, by what they are for.
bool positives_by_labels(const std::string& name) { return !name.starts_with("shared") && name != "random_distance"; }
// (a, a, p) by ρ, and PADS' full set of candidates, in which the anchor has its place on both sides.
bool pairs_itself(const std::string& name) { return name == "rho_distance" || name == "anticollapse_cdistance" || name == "pads"; }
bool negatives_by_labels(const std::string& name) {
  return positives_by_labels(name) && !pairs_itself(name) && !name.starts_with("intra") && !name.starts_with("anticollapse");
}

void check_pairs(const torch::Tensor& anchors, const torch::Tensor& others, const torch::Tensor& labels) {
  REQUIRE(anchors.scalar_type() == torch::kInt64);
  REQUIRE(others.scalar_type() == torch::kInt64);
  REQUIRE(anchors.dim() == 1);
  REQUIRE(others.sizes() == anchors.sizes());
  for (const auto& indices : {anchors, others}) {
    REQUIRE(((indices >= 0) & (indices < labels.size(0))).all().item<bool>());
  }
}

bool agree(const torch::Tensor& anchors, const torch::Tensor& others, const torch::Tensor& labels, bool same) {
  const auto equal = labels.index_select(0, anchors) == labels.index_select(0, others);
  return (same ? equal : ~equal).all().item<bool>();
}

}  // namespace

TEST_CASE("property: indices lie in the batch, obey its labels and pair no sample with itself") {
  for (const auto& name : diva::miner_names()) {
    if (name == "packaged_triplets" || name == "EmbeddingsAlreadyPackagedAsTriplets") continue;  // places, whatever the labels
    const auto miner = diva::make_miner(name);
    for (std::uint64_t seed = 0; seed < 63; ++seed) {
      diva::Generator generator(seed);
      const auto kind = kinds[seed % std::size(kinds)];
      const auto type = std::array{torch::kFloat32, torch::kBFloat16, torch::kHalf}[seed / std::size(kinds) % 3];
      const auto size = kind == Kind::empty ? 0 : kind == Kind::one_sample ? 1 : 2 + generator.below(15);
      auto x = generator.normal({size, 6});
      x = x / x.norm(2, 1, true);
      auto labels = (generator.uniform({size}).square() * 6).floor().to(torch::kInt64);
      if (kind == Kind::identical) x = x.narrow(0, 0, 1).expand_as(x);
      if (kind == Kind::antipodal) x = x.narrow(0, 0, 1) * (torch::arange(size).remainder(2) * 2 - 1).unsqueeze(1);
      if (kind == Kind::one_class) labels.fill_(3);
      if (kind == Kind::all_singletons) labels = generator.permutation(size);
      INFO("miner " << name << ", seed " << seed << ", labels " << labels);

      const auto tuples = miner({.embeddings = x.to(type), .labels = labels}, generator);
      torch::Tensor anchors, positives, negative_anchors, negatives;
      if (const auto* triplets = std::get_if<diva::Triplets>(&tuples)) {
        anchors = negative_anchors = triplets->anchors;
        positives = triplets->positives;
        negatives = triplets->negatives;
      } else if (const auto* pairs = std::get_if<diva::Pairs>(&tuples)) {
        anchors = pairs->anchors;
        positives = pairs->positives;
        negative_anchors = pairs->negative_anchors;
        negatives = pairs->negatives;
      } else {
        REQUIRE(name == "all");
        continue;
      }
      check_pairs(anchors, positives, labels);
      check_pairs(negative_anchors, negatives, labels);
      if (!pairs_itself(name)) REQUIRE((anchors != positives).all().item<bool>());
      if (name != "pads") REQUIRE((negative_anchors != negatives).all().item<bool>());
      if (positives_by_labels(name)) REQUIRE(agree(anchors, positives, labels, true));
      if (negatives_by_labels(name)) REQUIRE(agree(negative_anchors, negatives, labels, false));
      if (name.starts_with("intra")) REQUIRE(agree(negative_anchors, negatives, labels, true));
      if (size < 2 && name != "pads") REQUIRE(anchors.numel() + negative_anchors.numel() == 0);
    }
  }
}
