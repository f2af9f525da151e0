#pragma once

/// Module decorrelation: heads that are made to say different things, by an adversary that predicts one from another.
#include <diva/decorrelation/adversarial_separation.hpp>
#include <diva/decorrelation/gradient_reversal.hpp>
