#pragma once

/// Module heads: embedding heads on a shared trunk and their weighted concatenation at test time.
#include <diva/heads/combination.hpp>
#include <diva/heads/heads.hpp>
