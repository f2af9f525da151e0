// Losses against proxies in one pass: the form by tensors is the reference.
#include "support/catch.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/core/json.hpp>
#include <diva/losses/proxy_loss.hpp>
#include <diva/losses/registry.hpp>

#include "../../src/losses/fused_pairs.hpp"

#include <string>

namespace {

constexpr std::int64_t classes = 21, dim = 7;

struct Task {
  const char* loss;
  const char* options;
};

// Each criterion that has a kernel, in each form of it.
const Task tasks[] = {
    {"softmax", "{}"},
    {"softmax", R"({"normalize_embeddings": true, "temperature": 0.3})"},
    {"NormalizedSoftmaxLoss", "{}"},
    {"arcface", "{}"},
    {"arcface", R"({"margin": 1.2, "scale": 3})"},
    {"arcface", R"({"variant": "paper", "margin": 0.9, "scale": 3})"},
    {"ArcFaceLoss", "{}"},
    {"subcenter_arcface", R"({"scale": 5})"},
    {"SubCenterArcFaceLoss", R"({"sub_centers": 2})"},
    {"cosface", R"({"scale": 4})"},
    {"CosFaceLoss", "{}"},
    {"proxynca", "{}"},
    {"proxynca", R"({"distance": {"kind": "dot"}, "scale": 0.7})"},
    {"proxynca", R"({"distance": {"kind": "cosine"}, "include_positive": true})"},
    {"ProxyNCALoss", "{}"},
    {"proxynca_plus_plus", "{}"},
    {"softtriplet", "{}"},
    {"softtriplet", R"({"centers": 1, "lambda": 3})"},
    {"SoftTripleLoss", R"({"centers": 3})"},
    {"large_margin_softmax", R"({"scale": 0.4})"},
    {"large_margin_softmax", R"({"margin": 2})"},
    {"LargeMarginSoftmaxLoss", "{}"},
    {"sphereface", R"({"scale": 0.7})"},
    {"p2sgrad", "{}"},
    {"P2SGradLoss", "{}"},
    {"proxy_anchor", "{}"},
    {"proxy_anchor", R"({"positive_scale": 3, "negative_scale": 5, "distance": {"kind": "squared_euclidean", "normalize": true}})"},
    {"ProxyAnchorLoss", "{}"},
    {"instance", R"({"scale": 4})"},
    {"InstanceLoss", R"({"scale": 4})"},
};

struct Found {
  torch::Tensor value;
  std::vector<torch::Tensor> gradients;
  bool differentiable = false;  // that of the embeddings again, as in the form by tensors
};

Found found(const Task& task, const std::string& options, torch::ScalarType type, std::uint64_t seed, const diva::Tuples& tuples,
            std::int64_t size) {
  diva::Generator generator(seed);
  const auto loss = diva::make_loss(task.loss, {.num_classes = classes, .embed_dim = dim}, options, generator);
  loss->to(type);
  auto x = generator.normal({size, dim}, torch::kFloat64);
  const auto labels = (generator.uniform({size}).square() * classes).floor().to(torch::kInt64);
  x = x.to(type).requires_grad_();
  Found result;
  result.value = loss->forward(x, labels, tuples);
  std::vector<torch::Tensor> inputs = {x};
  for (const auto& parameter : loss->parameters()) inputs.push_back(parameter);
  result.gradients = torch::autograd::grad({3 * result.value}, inputs, {}, true, true, true);
  result.differentiable = result.gradients[0].requires_grad();
  for (auto& gradient : result.gradients) gradient = gradient.detach();
  return result;
}

double apart(const torch::Tensor& one, const torch::Tensor& other) {
  if (one.numel() == 0) return 0;
  return ((one - other).abs().max() / other.abs().max().clamp_min(1)).item<double>();
}

// Both forms agree, and the first is not the form by tensors.
void compare(const Task& task, const nlohmann::ordered_json& more, torch::ScalarType type, std::uint64_t seed,
             const diva::Tuples& tuples = {}, std::int64_t size = 30, bool fused = true) {
  auto options = nlohmann::ordered_json::parse(task.options);
  options.update(more);
  INFO(task.loss << " " << options.dump() << ", seed " << seed << ", " << torch::toString(type));
  const auto one = found(task, options.dump(), type, seed, tuples, size);
  const diva::detail::TensorFormGuard by_tensors;
  const auto other = found(task, options.dump(), type, seed, tuples, size);
  const double tolerance = type == torch::kFloat64 ? 1e-11 : 2e-5;
  CHECK(apart(one.value, other.value) < tolerance);
  for (std::size_t i = 0; i < one.gradients.size(); ++i) {
    INFO("input " << i);
    CHECK(apart(one.gradients[i], other.gradients[i]) < tolerance);
  }
  if (fused) CHECK(!one.differentiable);
}

bool has_proxies(const Task& task) {
  diva::Generator generator(0);
  const auto loss = diva::make_loss(task.loss, {.num_classes = classes, .embed_dim = dim}, task.options, generator);
  return dynamic_cast<const diva::ProxyLoss*>(loss.get()) != nullptr;
}

}  // namespace

TEST_CASE("fused proxies: value and gradients are those of the form by tensors") {
  for (const auto& task : tasks) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      for (const auto type : {torch::kFloat64, torch::kFloat32}) compare(task, nlohmann::ordered_json::object(), type, seed);
    }
  }
}

TEST_CASE("fused proxies: under every reducer") {
  std::vector<double> weights;
  for (std::int64_t c = 0; c < classes; ++c) weights.push_back(static_cast<double>(c % 4));
  for (const auto& task : tasks) {
    for (const char* kind : {"sum", "non_zero_mean", "per_anchor", "class_weighted", "divisor", "threshold"}) {
      const nlohmann::ordered_json reducer = {
          {"reducer", {{"kind", kind}, {"divisor", 3.5}, {"low", 0.1}, {"high", 4}, {"class_weights", weights}}}};
      compare(task, reducer, torch::kFloat64, 2, {}, 30, kind != std::string("threshold"));
    }
  }
}

TEST_CASE("fused proxies: with samples weighed by tuples, and with sampled classes") {
  const auto index = [](std::vector<std::int64_t> values) { return torch::tensor(values, torch::kInt64); };
  const diva::Triplets triplets = {index({0, 0, 1, 5}), index({1, 2, 2, 7}), index({3, 3, 4, 0})};
  for (const auto& task : tasks) {
    if (!has_proxies(task)) continue;
    compare(task, nlohmann::ordered_json::object(), torch::kFloat64, 3, triplets, 12, false);
    // 12 samples and half of 21 classes: 12 classes in a step.
    for (std::uint64_t seed = 0; seed < 4; ++seed)
      compare(task, {{"proxies", {{"sample_rate", 0.5}}}}, torch::kFloat64, seed, {}, 12);
  }
}

TEST_CASE("fused proxies: one sample, rows of zeros, and no gradient wanted") {
  for (const auto& task : tasks) {
    INFO(task.loss << " " << task.options);
    compare(task, nlohmann::ordered_json::object(), torch::kFloat64, 4, {}, 1, false);
    diva::Generator generator(1);
    const auto loss = diva::make_loss(task.loss, {.num_classes = classes, .embed_dim = dim}, task.options, generator);
    const auto x = generator.normal({9, dim});
    const auto labels = torch::arange(9, torch::kInt64).remainder(4);
    const double with_graph = loss->forward(x.clone().requires_grad_(), labels).item<double>();
    const torch::NoGradGuard no_gradient;
    const auto value = loss->forward(x, labels);
    CHECK(!value.requires_grad());
    CHECK(value.item<double>() == with_graph);
  }
}

TEST_CASE("fused proxies: the number of threads changes nothing") {
  const auto threads = torch::get_num_threads();
  for (const auto& task : tasks) {
    INFO(task.loss << " " << task.options);
    torch::set_num_threads(1);
    const auto one = found(task, task.options, torch::kFloat32, 5, {}, 400);
    torch::set_num_threads(3);
    const auto three = found(task, task.options, torch::kFloat32, 5, {}, 400);
    torch::set_num_threads(threads);
    CHECK(torch::equal(one.value, three.value));
    for (std::size_t i = 0; i < one.gradients.size(); ++i) CHECK(apart(one.gradients[i], three.gradients[i]) < 1e-6);
  }
}
