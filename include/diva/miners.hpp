#pragma once

/// Module miners: which pairs and triplets of a batch a criterion sees. A miner takes a Comparison (embeddings, labels, perhaps a
/// reference and a relation) and, where it draws, a Generator; it returns indices, and knows no loss; nothing is differentiated
/// through it. Anchors index the batch, positives and negatives the reference. A user's relation takes the place of equal labels:
/// pairs of a weight above 0 are candidates, and where a miner draws uniformly they are drawn by their weights. A random miner
/// returns one triplet an anchor and takes as anchors all samples that can be one (a positive and a negative exist), in their order
/// in the batch, unless it says otherwise.
#include <diva/miners/angular.hpp>
#include <diva/miners/anticollapse.hpp>
#include <diva/miners/batch_easy_hard.hpp>
#include <diva/miners/comparison.hpp>
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/hard_aware.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/lifted.hpp>
#include <diva/miners/multi_similarity.hpp>
#include <diva/miners/npair.hpp>
#include <diva/miners/packaged_triplets.hpp>
#include <diva/miners/pair_margin.hpp>
#include <diva/miners/parametric.hpp>
#include <diva/miners/random_triplets.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/relation.hpp>
#include <diva/miners/rho_distance.hpp>
#include <diva/miners/sampling_policy.hpp>
#include <diva/miners/semihard.hpp>
#include <diva/miners/shared.hpp>
#include <diva/miners/softhard.hpp>
#include <diva/miners/triplet_margin.hpp>
#include <diva/miners/tuples.hpp>
#include <diva/miners/uniform_histogram.hpp>
