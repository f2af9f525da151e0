#pragma once

/// Module search: exact nearest neighbours in bounded memory, indexes over FAISS, k-means, principal components, query expansion
/// and re-ranking.
///
/// Features are row-major [rows, dim]; ids are int64 and say which rows show the same sample, so that a query never finds itself
/// and no rank is dropped blindly.
#include <diva/search/index.hpp>
#include <diva/search/kmeans.hpp>
#include <diva/search/neighbours.hpp>
#include <diva/search/pca.hpp>
#include <diva/search/query_expansion.hpp>
#include <diva/search/reranking.hpp>
