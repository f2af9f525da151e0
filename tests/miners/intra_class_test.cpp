#include "support/triplet_checks.hpp"

#include <diva/core/error.hpp>
#include <diva/miners/intra_class.hpp>

#include <map>

TEST_CASE("intra-class triplets lie in one class and repeat no sample where three exist") {
  triplet_checks::over_batches([](auto&, auto& labels, auto& generator) { return diva::intra_class_triplets(labels, generator); },
                               [](const torch::Tensor& labels, const diva::Triplets& t) {
                                 const auto of = [&](const torch::Tensor& indices) { return labels.index_select(0, indices); };
                                 REQUIRE(torch::equal(of(t.anchors), of(t.positives)));
                                 REQUIRE(torch::equal(of(t.anchors), of(t.negatives)));
                                 REQUIRE((t.anchors != t.positives).all().item<bool>());
                                 REQUIRE((t.anchors != t.negatives).all().item<bool>());
                                 const auto sizes = (labels.unsqueeze(1) == labels.unsqueeze(0)).sum(1).index_select(0, t.anchors);
                                 REQUIRE(((t.positives != t.negatives) | (sizes == 2)).all().item<bool>());
                                 const bool has_pair =
                                     labels.numel() > 0 &&
                                     (labels.unsqueeze(1) == labels.unsqueeze(0)).sum(1).max().item<std::int64_t>() > 1;
                                 REQUIRE(t.size() == (has_pair ? labels.numel() : 0));
                               });
}

TEST_CASE("intra-class triplets take classes uniformly, whatever their sizes") {
  const auto labels = torch::tensor({0, 0, 1, 1, 1, 1, 1, 1, 2}, torch::kInt64);  // class 2 has nothing to vary
  diva::Generator generator(8);
  std::map<std::int64_t, int> counts;
  for (int i = 0; i < 500; ++i) {
    const auto anchors = labels.index_select(0, diva::intra_class_triplets(labels, generator).anchors);
    for (std::int64_t j = 0; j < anchors.size(0); ++j) ++counts[anchors[j].item<std::int64_t>()];
  }
  CHECK(counts.count(2) == 0);
  CHECK(std::abs(counts[0] - 2250) < 170);  // 5 sd of a binomial(4500, 1/2)
}

TEST_CASE("intra-class triplets of the reference draw with replacement") {
  const auto labels = torch::zeros({2}, torch::kInt64);
  diva::Generator generator(1);
  bool all_equal = false;
  for (int i = 0; i < 100; ++i) {
    const auto t = diva::intra_class_triplets(labels, generator, {.variant = diva::Variant::repo});
    all_equal = all_equal || ((t.anchors == t.positives) & (t.anchors == t.negatives)).any().item<bool>();
  }
  CHECK(all_equal);
}
