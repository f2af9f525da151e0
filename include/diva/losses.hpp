#pragma once

/// Module losses: criteria over the embeddings of a batch. A criterion is called with embeddings [batch, dim], labels [batch] int64
/// and the tuples that a miner chose, and returns a scalar with a gradient. Its own learnable state is in `parameters()`.
#include <diva/losses/arcface_loss.hpp>
#include <diva/losses/contrastive_loss.hpp>
#include <diva/losses/cosface_loss.hpp>
#include <diva/losses/instance_loss.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/margin_loss.hpp>
#include <diva/losses/p2sgrad_loss.hpp>
#include <diva/losses/pairwise.hpp>
#include <diva/losses/proxy_anchor_loss.hpp>
#include <diva/losses/proxy_loss.hpp>
#include <diva/losses/proxynca_loss.hpp>
#include <diva/losses/reducer.hpp>
#include <diva/losses/registry.hpp>
#include <diva/losses/softmax_loss.hpp>
#include <diva/losses/softtriplet_loss.hpp>
#include <diva/losses/triplet_loss.hpp>
