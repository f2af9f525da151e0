#pragma once

/// Module samplers: which samples make up a training batch. A sampler is a pure function of (seed, epoch, batch), so it has no
/// state to save and a run can be taken up at any batch.
#include <diva/samplers/class_random_sampler.hpp>
