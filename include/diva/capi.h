#ifndef DIVA_CAPI_H
#define DIVA_CAPI_H

/* The C interface of diva: exact neighbours, metrics by name, k-means. Library: libdiva_c, which exports these names only.
 *
 * Arrays are row-major and the caller's; nothing is kept. Rows of features are `dim` float32 values. Functions return DIVA_OK or
 * what went wrong; then diva_last_error() says it in words and outputs are undefined. No C++ exception leaves the library. Calls
 * from several threads are safe. Results are functions of their arguments: neither threads nor earlier calls change them. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DIVA_C_API __attribute__((visibility("default")))
#else
#define DIVA_C_API
#endif

/* Grows when a function or a struct changes; new functions alone do not change it. diva_c_version() is that of the library. */
#define DIVA_C_VERSION 1
DIVA_C_API int32_t diva_c_version(void);

/* Of the library, such as "0.1.0". */
DIVA_C_API const char* diva_version(void);

typedef int32_t diva_status;
enum {
  DIVA_OK = 0,
  DIVA_OPTION_ERROR = 1,   /* an option out of range, an unknown metric */
  DIVA_SHAPE_ERROR = 2,    /* sizes that do not fit, a null pointer */
  DIVA_DATA_ERROR = 3,     /* values that cannot be used: NaN, rows of length 0 under cosine */
  DIVA_INTERNAL_ERROR = 4, /* anything else, such as memory that is not there */
};

/* What went wrong in the last call of this thread that failed: "function: argument must be EXPECTED, got GOT". Never null; valid
 * until the thread's next call. */
DIVA_C_API const char* diva_last_error(void);

typedef int32_t diva_similarity;
enum {
  DIVA_EUCLIDEAN = 0, /* distances |x - y|, not squared */
  DIVA_COSINE = 1,    /* 1 - x.y / (|x| |y|) */
  DIVA_DOT = 2,       /* -x.y */
};

/* Threads of all computations; at least 1. The default is one for each core. */
DIVA_C_API diva_status diva_set_num_threads(int32_t threads);

/* The k nearest rows of the gallery for each query: indices and distances [num_queries, k], nearest first, equal ones by index; -1
 * and infinity where fewer are left. Rows of equal id are never neighbours; both ids may be null. To search rows among themselves,
 * pass them twice with ids 0, 1, 2, ... */
DIVA_C_API diva_status diva_nearest_neighbours(const float* queries, int64_t num_queries, const float* gallery, int64_t num_gallery,
                                               int64_t dim, int64_t k, const int64_t* query_ids, const int64_t* gallery_ids,
                                               diva_similarity similarity, int64_t* indices, float* distances);

typedef struct diva_samples {
  const float* features; /* [size, dim] */
  const int64_t* labels; /* [size], any values */
  const int64_t* ids;    /* [size]: samples of one id are never judged against each other; null: see diva_evaluate */
  int64_t size;
} diva_samples;

typedef struct diva_evaluate_options {
  diva_similarity similarity;
  int64_t num_clusters; /* of k-means for nmi, ami and f1; 0: as many as classes */
  int64_t kmeans_iterations;
  int64_t kmeans_restarts;
  uint64_t seed; /* of k-means */
} diva_evaluate_options;

/* euclidean, 0, 20, 1, 0 */
DIVA_C_API diva_evaluate_options diva_evaluate_defaults(void);

/* Metrics by name into values[0 .. num_metrics). With a null gallery each sample is a query against all others; otherwise queries
 * are searched in the gallery. Ids are null in both or in neither; in the first form null ids mean that all samples differ. Null
 * options are the defaults. A metric without anything to judge is NaN. */
DIVA_C_API diva_status diva_evaluate(const diva_samples* queries, const diva_samples* gallery, int64_t dim,
                                     const char* const* metrics, int64_t num_metrics, const diva_evaluate_options* options,
                                     double* values);

/* The forms of metric names and what they mean, such as "recall@K", from 0 on; null beyond the last. */
DIVA_C_API const char* diva_metric_name(int64_t index);
DIVA_C_API const char* diva_metric_meaning(int64_t index);

/* k-means of rows: centroids [k, dim], assignments [size], and the sum of squared distances to them. Outputs may be null. */
DIVA_C_API diva_status diva_kmeans(const float* features, int64_t size, int64_t dim, int64_t k, int64_t iterations,
                                   int64_t restarts, uint64_t seed, float* centroids, int64_t* assignments, double* objective);

/* Rows of length 1, in place: x / max(|x|, 1e-12), so that rows of zeros stay. */
DIVA_C_API diva_status diva_normalise(float* features, int64_t size, int64_t dim);

#ifdef __cplusplus
}
#endif

#endif
