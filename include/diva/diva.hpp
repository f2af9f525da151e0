#pragma once

/// Everything at once, for experiments; libraries and programs include what they use.
#include <diva/core.hpp>
#include <diva/version.hpp>
