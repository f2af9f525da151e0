#pragma once

/// Module ssl: what a sample tells about itself. A key network follows the trained one by momentum and embeds a second view of each
/// sample; a criterion finds the sample's own key among a queue of others.
#include <diva/ssl/dance_loss.hpp>
#include <diva/ssl/key_queue.hpp>
#include <diva/ssl/moco_loss.hpp>
#include <diva/ssl/momentum.hpp>
#include <diva/ssl/registry.hpp>
#include <diva/ssl/self_similarity_loss.hpp>
