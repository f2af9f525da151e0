// A search service in one loop: an index on disk, queries on standard input, one a line: "k id", answered by the k products that
// are most like product `id`. Without input it asks itself.
#include <diva/core.hpp>
#include <diva/search.hpp>

#include <cstdio>
#include <iostream>
#include <sstream>

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "products.index";
  diva::Generator generator(1);
  const auto features = diva::l2_normalize(generator.normal({5000, 64}));
  {
    diva::Index index(64, {.kind = diva::IndexKind::hnsw, .similarity = diva::Similarity::cosine});
    index.add(features, torch::arange(5000));
    index.remove(torch::arange(10));  // sold out
    index.save(path);
  }

  const auto index = diva::Index::load(path);
  std::istringstream own("3 1000\n3 4999\n");
  std::istream& queries = argc > 2 ? std::cin : own;
  bool right = true;
  for (std::int64_t k = 0, id = 0; queries >> k >> id;) {
    const auto found = index.search(features.slice(0, id, id + 1), k);
    std::printf("%lld:", static_cast<long long>(id));
    for (std::int64_t i = 0; i < k; ++i) {
      std::printf(" %lld (%.3f)", static_cast<long long>(found.indices[0][i].item<std::int64_t>()),
                  found.distances[0][i].item<float>());
    }
    std::printf("\n");
    right = right && found.indices[0][0].item<std::int64_t>() == id;
  }
  return right ? 0 : 1;
}
