#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/io/feature_writer.hpp>
#include <diva/metrics/protocol.hpp>

#include "support/temporary_folder.hpp"

using diva::EvaluationSamples;

namespace {

torch::Tensor line(std::vector<double> places) { return torch::tensor(places, torch::kFloat32).unsqueeze(1); }
torch::Tensor whole(std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); }

double recall(const diva::EvaluationSets& sets) {
  diva::Generator generator(1);
  return diva::evaluate(sets.queries, sets.gallery, {"recall@1"}, generator)[0].second;
}

}  // namespace

TEST_CASE("without parts every sample is a query against the others, and nothing is copied") {
  // On a line at 0, 1, 3, 7: neighbours are 1, 0, 1, 3; with classes a a b b the hits are yes, yes, no, yes.
  const EvaluationSamples samples{.features = line({0, 1, 3, 7}), .labels = whole({0, 0, 1, 1})};
  const auto sets = diva::evaluation_sets(samples);
  CHECK(sets.queries.features.data_ptr() == samples.features.data_ptr());
  CHECK(sets.gallery.features.data_ptr() == samples.features.data_ptr());
  CHECK(recall(sets) == 0.75);
}

TEST_CASE("a query never meets its own sequence") {
  // Frames of tracks: a's at 0, 0.1 (track 5), b's at 1, 1.1 (track 6), a's at 3 (no track), b's at 9 (none).
  // With tracks left in, the first four find their own track: 4 hits; 3 finds 1.1 (b) and 9 finds 3 (a): 4 / 6.
  // Without: 0 and 0.1 find 1 (b), 1 and 1.1 find 0.1 (a), 3 finds 1.1 (b), 9 finds 3 (a): 0.
  EvaluationSamples samples{.features = line({0, 0.1, 1, 1.1, 3, 9}), .labels = whole({0, 0, 1, 1, 0, 1})};
  CHECK(recall(diva::evaluation_sets(samples)) == Approx(4.0 / 6));
  samples.sequences = whole({5, 5, 6, 6, -1, -1});
  CHECK(recall(diva::evaluation_sets(samples)) == 0);
  // Ids that tracks and loners share in number stay apart: the loner 5 is not of track 5.
  samples.ids = whole({1, 2, 3, 4, 5, 6});
  samples.labels = whole({0, 0, 1, 1, 1, 1});  // now 3 finds 1.1 and 9 finds 3: both hits
  CHECK(recall(diva::evaluation_sets(samples)) == Approx(2.0 / 6));
}

TEST_CASE("parts choose queries and gallery, as views where they lie in one piece") {
  const EvaluationSamples samples{.features = line({0, 1, 3, 7, 8}),
                                  .labels = whole({0, 0, 1, 1, 0}),
                                  .is_query = whole({1, 1, 0, 0, 0}).to(torch::kBool),
                                  .is_gallery = whole({1, 0, 1, 0, 1})};
  const auto sets = diva::evaluation_sets(samples);
  CHECK(sets.queries.features.data_ptr() == samples.features.data_ptr());
  CHECK(sets.gallery.features.equal(line({0, 3, 8})));
  CHECK(sets.gallery.labels.equal(whole({0, 1, 0})));
  // 0 is left to find 3 (of b), since it is itself in the gallery; 1 finds 0: a half.
  CHECK(recall(sets) == 0.5);
}

TEST_CASE("two sets share samples by id and by sequence") {
  const EvaluationSamples gallery{
      .features = line({0, 1, 2}), .labels = whole({0, 1, 0}), .ids = whole({10, 11, 12}), .sequences = whole({-1, 3, -1})};
  EvaluationSamples queries{.features = line({0.4}), .labels = whole({0}), .ids = whole({10}), .sequences = whole({-1})};
  CHECK(recall(diva::evaluation_sets(queries, gallery)) == 0);  // 0 is the query itself; next is 1, of b
  queries.ids = whole({20});
  CHECK(recall(diva::evaluation_sets(queries, gallery)) == 1);  // 0, of a
  queries.features = line({1});
  CHECK(recall(diva::evaluation_sets(queries, gallery)) == 0);  // 1, of b
  queries.sequences = whole({3});
  CHECK(recall(diva::evaluation_sets(queries, gallery)) == 1);  // 0, since 1 is of its sequence
  CHECK_FALSE(diva::evaluation_sets({.features = line({1}), .labels = whole({0})}, {.features = line({1}), .labels = whole({0})})
                  .queries.ids.defined());
}

TEST_CASE("a store that came by batches is evaluated where it lies") {
  const TemporaryFolder folder;
  diva::Generator generator(2);
  const auto labels = torch::arange(60).remainder(6);
  const auto features = torch::eye(6).index_select(0, labels) + 0.2 * generator.normal({60, 6});
  for (const auto& path : {std::string(), folder.path() + "/store"}) {
    diva::FeatureWriter writer(6, {"labels", "is_query"}, {.path = path});
    for (std::int64_t at = 0; at < 60; at += 7) {
      const auto count = std::min<std::int64_t>(7, 60 - at);
      writer.append(features.narrow(0, at, count),
                    {labels.narrow(0, at, count), (torch::arange(at, at + count) < 12).to(torch::kInt64)});
    }
    const auto store = writer.finish();
    const auto sets = diva::evaluation_sets(
        {.features = store.tensor("features"), .labels = store.tensor("labels"), .is_query = store.tensor("is_query")});
    CHECK(sets.queries.features.data_ptr() == store.tensor("features").data_ptr());
    CHECK(sets.queries.features.size(0) == 12);
    diva::Generator one(3), two(3);
    const auto all = diva::evaluation_sets({.features = store.tensor("features"), .labels = store.tensor("labels")});
    const std::vector<std::string> names = {"recall@1", "map@r", "nmi"};
    CHECK(diva::evaluate(all.queries, all.gallery, names, one) == diva::evaluate(features, labels, names, two));
  }
}

TEST_CASE("samples that contradict themselves are refused") {
  const EvaluationSamples good{.features = line({0, 1}), .labels = whole({0, 0})};
  const auto with = [&](auto change) {
    auto samples = good;
    change(samples);
    return samples;
  };
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) { s.is_query = whole({0, 0}); })), diva::DataError);
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) { s.is_gallery = whole({0, 0}); })), diva::DataError);
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) { s.is_gallery = whole({1}); })), diva::ShapeError);
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) { s.ids = line({0, 1}).flatten(); })), diva::ShapeError);
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) { s.labels = whole({1}); })), diva::ShapeError);
  CHECK_THROWS_AS(diva::evaluation_sets(with([](auto& s) {
                    s.ids = whole({4, 4});
                    s.sequences = whole({0, 1});
                  })),
                  diva::DataError);
  CHECK_THROWS_AS(diva::evaluation_sets(good, with([](auto& s) { s.ids = whole({4, 4}); })), diva::OptionError);
  CHECK_THROWS_AS(diva::evaluation_sets(good, with([](auto& s) { s.is_query = whole({1, 1}); })), diva::OptionError);
}
