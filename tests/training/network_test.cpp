#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/training/network.hpp>

namespace {

const diva::NetworkOptions small = {.backbone = "conv4",
                                    .backbone_options = {.in_channels = 1, .widths = {8}},
                                    .heads = {"discriminative", "shared"},
                                    .embed_dim = 4};

}  // namespace

TEST_CASE("a network embeds images by every head and is a function of its generator") {
  diva::Network network(small, diva::Generator(1)), same(small, diva::Generator(1)), other(small, diva::Generator(2));
  const auto images = diva::Generator(5).normal({6, 1, 28, 28});
  const auto y = network.forward(images);
  CHECK(y.size() == 2);
  CHECK(y.at("shared").sizes() == torch::IntArrayRef({6, 4}));
  CHECK(torch::equal(y.at("shared"), same.forward(images).at("shared")));
  CHECK_FALSE(torch::equal(y.at("shared"), other.forward(images).at("shared")));
}

TEST_CASE("a network names its parts and its clone is equal and independent") {
  diva::Network network(small, diva::Generator(1));
  auto clone = network.clone();
  const auto mine = network.named_parameters(), theirs = clone.named_parameters();
  REQUIRE(mine.size() == theirs.size());
  CHECK(mine.back().name == "head.shared.bias");
  CHECK(mine.front().name.starts_with("backbone."));
  for (std::size_t i = 0; i < mine.size(); ++i) {
    REQUIRE(torch::equal(mine[i].tensor, theirs[i].tensor));
    REQUIRE_FALSE(mine[i].tensor.is_same(theirs[i].tensor));
  }
  CHECK_FALSE(network.named_buffers().empty());
}

TEST_CASE("a network refuses unknown backbones") {
  auto options = small;
  options.backbone = "conv5";
  CHECK_THROWS_AS(diva::Network(options, diva::Generator(1)), diva::OptionError);
}

TEST_CASE("a network computes one head alone as it does among all") {
  const diva::Network network(small, diva::Generator(1));
  const auto images = diva::Generator(5).normal({3, 1, 28, 28});
  CHECK(torch::equal(network.forward(images, "shared"), network.forward(images).at("shared")));
  CHECK_THROWS_AS(network.forward(images, "intra"), diva::OptionError);
}
