#pragma once

/// Module core: errors, random numbers, argument checks, state for checkpoints, options described once.
/// (`diva/core/json.hpp` is left out here: it brings in a JSON library that most users of the losses do not need.)
#include <diva/core/checks.hpp>
#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/core/gradient.hpp>
#include <diva/core/listing.hpp>
#include <diva/core/module.hpp>
#include <diva/core/normalize.hpp>
#include <diva/core/options.hpp>
#include <diva/core/state.hpp>
