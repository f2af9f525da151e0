#pragma once

/// Module losses: criteria over the embeddings of a batch. A criterion is called with embeddings [batch, dim], labels [batch] int64
/// and the tuples that a miner chose, and returns a scalar with a gradient. Its own learnable state is in `parameters()`.
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/cross_batch_memory.hpp>
#include <diva/losses/dynamic_soft_margin_loss.hpp>
#include <diva/losses/fast_ap_loss.hpp>
#include <diva/losses/grad_cache.hpp>
#include <diva/losses/histogram_loss.hpp>
#include <diva/losses/hyperbolic_loss.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/manifold_loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/multiple_losses.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/pnp_loss.hpp>
#include <diva/losses/ranked_list_loss.hpp>
#include <diva/losses/recall_surrogate_loss.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/regularizers.hpp>
#include <diva/losses/self_supervised_loss.hpp>
#include <diva/losses/smooth_ap_loss.hpp>
#include <diva/losses/soft_rank.hpp>
#include <diva/losses/sub_dimensions_loss.hpp>
#include <diva/losses/threshold_consistent_margin_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
#include <diva/losses/vicreg_loss.hpp>
