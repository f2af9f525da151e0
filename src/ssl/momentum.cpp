#include <torch/utils.h>
#include <diva/core/checks.hpp>
#include <diva/ssl/momentum.hpp>

namespace diva::inline v0_1 {
namespace {

void check_same(const std::vector<NamedTensor>& key, const std::vector<NamedTensor>& trained) {
  const auto wrong = [](const std::string& expected, const std::string& got) {
    detail::fail<DataError>("momentum_update", "key_network", expected, got);
  };
  if (key.size() != trained.size()) {
    wrong("a network of " + std::to_string(trained.size()) + " tensors", std::to_string(key.size()));
  }
  for (std::size_t i = 0; i < key.size(); ++i) {
    if (key[i].name != trained[i].name || key[i].tensor.sizes() != trained[i].tensor.sizes()) {
      wrong("with '" + trained[i].name + "' " + detail::describe(trained[i].tensor),
            "'" + key[i].name + "' " + detail::describe(key[i].tensor));
    }
  }
}

}  // namespace

void momentum_update(const Module& key_network, const Module& network, double momentum) {
  if (!(momentum >= 0 && momentum <= 1)) {
    detail::fail<OptionError>("momentum_update", "momentum", "in [0, 1]", std::to_string(momentum));
  }
  torch::NoGradGuard no_grad;
  const auto update = [&](std::vector<NamedTensor> key, const std::vector<NamedTensor>& trained) {
    check_same(key, trained);
    for (std::size_t i = 0; i < key.size(); ++i) {
      if (key[i].tensor.is_floating_point()) {
        key[i].tensor.lerp_(trained[i].tensor, 1 - momentum);
      } else {
        key[i].tensor.copy_(trained[i].tensor);
      }
    }
  };
  update(key_network.named_parameters(), network.named_parameters());
  update(key_network.named_buffers(), network.named_buffers());
}

}  // namespace diva::inline v0_1
