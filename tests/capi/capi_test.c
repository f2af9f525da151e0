/* The C interface from C: four points on a line worked by hand, and what goes wrong. */
#include <diva/capi.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

#define EXPECT(condition)                                                            \
  do {                                                                               \
    if (!(condition)) {                                                              \
      printf("%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, diva_last_error()); \
      ++failures;                                                                    \
    }                                                                                \
  } while (0)

/* At 0, 1, 3, 7; classes a a b b. The nearest of each among the others: 1, 0, 1 (of a), 3 (of b): recall@1 is 3/4. */
static const float line[] = {0, 1, 3, 7};
static const int64_t labels[] = {0, 0, 1, 1};
static const int64_t ids[] = {0, 1, 2, 3};

static void test_neighbours(void) {
  int64_t indices[8];
  float distances[8];
  EXPECT(diva_nearest_neighbours(line, 4, line, 4, 1, 2, ids, ids, DIVA_EUCLIDEAN, indices, distances) == DIVA_OK);
  const int64_t expected[] = {1, 2, 0, 2, 1, 0, 2, 1};
  const float expected_distances[] = {1, 3, 1, 2, 2, 3, 4, 6};
  EXPECT(memcmp(indices, expected, sizeof expected) == 0);
  EXPECT(memcmp(distances, expected_distances, sizeof expected_distances) == 0);
  /* Two rows hold no third neighbour. */
  EXPECT(diva_nearest_neighbours(line, 1, line, 2, 1, 3, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_OK);
  EXPECT(indices[0] == 0 && indices[1] == 1 && indices[2] == -1 && isinf(distances[2]));
  /* The angle between (1, 0) and (1, 1) has the cosine sqrt(1/2). */
  const float plane[] = {1, 0, 0, 1, 1, 1};
  EXPECT(diva_nearest_neighbours(plane, 1, plane + 2, 2, 2, 1, NULL, NULL, DIVA_COSINE, indices, distances) == DIVA_OK);
  EXPECT(indices[0] == 1 && fabs(distances[0] - (1 - sqrt(0.5))) < 1e-6);
  EXPECT(diva_nearest_neighbours(NULL, 0, line, 4, 1, 2, NULL, NULL, DIVA_EUCLIDEAN, NULL, NULL) == DIVA_OK);
}

static void test_evaluation(void) {
  const diva_samples samples = {line, labels, NULL, 4};
  const char* metrics[] = {"recall@1", "nmi", "r_precision"};
  double values[3];
  EXPECT(diva_evaluate(&samples, NULL, 1, metrics, 3, NULL, values) == DIVA_OK);
  EXPECT(values[0] == 0.75 && values[1] >= 0 && values[1] <= 1 && values[2] == 0.75);
  double again[3];
  diva_evaluate_options options = diva_evaluate_defaults();
  EXPECT(diva_evaluate(&samples, NULL, 1, metrics, 3, &options, again) == DIVA_OK);
  EXPECT(memcmp(values, again, sizeof values) == 0);
  /* Against the gallery {0, 3, 7} of a, b, b: the query 2 (of a) finds 3 (b), the query -1 (of a) finds 0 (a). */
  const float gallery_features[] = {0, 3, 7}, query_features[] = {2, -1};
  const int64_t gallery_labels[] = {0, 1, 1}, query_labels[] = {0, 0};
  const diva_samples gallery = {gallery_features, gallery_labels, NULL, 3}, queries = {query_features, query_labels, NULL, 2};
  EXPECT(diva_evaluate(&queries, &gallery, 1, metrics, 1, NULL, values) == DIVA_OK);
  EXPECT(values[0] == 0.5);
  /* Samples of one id are not judged against each other: 0 and 1 are one sample, as are 3 and 7; then 0, 1 find 3 and 3, 7 find 1.
   */
  const int64_t pairs[] = {5, 5, 6, 6};
  const diva_samples paired = {line, labels, pairs, 4};
  EXPECT(diva_evaluate(&paired, NULL, 1, metrics, 1, NULL, values) == DIVA_OK);
  EXPECT(values[0] == 0);
  EXPECT(diva_metric_name(0) != NULL && diva_metric_meaning(0) != NULL && diva_metric_name(-1) == NULL &&
         diva_metric_name(100000) == NULL);
}

static void test_kmeans_and_normalise(void) {
  const float points[] = {0, 1, 10, 11};
  float centroids[2];
  int64_t assignments[4];
  double objective;
  EXPECT(diva_kmeans(points, 4, 1, 2, 20, 5, 1, centroids, assignments, &objective) == DIVA_OK);
  EXPECT(centroids[0] + centroids[1] == 11 && fabsf(centroids[0] - centroids[1]) == 10 && objective == 1); /* 4 · 0.5² */
  EXPECT(assignments[0] == assignments[1] && assignments[2] == assignments[3] && assignments[0] != assignments[2]);
  EXPECT(diva_kmeans(points, 4, 1, 2, 20, 1, 1, NULL, NULL, NULL) == DIVA_OK);

  float rows[] = {3, 4, 0, 0, 1e30F, 0, 0, -1e-6F};
  const float unit[] = {0.6F, 0.8F, 0, 0, 1, 0, 0, -1};
  EXPECT(diva_normalise(rows, 4, 2) == DIVA_OK);
  EXPECT(memcmp(rows, unit, sizeof unit) == 0);
}

static void test_errors(void) {
  const diva_samples samples = {line, labels, NULL, 4};
  const float bad[] = {0, NAN};
  const char* unknown[] = {"recal@1"};
  double value;
  int64_t indices[4];
  float distances[4];
  EXPECT(diva_evaluate(&samples, NULL, 1, unknown, 1, NULL, &value) == DIVA_OPTION_ERROR);
  EXPECT(strstr(diva_last_error(), "recall@K") != NULL);
  EXPECT(diva_evaluate(NULL, NULL, 1, unknown, 1, NULL, &value) == DIVA_SHAPE_ERROR);
  EXPECT(strstr(diva_last_error(), "queries") != NULL);
  EXPECT(diva_nearest_neighbours(line, 4, line, 4, 1, 0, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_OPTION_ERROR);
  EXPECT(diva_nearest_neighbours(line, 4, line, 4, 1, 1, NULL, NULL, 7, indices, distances) == DIVA_OPTION_ERROR);
  EXPECT(diva_nearest_neighbours(bad, 2, line, 4, 1, 1, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_DATA_ERROR);
  EXPECT(diva_nearest_neighbours(NULL, 2, line, 4, 1, 1, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_SHAPE_ERROR);
  EXPECT(diva_nearest_neighbours(line, 4, line, 4, 0, 1, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_SHAPE_ERROR);
  EXPECT(diva_nearest_neighbours(line, -1, line, 4, 1, 1, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_SHAPE_ERROR);
  EXPECT(diva_nearest_neighbours(line, INT64_MAX, line, 4, INT64_MAX, 1, NULL, NULL, DIVA_EUCLIDEAN, indices, distances) ==
         DIVA_SHAPE_ERROR);
  EXPECT(diva_nearest_neighbours(line, 1, line, 4, 1, 1, ids, NULL, DIVA_EUCLIDEAN, indices, distances) == DIVA_OPTION_ERROR);
  EXPECT(diva_kmeans(line, 4, 1, 5, 20, 1, 0, NULL, NULL, NULL) == DIVA_OPTION_ERROR);
  EXPECT(diva_set_num_threads(0) == DIVA_OPTION_ERROR);
  EXPECT(diva_set_num_threads(1) == DIVA_OK);
}

int main(void) {
  EXPECT(diva_c_version() == DIVA_C_VERSION);
  EXPECT(strchr(diva_version(), '.') != NULL);
  EXPECT(diva_last_error() != NULL && diva_last_error()[0] == '\0');
  test_neighbours();
  test_evaluation();
  test_kmeans_and_normalise();
  test_errors();
  printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
