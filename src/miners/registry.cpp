#include <diva/core/json.hpp>
#include <diva/miners/distance_weighted.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/random_triplets.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/semihard.hpp>
#include <diva/miners/shared.hpp>
#include <diva/miners/softhard.hpp>

namespace diva {
namespace {

struct NoOptions {};
template <class Visitor>
void describe(NoOptions&, Visitor&&) {}

template <class Options>
Options read(const std::string& name, const std::string& text, Options options = {}) {
  from_json(parse_json(text, "miner " + name), options, "miner " + name);
  return options;
}

using Embeddings = const torch::Tensor&;
using Labels = const torch::Tensor&;
using Factory = Miner (*)(const std::string& name, const std::string& options);

template <Sharing sharing>
Miner make_shared_miner(const std::string& name, const std::string& text) {
  return [options = read(name, text, SharedOptions{.sharing = sharing})](Embeddings x, Labels y, Generator& generator) {
    return shared_triplets(x, y, generator, options);
  };
}

Miner make_distance(const std::string& name, const std::string& text) {
  return [options = read<DistanceWeightedOptions>(name, text)](Embeddings x, Labels y, Generator& generator) {
    return distance_weighted_triplets(x, y, generator, options);
  };
}

Miner make_intra(const std::string& name, const std::string& text) {
  return [options = read<IntraClassOptions>(name, text)](Embeddings, Labels y, Generator& generator) {
    return intra_class_triplets(y, generator, options);
  };
}

Miner make_random(const std::string& name, const std::string& text) {
  read<NoOptions>(name, text);
  return [](Embeddings, Labels y, Generator& generator) { return random_triplets(y, generator); };
}

Miner make_semihard(const std::string& name, const std::string& text) {
  return [options = read<SemihardOptions>(name, text)](Embeddings x, Labels y, Generator& generator) {
    return semihard_triplets(x, y, generator, options);
  };
}

Miner make_softhard(const std::string& name, const std::string& text) {
  read<NoOptions>(name, text);
  return [](Embeddings x, Labels y, Generator& generator) { return softhard_triplets(x, y, generator); };
}

constexpr std::pair<const char*, Factory> miners[] = {
    {"random", make_random},
    {"semihard", make_semihard},
    {"softhard", make_softhard},
    {"distance_weighted", make_distance},
    {"shared", make_shared_miner<Sharing::random>},
    {"intra_class", make_intra},
    // The seed's names.
    {"distance", make_distance},
    {"random_distance", make_shared_miner<Sharing::random>},
    {"shared_neg_distance", make_shared_miner<Sharing::standard>},
    {"shared_full_distance", make_shared_miner<Sharing::full>},
    {"intra_random", make_intra},
};

}  // namespace

Miner make_miner(std::string_view name, const std::string& options) {
  for (const auto& [known, factory] : miners) {
    if (name == known) return factory(std::string(name), options);
  }
  detail::fail_unknown("make_miner", "name", name, miner_names());
}

std::vector<std::string> miner_names() {
  std::vector<std::string> names;
  for (const auto& [name, factory] : miners) names.emplace_back(name);
  return names;
}

}  // namespace diva
