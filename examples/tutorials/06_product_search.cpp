// A search service in one loop: an index on disk, queries on standard input, one a line: "k id", answered on standard output by the k
// products that are most like product `id`, before the next is read. What is no query is answered too, and the service goes on.
//   echo "3 1000" | 06_product_search products.index
#include <diva/core.hpp>
#include <diva/search.hpp>

#include <iostream>
#include <sstream>

namespace {

std::string answer(const diva::Index& index, const torch::Tensor& features, const std::string& line) {
  std::istringstream words(line);
  std::int64_t k = 0, id = -1;
  if (!(words >> k >> id) || k < 1 || k > 100 || id < 0 || id >= features.size(0)) return "no query, which is: k <= 100, product";
  const auto found = index.search(features.slice(0, id, id + 1), k);
  std::ostringstream text;
  text << id << ":";
  for (std::int64_t i = 0; i < k; ++i)
    text << " " << found.indices[0][i].item<std::int64_t>() << " (" << found.distances[0][i].item<float>() << ")";
  return text.str();
}

}  // namespace

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
  for (std::string line; std::getline(std::cin, line);) std::cout << answer(index, features, line) << std::endl;
  return 0;
}
