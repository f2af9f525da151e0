#include "support/catch.hpp"

#include <torch/utils.h>
#include <diva/backbones/backbone.hpp>
#include <diva/core/error.hpp>
#include <diva/core/json.hpp>

#include <map>

namespace {

std::unique_ptr<diva::Backbone> make(const std::string& name, const diva::BackboneOptions& options = {}, std::uint64_t seed = 1) {
  diva::Generator generator(seed);
  return diva::make_backbone(name, options, generator);
}

torch::Tensor images(torch::IntArrayRef sizes, torch::ScalarType type = torch::kFloat32) {
  return diva::Generator(99).normal(sizes, type);
}

std::map<std::string, torch::Tensor> by_name(const std::vector<diva::NamedTensor>& list) {
  std::map<std::string, torch::Tensor> result;
  for (const auto& [name, tensor] : list) result[name] = tensor;
  return result;
}

bool same_values(const diva::Backbone& a, const diva::Backbone& b) {
  const auto x = a.state().tensors, y = b.state().tensors;
  return x.size() == y.size() &&
         std::all_of(x.begin(), x.end(), [&](const auto& entry) { return torch::equal(entry.second, y.at(entry.first)); });
}

std::int64_t count(const diva::Backbone& backbone) {
  std::int64_t total = 0;
  for (const auto& tensor : backbone.parameters()) total += tensor.numel();
  return total;
}

}  // namespace

TEST_CASE("backbones give features of the dimension they state, for odd sizes of images too") {
  for (const auto& [name, dim] : std::map<std::string, std::int64_t>{
           {"resnet18", 512}, {"resnet50", 2048}, {"bninception", 1024}, {"googlenet", 1024}, {"conv4", 64}}) {
    INFO(name);
    const auto backbone = make(name);
    backbone->train(false);
    CHECK(backbone->feature_dim() == dim);
    torch::NoGradGuard no_grad;
    CHECK(backbone->forward(images({2, 3, 64, 64})).sizes() == torch::IntArrayRef({2, dim}));
    CHECK(backbone->forward(images({3, 3, 33, 50})).sizes() == torch::IntArrayRef({3, dim}));
  }
}

TEST_CASE("backbones have as many parameters as the published networks without their classifiers") {
  // torchvision's totals less the classifier: 11,689,512 - 1000·513 and so on.
  CHECK(count(*make("resnet18")) == 11'689'512 - 1000 * 513);
  CHECK(count(*make("resnet34")) == 21'797'672 - 1000 * 513);
  CHECK(count(*make("resnet50")) == 25'557'032 - 1000 * 2049);
  CHECK(count(*make("resnet101")) == 44'549'160 - 1000 * 2049);
  CHECK(count(*make("resnet152")) == 60'192'808 - 1000 * 2049);
  CHECK(count(*make("googlenet")) == 6'624'904 - 1000 * 1025);     // without the auxiliary classifiers
  CHECK(count(*make("bninception")) == 11'295'240 - 1000 * 1025);  // pretrainedmodels'
  // timm's: patches, tokens, twelve blocks of 12·d² + 13·d (and 2·d of LayerScale), the last norm.
  CHECK(count(*make("vits16")) == 21'665'664);
  CHECK(count(*make("vitb32")) == 87'455'232);
  CHECK(count(*make("dinov2_vits14_reg4")) == 22'057'344);
  // Four blocks: 9·1·32 + 3·9·32·32 weights and 4·2·32 scales and offsets.
  CHECK(count(*make("conv4", {.in_channels = 1, .widths = {32}})) == 288 + 27648 + 256);
}

TEST_CASE("backbones use torchvision's names") {
  const auto backbone = make("resnet50");
  const auto parameters = by_name(backbone->named_parameters()), buffers = by_name(backbone->named_buffers());
  for (const auto* name :
       {"conv1.weight", "bn1.bias", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.weight", "layer4.2.conv3.weight"}) {
    CHECK(parameters.contains(name));
  }
  CHECK(buffers.contains("layer3.5.bn3.running_var"));
  CHECK_FALSE(parameters.contains("fc.weight"));
}

TEST_CASE("pooling: sum of average and maximum, and flattening keeps all") {
  const auto average = make("conv4", {.pooling = diva::Pooling::average}), max = make("conv4", {.pooling = diva::Pooling::max});
  const auto both = make("conv4", {.pooling = diva::Pooling::average_plus_max});
  const auto flat = make("conv4", {.pooling = diva::Pooling::flatten, .image_size = 50});  // 50 -> 25 -> 12 -> 6 -> 3
  const auto x = images({2, 3, 50, 50});
  CHECK(flat->feature_dim() == 64 * 9);
  const auto map = flat->forward(x).view({2, 64, 9});
  CHECK(torch::allclose(average->forward(x), map.mean(2), 1e-4, 1e-5));
  CHECK(torch::allclose(max->forward(x), map.amax(2), 1e-4, 1e-5));
  CHECK(torch::allclose(both->forward(x), map.mean(2) + map.amax(2), 1e-4, 1e-5));
  CHECK(make("resnet18", {.pooling = diva::Pooling::flatten, .image_size = 65})->feature_dim() == 512 * 9);
}

TEST_CASE("the generalised mean is the average at p = 1, near the maximum for large p, and learns p") {
  const auto x = images({2, 3, 48, 48});
  const auto features = [&](const diva::BackboneOptions& options) { return make("conv4", options)->forward(x); };
  // Values behind ReLU: the floor of 1e-6 is all that differs from the mean.
  CHECK(torch::allclose(features({.pooling = diva::Pooling::gem, .gem_power = 1}), features({.pooling = diva::Pooling::average}),
                        1e-4, 2e-6));
  // With n = 9 places the mean of powers is at least max^p / 9: (1/9)^(1/200) = 0.989.
  const auto largest = features({.pooling = diva::Pooling::max}), near = features({.pooling = diva::Pooling::gem, .gem_power = 50});
  CHECK((near <= largest + 1e-5).all().item<bool>());
  CHECK((near >= 0.95 * largest - 1e-5).all().item<bool>());  // (1/9)^(1/50) = 0.957
  const auto backbone = make("conv4", {.pooling = diva::Pooling::gem});
  CHECK(by_name(backbone->named_parameters()).contains("pool.p"));
  backbone->forward(x).sum().backward();
  CHECK(by_name(backbone->named_parameters()).at("pool.p").grad().abs().item<double>() > 0);
  CHECK(torch::allclose(backbone->clone()->forward(x), backbone->forward(x)));
}

TEST_CASE("a transformer pools its class token, its patches or all of them, and takes multiples of its patch") {
  using Catch::Matchers::Contains;
  const auto flat = make("vits16", {.pooling = diva::Pooling::flatten, .image_size = 48});
  CHECK(flat->feature_dim() == 384 * 9);
  const auto average = make("vits16", {.pooling = diva::Pooling::average});
  const auto usual = make("vits16"), token = make("vits16", {.pooling = diva::Pooling::class_token});
  const auto x = images({2, 3, 48, 48});
  torch::NoGradGuard no_grad;
  CHECK(torch::allclose(average->forward(x), flat->forward(x).view({2, 384, 9}).mean(2), 1e-3, 1e-5));
  CHECK(torch::equal(usual->forward(x), token->forward(x)));
  CHECK_FALSE(torch::allclose(usual->forward(x), average->forward(x), 1e-2, 1e-2));
  CHECK(usual->forward(images({1, 3, 32, 64})).sizes() == torch::IntArrayRef({1, 384}));
  CHECK_THROWS_WITH(usual->forward(images({1, 3, 40, 48})), Contains("a multiple of 16 pixels"));
  CHECK_THROWS_WITH(make("resnet18", {.pooling = diva::Pooling::class_token}), Contains("class_token for resnet18"));
  CHECK(make("dinov2_vits14_reg4")->forward(images({1, 3, 28, 42})).sizes() == torch::IntArrayRef({1, 384}));
}

TEST_CASE("gradients of a transformer, whose last block computes the class token alone, are those of the whole block") {
  // The flattened map of a clone comes from the whole last block; the class token's gradient in it is found by finite differences.
  const auto backbone = make("vits16", {.in_channels = 1});
  backbone->to(torch::kFloat64);
  auto x = images({1, 1, 32, 32}, torch::kFloat64);
  const auto weights = diva::Generator(8).normal({1, 384}, torch::kFloat64);
  const auto value = [&] { return (backbone->forward(x) * weights).sum(); };
  value().backward();
  torch::NoGradGuard no_grad;
  const double step = 1e-5;
  for (const auto* name :
       {"cls_token", "pos_embed", "patch_embed.proj.weight", "blocks.0.attn.qkv.weight", "blocks.11.attn.qkv.weight",
        "blocks.11.attn.qkv.bias", "blocks.11.mlp.fc1.weight", "blocks.11.norm1.weight", "norm.weight"}) {
    INFO(name);
    auto parameter = by_name(backbone->named_parameters()).at(name);
    const auto direction = diva::Generator(3).normal(parameter.sizes(), torch::kFloat64);
    parameter.add_(direction, step);
    const double up = value().item<double>();
    parameter.add_(direction, -2 * step);
    const double down = value().item<double>();
    parameter.add_(direction, step);
    const double expected = (parameter.grad() * direction).sum().item<double>();
    CHECK_THAT((up - down) / (2 * step), Catch::Matchers::WithinRel(expected, 1e-4) || Catch::Matchers::WithinAbs(expected, 1e-6));
  }
}

TEST_CASE("evaluation without gradients, which joins convolution and normalisation, gives the features that it has with them") {
  for (const auto* name : {"resnet18", "bninception", "googlenet"}) {
    INFO(name);
    const auto backbone = make(name);
    const auto x = images({3, 3, 96, 96});
    backbone->forward(x);  // moves the statistics away from their start
    backbone->train(false);
    const auto with = backbone->forward(x).detach();
    torch::NoGradGuard no_grad;
    const auto without = backbone->forward(x);
    CHECK((with - without).abs().max().item<double>() < 1e-5 * with.abs().max().item<double>());
    const auto narrow = backbone->clone();
    narrow->to(torch::kBFloat16);
    const auto rough = narrow->forward(x.to(torch::kBFloat16)).to(torch::kFloat32);
    CHECK((with - rough).abs().max().item<double>() < 0.05 * with.abs().max().item<double>());
  }
}

TEST_CASE("images in either layout, contiguous or channels-last, give the same features") {
  for (const auto* name : {"resnet18", "bninception", "vits16"}) {
    INFO(name);
    const auto backbone = make(name);
    backbone->train(false);
    const auto x = images({2, 3, 64, 64});
    torch::NoGradGuard no_grad;
    CHECK(torch::equal(backbone->forward(x), backbone->forward(x.contiguous(at::MemoryFormat::ChannelsLast))));
  }
}

TEST_CASE("every backbone of the registry says what it is") {
  const auto listings = diva::backbone_listings();
  REQUIRE(listings.size() == diva::backbone_names().size());
  for (const auto& listing : listings) {
    INFO(listing.name);
    CHECK((listing.summary.alias_of != nullptr || std::string(listing.summary.source) != ""));
  }
}

TEST_CASE("one generator gives one network, another gives another, and torch's own generator is left alone") {
  at::manual_seed(12);
  const auto expected = torch::rand({8});
  for (const auto* name : {"resnet18", "bninception", "conv4"}) {
    at::manual_seed(12);
    const auto backbone = make(name, {}, 4);
    CHECK(torch::equal(torch::rand({8}), expected));
    CHECK(same_values(*backbone, *make(name, {}, 4)));  // with torch's generator at another place
    CHECK_FALSE(same_values(*backbone, *make(name, {}, 5)));
  }
  diva::Generator generator(4);
  const auto first = diva::make_backbone("conv4", {}, generator), second = diva::make_backbone("conv4", {}, generator);
  CHECK_FALSE(same_values(*first, *second));
}

TEST_CASE("weights start normal with variance 2 over the fan-out, batch normalisation neutral") {
  const auto state = make("resnet18")->state();
  const auto& weight = state.tensor("layer3.0.conv2.weight");  // [256, 256, 3, 3]: 589,824 values
  // Relative standard error of a variance estimate: sqrt(2/589824) = 0.0018; five of them.
  CHECK(std::abs(weight.var().item<double>() * (256 * 9) / 2 - 1) < 0.0092);
  CHECK(state.tensor("bn1.weight").eq(1).all().item<bool>());
  CHECK(state.tensor("bn1.running_var").eq(1).all().item<bool>());
  CHECK(state.tensor("bn1.bias").eq(0).all().item<bool>());
}

TEST_CASE("in training the running statistics move unless frozen, and gamma moves unless all is frozen") {
  using diva::BatchNorm;
  for (const auto mode : {BatchNorm::trainable, BatchNorm::frozen_statistics, BatchNorm::frozen}) {
    const auto backbone = make("resnet18", {.batch_norm = mode});
    const auto before = backbone->clone();
    backbone->train();
    backbone->forward(images({4, 3, 64, 64})).pow(2).sum().backward();
    {
      torch::NoGradGuard no_grad;
      for (auto& parameter : backbone->parameters()) {
        REQUIRE(parameter.grad().defined());
        parameter.sub_(parameter.grad(), 1e-3);
      }
    }
    const auto old_state = before->state(), new_state = backbone->state();
    const auto moved = [&](const char* name) { return !torch::equal(old_state.tensor(name), new_state.tensor(name)); };
    INFO(diva::to_string(mode));
    CHECK(moved("conv1.weight"));
    CHECK(moved("layer4.1.bn2.running_mean") == (mode == BatchNorm::trainable));
    CHECK(moved("bn1.running_var") == (mode == BatchNorm::trainable));
    CHECK(moved("bn1.weight") == (mode != BatchNorm::frozen));
    CHECK(by_name(backbone->named_buffers()).contains("bn1.weight") == (mode == BatchNorm::frozen));
  }
}

TEST_CASE("evaluation treats each image alone, whatever else is in the batch") {
  const auto backbone = make("conv4");
  const auto x = images({5, 3, 32, 32});
  backbone->forward(x);  // moves the statistics away from their start
  backbone->train(false);
  torch::NoGradGuard no_grad;
  CHECK(torch::allclose(backbone->forward(x)[2], backbone->forward(x.slice(0, 2, 3))[0], 1e-4, 1e-6));
  CHECK(torch::equal(backbone->forward(x), backbone->forward(x)));
}

TEST_CASE("batch normalisation of one block agrees with its formula") {
  // After one training step with momentum 0.1 the running mean is 0.1 times the batch's mean, the running variance 0.9 plus 0.1
  // times the batch's unbiased variance; both are taken here from the first convolution, computed apart.
  const auto backbone = make("conv4", {.in_channels = 1, .widths = {3}});
  const auto x = images({4, 1, 16, 16});
  backbone->forward(x);
  torch::NoGradGuard no_grad;
  const auto state = backbone->state();
  const auto y = torch::conv2d(x, state.tensor("blocks.0.conv.weight"), {}, 1, 1).transpose(0, 1).reshape({3, -1});
  CHECK(torch::allclose(state.tensor("blocks.0.bn.running_mean"), 0.1 * y.mean(1), 1e-4, 1e-6));
  CHECK(torch::allclose(state.tensor("blocks.0.bn.running_var"), 0.9 + 0.1 * y.var(1), 1e-4, 1e-6));
}

TEST_CASE("gradients of a backbone agree with finite differences") {
  const auto backbone = make("conv4", {.in_channels = 1, .widths = {4}});
  backbone->to(torch::kFloat64);
  auto x = images({3, 1, 16, 16}, torch::kFloat64).requires_grad_();
  const auto value = [&](const torch::Tensor& input) { return backbone->forward(input).pow(2).sum(); };
  value(x).backward();
  torch::NoGradGuard no_grad;
  const double step = 1e-6;
  const auto check = [&](torch::Tensor tensor, const torch::Tensor& gradient) {
    auto direction = diva::Generator(3).normal(tensor.sizes(), torch::kFloat64);
    tensor.add_(direction, step);
    const double up = value(x).item<double>();
    tensor.add_(direction, -2 * step);
    const double down = value(x).item<double>();
    tensor.add_(direction, step);
    CHECK_THAT((up - down) / (2 * step), Catch::Matchers::WithinRel((gradient * direction).sum().item<double>(), 1e-5));
  };
  check(x, x.grad());
  for (const auto& parameter : backbone->parameters()) check(parameter, parameter.grad());
}

TEST_CASE("a clone is equal and independent, in value, mode, type and what is trained") {
  const auto backbone = make("resnet18", {.batch_norm = diva::BatchNorm::frozen_statistics});
  backbone->to(torch::kFloat64);
  backbone->train(false);
  backbone->parameters().front().set_requires_grad(false);
  const auto copy = backbone->clone();
  CHECK(same_values(*backbone, *copy));
  CHECK_FALSE(copy->parameters().front().requires_grad());
  CHECK(copy->parameters().back().requires_grad());
  torch::NoGradGuard no_grad;
  const auto x = images({2, 3, 40, 40}, torch::kFloat64);
  const auto features = backbone->forward(x);
  CHECK(torch::equal(copy->forward(x), features));
  copy->parameters().front().mul_(2);
  CHECK(torch::equal(backbone->forward(x), features));
  CHECK_FALSE(same_values(*backbone, *copy));
  CHECK(same_values(*backbone, *backbone->clone()));

  const auto training = make("conv4");
  const auto training_copy = training->clone();
  const auto y = images({4, 3, 16, 16});
  CHECK(torch::equal(training->forward(y), training_copy->forward(y)));  // both by the batch's statistics
}

TEST_CASE("a backbone restores its own state and refuses another's") {
  const auto source = make("conv4", {}, 1), target = make("conv4", {}, 2), wide = make("conv4", {.widths = {8}});
  target->restore(source->state());
  CHECK(same_values(*source, *target));
  const auto before = wide->clone();
  CHECK_THROWS_AS(wide->restore(source->state()), diva::DataError);
  CHECK(same_values(*wide, *before));
}

TEST_CASE("backbones refuse images that they cannot take, and name what they expected") {
  const auto backbone = make("conv4");
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(backbone->forward(images({2, 1, 32, 32})), Contains("[batch, 3, height, width]") && Contains("[2, 1, 32, 32]"));
  CHECK_THROWS_WITH(backbone->forward(images({2, 3, 15, 32})), Contains("at least 16 pixels"));
  CHECK_THROWS_WITH(backbone->forward(images({2, 3, 32, 32}, torch::kFloat64)), Contains("float32"));
  CHECK_THROWS_AS(backbone->forward(images({3, 32, 32})), diva::ShapeError);
  CHECK_THROWS_AS(backbone->forward(torch::Tensor()), diva::ShapeError);
  CHECK_THROWS_AS(backbone->forward(images({2, 3, 32, 32}).to(torch::kUInt8)), diva::ShapeError);
  CHECK_THROWS_WITH(make("conv4", {.pooling = diva::Pooling::flatten})->forward(images({2, 3, 32, 32})), Contains("28 pixels"));

  // One image of 32 pixels leaves one value a channel in the last stage: nothing to normalise by in training, fine in evaluation.
  const auto resnet = make("resnet18");
  CHECK_THROWS_WITH(resnet->forward(images({1, 3, 32, 32})), Contains("more than one value a channel"));
  CHECK(resnet->state().tensor("layer4.1.bn2.running_var").isfinite().all().item<bool>());
  resnet->train(false);
  CHECK(resnet->forward(images({1, 3, 32, 32})).isfinite().all().item<bool>());
}

TEST_CASE("make_backbone refuses unknown names and options out of range") {
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(make("resnet81"), Contains("resnet81") && Contains("resnet18"));
  CHECK_THROWS_WITH(make("conv4", {.in_channels = 0}), Contains("in_channels"));
  CHECK_THROWS_WITH(make("conv4", {.widths = {-1}}), Contains("widths"));
  CHECK_THROWS_WITH(make("conv4", {.pooling = diva::Pooling::flatten, .image_size = 15}), Contains("image_size"));
}

TEST_CASE("backbone options survive JSON by the names of their values") {
  diva::BackboneOptions options;
  diva::from_json(
      diva::parse_json(R"({"pooling": "average_plus_max", "batch_norm": "frozen_statistics", "in_channels": 1})", "test"), options);
  CHECK(options.pooling == diva::Pooling::average_plus_max);
  CHECK(options.batch_norm == diva::BatchNorm::frozen_statistics);
  CHECK(diva::to_json(options)["in_channels"] == 1);
}
