#pragma once

#include <diva/miners/distance_weighted.hpp>

namespace diva::inline v0_1 {

/// How triplets for class-shared features are made (the seed's `--diva_sharing`).
enum class Sharing {
  random,    ///< Labels are shuffled over the batch, then mined as usual: what agrees cannot be the class.
  standard,  ///< Three classes: the negative by inverse distance density, the positive uniform among the remaining classes.
  full,      ///< Three classes: both by inverse distance density.
};

constexpr auto enumerators(Sharing) {
  return std::array{std::pair{Sharing::random, "random"}, std::pair{Sharing::standard, "standard"},
                    std::pair{Sharing::full, "full"}};
}

struct SharedOptions {
  Sharing sharing = Sharing::random;      ///< The published runs use `random`; the paper's text describes three classes.
  DistanceWeightedOptions distance = {};  ///< Of the distance-weighted draws.
};

template <class Visitor>
void describe(SharedOptions& options, Visitor&& visit) {
  visit("sharing", options.sharing, "random: shuffled labels; standard, full: three different classes", any_value);
  visit("distance", options.distance, "cut-offs of the distance-weighted draws", any_value);
}

/// One triplet an anchor whose members do not share a class, so that a head trained on them learns what classes have in common.
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, section 3.2; arXiv 2004.13458. Reference: the seed's `random_distance`,
///          `shared_neg_distance`, `shared_full_distance`.
/// Shapes:  embeddings [B, D] on the unit sphere, labels [B] int64 -> T ≤ B triplets. With `random`, labels of the triplets'
///          samples mean nothing; margin loss takes β of the anchor's true class, as the seed does.
/// Differs: a user's relation takes the place of classes: shuffled samples for `random`, and for the others three samples of which
///          each two are negative. Together with a reference it is refused, since nothing tells which references agree.
/// Edge:    `standard` and `full` need three classes in the batch, `random` a shuffled batch with a positive: otherwise T = 0.
/// Cost:    O(B·R·D) time, O(B·R) memory.
/// Throws:  OptionError (a relation and a reference), ShapeError.
Triplets shared_triplets(const Comparison& comparison, Generator& generator, const SharedOptions& options = {});

}  // namespace diva::inline v0_1
