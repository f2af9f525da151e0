#pragma once

/// Module samplers: which samples make up a training batch. Most samplers are pure functions of (seed, epoch, batch), with no state
/// to save; those that choose by features keep these and the epoch's plan as their State. A run can be taken up at any batch.
#include <diva/samplers/batch_matching.hpp>
#include <diva/samplers/batch_matching_sampler.hpp>
#include <diva/samplers/category_sampler.hpp>
#include <diva/samplers/class_random_sampler.hpp>
#include <diva/samplers/coreset.hpp>
#include <diva/samplers/coreset_sampler.hpp>
#include <diva/samplers/coverage.hpp>
#include <diva/samplers/distributed_sampler.hpp>
#include <diva/samplers/feature_sampler.hpp>
#include <diva/samplers/feature_store.hpp>
#include <diva/samplers/fixed_triplets_sampler.hpp>
#include <diva/samplers/full_random_sampler.hpp>
#include <diva/samplers/hard_mining_sampler.hpp>
#include <diva/samplers/hierarchical_sampler.hpp>
#include <diva/samplers/m_per_class_sampler.hpp>
#include <diva/samplers/random_sampler.hpp>
#include <diva/samplers/registry.hpp>
#include <diva/samplers/sampler.hpp>
