#pragma once

/// Module search: exact nearest neighbours in bounded memory, k-means.
///
/// Features are row-major [rows, dim]; ids are int64 and say which rows show the same sample, so that a query never finds itself
/// and no rank is dropped blindly.
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>
