#pragma once

/// Everything at once, for experiments; libraries and programs include what they use.
#include <diva/backbones.hpp>
#include <diva/core.hpp>
#include <diva/data.hpp>
#include <diva/decorrelation.hpp>
#include <diva/distances.hpp>
#include <diva/heads.hpp>
#include <diva/io.hpp>
#include <diva/losses.hpp>
#include <diva/metrics.hpp>
#include <diva/miners.hpp>
#include <diva/report.hpp>
#include <diva/samplers.hpp>
#include <diva/search.hpp>
#include <diva/ssl.hpp>
#include <diva/training.hpp>
#include <diva/version.hpp>
