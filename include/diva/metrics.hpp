#pragma once

/// Module metrics: how well an embedding retrieves and clusters classes that it may never have seen.
///
/// All values are in double. `evaluate` computes any set of metrics by their names, with one neighbour search and one clustering;
/// neighbour_metrics, clustering_metrics, embedding_metrics and verification hold what it is made of, for those who have
/// neighbours, clusters or pairs already. `bootstrap_mean` gives intervals to its values, `head_correlation` compares the heads
/// with each other.
#include <diva/metrics/bootstrap.hpp>
#include <diva/metrics/clustering_metrics.hpp>
#include <diva/metrics/embedding_metrics.hpp>
#include <diva/metrics/evaluate.hpp>
#include <diva/metrics/head_correlation.hpp>
#include <diva/metrics/neighbour_metrics.hpp>
#include <diva/metrics/protocol.hpp>
#include <diva/metrics/verification.hpp>
