#pragma once

/// Module ssl: what a sample tells about itself. For moco and dance a key network follows the trained one by momentum and embeds a
/// second view of each sample, and the criterion finds the sample's own key among a queue of others; invariantspread finds the
/// second view in the batch itself; dc and imrot classify features by labels that come from the data, clusters and rotations.
#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/deep_cluster.hpp>
#include <diva/ssl/image_rotation.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>
#include <diva/ssl/key_queue.hpp>
#include <diva/ssl/moco_loss.hpp>
#include <diva/ssl/momentum.hpp>
#include <diva/ssl/pretext_classifier.hpp>
#include <diva/ssl/registry.hpp>
#include <diva/ssl/self_similarity_loss.hpp>
