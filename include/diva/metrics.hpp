#pragma once

/// Module metrics: how well an embedding retrieves and clusters classes that it may never have seen.
///
/// All values are in double. `evaluate` computes any set of metrics by their names, with one neighbour search and one clustering;
/// the other headers hold what it is made of, for those who have neighbours or clusters already.
#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/neighbour_metrics.hpp>
#include <diva/metrics/protocol.hpp>
