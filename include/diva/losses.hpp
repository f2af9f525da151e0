#pragma once

/// Module losses: criteria over the embeddings of a batch. A criterion is called with embeddings [batch, dim], labels [batch] int64
/// and the tuples that a miner chose, and returns a scalar with a gradient. Its own learnable state is in `parameters()`.
#include <diva/losses/angular_loss.hpp>
#include <diva/losses/circle_loss.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/intra_pair_variance_loss.hpp>
#include <diva/losses/lifted_loss.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multisimilarity_loss.hpp>
#include <diva/losses/nca_loss.hpp>
#include <diva/losses/npair_loss.hpp>
#include <diva/losses/ntxent_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/quadruplet_loss.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/snr_loss.hpp>
#include <diva/losses/soft_nearest_neighbour_loss.hpp>
#include <diva/losses/supcon_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/tuplet_margin_loss.hpp>
