#pragma once

/// Module miners: which pairs and triplets of a batch a criterion sees. A miner takes embeddings, labels and a Generator, returns
/// indices into the batch, and knows no loss; nothing is differentiated through it. Every random miner returns one triplet an
/// anchor and takes as anchors all samples that can be one (a positive and a negative exist), in their order in the batch.
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/random_triplets.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/semihard.hpp>
#include <diva/miners/shared.hpp>
#include <diva/miners/softhard.hpp>
#include <diva/miners/tuples.hpp>
