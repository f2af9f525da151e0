#pragma once

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/search/neighbours.hpp>

#include <cstdint>
#include <vector>

namespace diva::inline v0_1 {

// Verification: are two samples of the same class? A pair matches when its distance is at most a threshold. FMR, the false match
// rate, is the share of different pairs that match; FNMR, the false non-match rate, that of same pairs which do not. A distance
// equal to the threshold matches, everywhere.

/// How many pairs match at each threshold that can be the best for anything: all that the figures below read.
///
/// FNMR changes only at distances of same pairs, and from one to the next FMR can only grow, so counts there are enough for exact
/// values over all thresholds; the distances of different pairs, which can be billions, need not be kept.
struct VerificationCurve {
  torch::Tensor thresholds;     ///< [T] float64, ascending, all different.
  torch::Tensor true_matches;   ///< [T] int64: same pairs at a distance of at most the threshold.
  torch::Tensor false_matches;  ///< [T] int64: different pairs at a distance of at most the threshold.
  torch::Tensor false_below;    ///< [T] int64: different pairs at a smaller distance.
  std::int64_t same = 0;        ///< Same pairs in all.
  std::int64_t different = 0;   ///< Different pairs in all.
};

/// From distances and whether each pair is of one class. Thresholds are all distances that occur. A similarity is a distance when
/// its sign is changed.
///
/// Shapes:  distances [P] floating point, same [P] bool.
/// Edge:    no pairs: an empty curve, whose rates are NaN.
/// Cost:    O(P log P) time, O(P) memory.
/// Throws:  ShapeError; DataError (NaN; infinite distances are allowed).
VerificationCurve verification_curve(const torch::Tensor& distances, const torch::Tensor& same);

struct VerificationOptions {
  Similarity similarity = Similarity::euclidean;
  /// Thresholds to count at besides the distances of same pairs, so that operating_point knows their false matches.
  std::vector<double> thresholds = {};
};

template <class Visitor>
void describe(VerificationOptions& options, Visitor&& visit) {
  visit("similarity", options.similarity, "what near means");
  visit("thresholds", options.thresholds, "thresholds to count at besides the distances of same pairs", any_value);
}

/// Over all pairs of different samples, each once, in bounded memory. Thresholds are the distances of same pairs and the options'.
///
/// How:     one pass measures the same pairs, class by class, and sorts them; a second measures all pairs in tiles and counts each
///          different pair between the thresholds that enclose it. Both compute the same expression in double, |x|² + |y|² − 2 x·y
///          with sums in one fixed order, so equal pairs of rows have equal distances, equal rows the distance 0, and nothing
///          depends on the number of threads.
/// Shapes:  features [N, D]; labels [N] int64. Computed on the CPU.
/// Edge:    one sample: an empty curve.
/// Cost:    O(N² D / 2) time; memory: the features in double, 64 bytes for each same pair and at most 256 MiB of counters. All
///          1.8e9 pairs of 60,502 samples take some 40 s of one core at dimension 128 and 85 s at 512.
/// Throws:  ShapeError; OptionError (a threshold that is NaN); DataError (NaN or infinite features, rows of length 0 under cosine,
///          more than 2²³ same pairs: judge a sample of them, see sample_pairs).
VerificationCurve verification_curve(const torch::Tensor& features, const torch::Tensor& labels,
                                     const VerificationOptions& options);

/// Over all pairs of a query and a gallery sample that have different ids (undefined: over all).
VerificationCurve verification_curve(const LabelledFeatures& queries, const LabelledFeatures& gallery,
                                     const VerificationOptions& options = {});

/// Pairs of rows, such as verification protocols list.
struct SampledPairs {
  torch::Tensor first, second;  ///< [P] int64.
  torch::Tensor same;           ///< [P] bool.
};

/// Same and different pairs drawn uniformly from all that there are, with replacement; the same pairs come first. Their distances
/// are those of `distance` (distances/distance.hpp).
///
/// Shapes:  labels [N] int64.
/// Cost:    O(N log N + pairs) time. Draws two numbers a pair, or a few more for a different pair.
/// Throws:  ShapeError, OptionError (negative counts), DataError (no class of two, or no two classes, to draw from).
SampledPairs sample_pairs(const torch::Tensor& labels, std::int64_t same, std::int64_t different, Generator& generator);

/// Vertices of the receiver operating characteristic from (0, 0) to (1, 1). Same and different pairs of one distance appear at
/// once, so the line between their vertices is oblique.
struct Roc {
  torch::Tensor thresholds;        ///< [V] float64, from −∞ to +∞.
  torch::Tensor false_match_rate;  ///< [V] float64: FMR.
  torch::Tensor true_match_rate;   ///< [V] float64: 1 − FNMR.
};

/// Edge: without same pairs or without different ones, the rate over them is NaN.
Roc roc(const VerificationCurve& curve);

/// Chance that a same pair is nearer than a different one, ties counted half: the area under roc. NaN without both kinds.
double area_under_roc(const VerificationCurve& curve);

/// The rate at which FMR and FNMR are equal, where the line of roc crosses FMR = 1 − TMR. NaN without both kinds.
double equal_error_rate(const VerificationCurve& curve);

/// What a threshold does. Precision, recall and F1 are those of matches; without matches precision is NaN and F1 is 0.
struct OperatingPoint {
  double threshold = 0;
  double false_match_rate = 0;
  double false_non_match_rate = 0;
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  double accuracy = 0;  ///< Share of all pairs that are judged rightly; depends on how many of each kind there are.
};

/// Exact at any threshold for curves of given pairs, and at the options' thresholds for those over all pairs.
/// Throws: OptionError (NaN, or a threshold at which the curve does not know how many different pairs match).
OperatingPoint operating_point(const VerificationCurve& curve, double threshold);

/// The largest of the curve's thresholds whose FMR is at most `rate`; −∞, at which nothing matches, when all exceed it.
/// Throws: OptionError (rate not in [0, 1]), DataError (no different pair).
OperatingPoint calibrate_to_false_match_rate(const VerificationCurve& curve, double rate);

/// The threshold of the best F1; of equal ones the smallest. Throws: DataError (no same pair).
OperatingPoint calibrate_to_f1(const VerificationCurve& curve);

/// The threshold of the best accuracy; of equal ones the smallest, which can be −∞. Throws: DataError (no pair).
OperatingPoint calibrate_to_accuracy(const VerificationCurve& curve);

/// FNMR at the least strict threshold whose FMR is at most `rate`.
///
/// Source:  OML's fnmr@fmr (open-metric-learning 4.0).
/// Differs: OML takes as threshold the interpolated quantile of the different pairs, at which FMR may exceed the rate, and counts a
///          same pair at the threshold as not matching. With many pairs and few ties the two agree.
/// Edge:    NaN without both kinds of pair.
double fnmr_at_fmr(const VerificationCurve& curve, double rate);

/// distances ≤ threshold, elementwise; NaN matches nothing.
torch::Tensor is_match(const torch::Tensor& distances, double threshold);

struct MatchOptions {
  std::int64_t votes = 1;  ///< Nearest neighbours that vote, those within the threshold.
};

template <class Visitor>
void describe(MatchOptions& options, Visitor&& visit) {
  visit("votes", options.votes, "nearest neighbours that vote", at_least(1));
}

struct MatchedLabels {
  torch::Tensor labels;   ///< [Q] int64; 0 where nothing matched.
  torch::Tensor matched;  ///< [Q] bool: has the query a label at all?
};

/// Gives each query the class that most of its nearest neighbours within the threshold have, or none. Of classes with equally many
/// votes the one whose nearest sample is nearest wins.
///
/// Shapes:  neighbours of Q queries, at least `votes` long; gallery_labels [N] int64. Judged on the CPU.
/// Throws:  ShapeError, OptionError (votes beyond the lists, NaN as threshold), DataError (indices beyond gallery_labels).
MatchedLabels classify_by_match(const Neighbours& neighbours, const torch::Tensor& gallery_labels, double threshold,
                                const MatchOptions& options = {});

struct MatchScore {
  double precision = 0;  ///< Right labels among those given; NaN when none was.
  double coverage = 0;   ///< Share of queries that got a label; NaN without queries.
};

/// Shapes:  labels [Q] int64, the true ones.
/// Throws:  ShapeError.
MatchScore match_score(const MatchedLabels& found, const torch::Tensor& labels);

}  // namespace diva::inline v0_1
