#include "support/catch.hpp"
#include "support/proxies.hpp"

#include <diva/core/error.hpp>
#include <diva/losses/arcface_loss.hpp>
#include <diva/losses/large_margin_softmax_loss.hpp>
#include <diva/losses/proxy_anchor_loss.hpp>
#include <diva/losses/softmax_loss.hpp>
#include <diva/losses/softtriplet_loss.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

using Catch::Matchers::Contains;
using diva::Generator;
using diva::ProxyStart;
using diva::SoftmaxLoss;
using diva::SoftmaxLossOptions;

namespace {

torch::Tensor normal(std::uint64_t seed, std::int64_t rows, std::int64_t dim) {
  return Generator(seed).normal({rows, dim}, torch::kFloat64);
}

torch::Tensor labels_of(std::uint64_t seed, std::int64_t batch, std::int64_t classes) {
  return (Generator(seed).uniform({batch}, torch::kFloat64) * static_cast<double>(classes)).floor().to(torch::kInt64);
}

SoftmaxLoss sampled(double rate, std::int64_t classes, std::uint64_t seed = 1) {
  Generator generator(seed);
  SoftmaxLoss loss({.temperature = 1, .proxies = {.sample_rate = rate}}, classes, 4, generator);
  loss.to(torch::kFloat64);
  return loss;
}

// The classes that the next step compares with: their rows alone have a gradient.
std::vector<std::int64_t> next_classes(SoftmaxLoss& loss, const torch::Tensor& x, const torch::Tensor& labels) {
  loss.parameters()[0].mutable_grad() = torch::Tensor();
  loss.forward(x, labels).backward();
  const auto rows = loss.proxies().grad().abs().sum(1).nonzero().view(-1);
  return {rows.data_ptr<std::int64_t>(), rows.data_ptr<std::int64_t>() + rows.numel()};
}

}  // namespace

TEST_CASE("proxies start as their references draw them") {
  const auto drawn = [](ProxyStart start, std::int64_t classes, std::int64_t dim) {
    Generator generator(3);
    return SoftmaxLoss({.proxies = {.start = start}}, classes, dim, generator).proxies().detach();
  };
  const auto deviation = [](const torch::Tensor& x) { return x.std().item<double>(); };
  CHECK(std::abs(deviation(drawn(ProxyStart::normal, 200, 50)) - 1) < 0.03);
  CHECK(std::abs(deviation(drawn(ProxyStart::small_normal, 200, 50)) - 0.125) < 0.004);
  CHECK(std::abs(deviation(drawn(ProxyStart::kaiming, 200, 50)) - 0.1) < 0.003);  // √(2/200)
  const auto by_dim = drawn(ProxyStart::uniform, 200, 25), by_count = drawn(ProxyStart::uniform_by_count, 400, 25);
  CHECK(by_dim.abs().max().item<double>() <= 0.2);
  CHECK(by_dim.abs().max().item<double>() > 0.19);
  CHECK(by_count.abs().max().item<double>() <= 0.05);
  CHECK(by_count.abs().max().item<double>() > 0.047);
  CHECK((drawn(ProxyStart::sphere, 200, 25).norm(2, 1) - 1).abs().max().item<double>() < 1e-6);
}

TEST_CASE("tuples weigh samples by how often they occur") {
  // Proxies e1 and e2, T = 1. Sample 0 = e1 of class 0: log(1 + e^-1); sample 1 = e1 of class 1: log(1 + e); sample 2 likewise.
  auto loss = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{.temperature = 1}, torch::eye(2));
  const auto x = torch::tensor({{1.0, 0.0}, {1.0, 0.0}, {1.0, 0.0}}, torch::kFloat64);
  const auto y = indices({0, 1, 1});
  const double near = std::log(1 + std::exp(-1.0)), far = std::log(1 + std::exp(1.0));
  const auto value = [&](const diva::Tuples& tuples) { return loss.forward(x, y, tuples).item<double>(); };
  CHECK(std::abs(value({}) - (near + 2 * far) / 3) < 1e-12);
  // Samples 0, 1, 2 occur once, twice and three times: weights 1/3, 2/3, 1.
  CHECK(std::abs(value(diva::Triplets{indices({1, 1}), indices({2, 2}), indices({0, 2})}) - (near / 3 + far * 2 / 3 + far) / 3) <
        1e-12);
  // All equally often: weights of 1.
  CHECK(std::abs(value(diva::Triplets{indices({1, 1}), indices({2, 2}), indices({0, 0})}) - (near + 2 * far) / 3) < 1e-12);
  // Pairs (1, 2) and (1, 0): sample 1 twice, the others once.
  CHECK(std::abs(value(diva::Pairs{indices({1}), indices({2}), indices({1}), indices({0})}) - (near / 2 + far + far / 2) / 3) <
        1e-12);
  CHECK_THROWS_WITH(value(diva::Relation{torch::ones({3, 3}, torch::kBool)}), Contains("relation"));
}

TEST_CASE("a proxy loss refuses what does not fit its proxies") {
  Generator generator(1);
  const auto make = [&](diva::ProxyOptions options, std::int64_t classes, std::int64_t dim) {
    return SoftmaxLoss({.proxies = options}, classes, dim, generator);
  };
  CHECK_THROWS_WITH(make({}, 0, 4), Contains("num_classes"));
  CHECK_THROWS_WITH(make({}, 4, 0), Contains("embed_dim"));
  CHECK_THROWS_AS(make({.sample_rate = 0}, 4, 4), diva::OptionError);
  CHECK_THROWS_AS(make({.sample_rate = 1.5}, 4, 4), diva::OptionError);
  CHECK_THROWS_AS(make({.learning_rate = -1}, 4, 4), diva::OptionError);
  auto loss = make({}, 4, 4);
  const auto x = torch::ones({2, 4});
  CHECK_THROWS_AS(loss.forward(torch::ones({2, 3}), indices({0, 1})), diva::ShapeError);
  CHECK_THROWS_AS(loss.logits(torch::ones({2, 3})), diva::ShapeError);
  CHECK_THROWS_AS(loss.forward(x, indices({0, 4})), diva::DataError);
  CHECK_THROWS_AS(loss.forward(x, indices({0, 1}), {}, diva::Reference{x, indices({0, 1})}), diva::OptionError);
  CHECK(loss.learning_rate() == 5e-4);
  CHECK(!loss.takes_tuples());
}

TEST_CASE("sampled classes are those of the batch and others without repetition, and the loss is that over them") {
  constexpr std::int64_t classes = 40;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto loss = sampled(0.3, classes, seed);
    const auto x = normal(seed, 6, 4), y = labels_of(seed, 6, classes);
    const auto before = loss.state().tensor("sampler").clone();
    const auto chosen = next_classes(loss, x, y);
    REQUIRE(chosen.size() == 12);  // ⌈0.3 · 40⌉
    for (std::int64_t i = 0; i < 6; ++i) CHECK(std::find(chosen.begin(), chosen.end(), y[i].item<std::int64_t>()) != chosen.end());
    // The same generator again gives the same value, that of a loss of these proxies alone.
    torch::Tensor(loss.named_buffers()[0].tensor).copy_(before);
    const auto columns = indices(chosen);
    auto part = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{.temperature = 1}, loss.proxies().detach().index_select(0, columns));
    const auto expected = part.forward(x, torch::searchsorted(columns, y)).item<double>();
    CHECK(std::abs(loss.forward(x, y).item<double>() - expected) < 1e-12);
  }
}

TEST_CASE("all other classes are sampled equally often, and never fewer classes than samples") {
  auto loss = sampled(0.25, 20);
  const auto x = normal(1, 2, 4), y = indices({3, 7});
  std::vector<int> counts(20);
  constexpr int steps = 3000;
  for (int i = 0; i < steps; ++i) {
    for (const auto c : next_classes(loss, x, y)) ++counts[static_cast<std::size_t>(c)];
  }
  CHECK(counts[3] == steps);
  CHECK(counts[7] == steps);
  // Three of the other 18: 500 expected, with a deviation of √(3000 · 1/6 · 5/6) = 20.4.
  for (std::size_t c = 0; c < 20; ++c) {
    if (c != 3 && c != 7) CHECK(std::abs(counts[c] - 500) < 102);
  }
  CHECK(next_classes(loss, normal(2, 9, 4), torch::arange(9)).size() == 9);
  CHECK(next_classes(loss, normal(2, 30, 4), torch::arange(30).remainder(20)).size() == 20);
}

TEST_CASE("a rate of 1 compares with all classes, and a restored loss draws on as the first would have") {
  const auto x = normal(4, 5, 4), y = labels_of(4, 5, 30);
  auto whole = sampled(1, 30);
  CHECK(whole.named_buffers().empty());
  CHECK(next_classes(whole, x, y).size() == 30);
  auto first = sampled(0.2, 30, 1), second = sampled(0.2, 30, 2);
  next_classes(first, x, y);
  second.restore(first.state());
  for (int i = 0; i < 5; ++i) CHECK(next_classes(first, x, y) == next_classes(second, x, y));
}

TEST_CASE("several proxies of a class are sampled together") {
  Generator generator(1);
  diva::SoftTripletLoss loss({.centers = 3, .proxies = {.sample_rate = 0.5}}, 8, 4, generator);
  loss.to(torch::kFloat64);
  loss.forward(normal(1, 2, 4), indices({1, 5})).backward();
  const auto touched = loss.proxies().grad().abs().sum(1).view({8, 3}) > 0;
  CHECK(torch::equal(touched.all(1), touched.any(1)));
  CHECK(touched.all(1).sum().item<std::int64_t>() == 4);
}

TEST_CASE("large batches of many classes are computed in blocks with the same value and gradients") {
  constexpr std::int64_t batch = 1500, classes = 3000;  // 4.5 million pairs, more than pairs_at_once
  auto x = normal(1, batch, 3).requires_grad_();
  const auto y = labels_of(2, batch, classes);
  const auto rows = normal(3, classes, 3);
  const auto check = [&](auto& loss, const std::function<torch::Tensor(const torch::Tensor& w)>& expected) {
    x.mutable_grad() = torch::Tensor();
    const auto value = loss.forward(x, y);
    value.backward();
    const auto of_x = x.grad().clone(), of_rows = loss.proxies().grad().clone();
    x.mutable_grad() = torch::Tensor();
    const auto w = rows.clone().requires_grad_();
    const auto direct = expected(w);
    direct.backward();
    CHECK(std::abs(value.template item<double>() - direct.template item<double>()) < 1e-10);
    CHECK((of_x - x.grad()).abs().max().template item<double>() < 1e-12);
    CHECK((of_rows - w.grad()).abs().max().template item<double>() < 1e-12);
  };
  const auto unit = [](const torch::Tensor& a) { return a / a.norm(2, 1, true); };
  auto softmax = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{.temperature = 0.5}, rows);
  check(softmax, [&](const torch::Tensor& w) { return torch::cross_entropy_loss(x.mm(unit(w).t()) / 0.5, y); });
  auto plain = with_proxies<diva::LargeMarginSoftmaxLoss>(diva::LargeMarginSoftmaxLossOptions{.margin = 1}, rows);
  check(plain, [&](const torch::Tensor& w) { return torch::cross_entropy_loss(x.mm(w.t()), y); });
  auto anchors = with_proxies<diva::ProxyAnchorLoss>(diva::ProxyAnchorLossOptions{.positive_scale = 2, .negative_scale = 2}, rows);
  check(anchors, [&](const torch::Tensor& w) {
    const auto cosines = unit(x).mm(unit(w).t());
    const auto own = torch::zeros_like(cosines).scatter(1, y.unsqueeze(1), 1);
    const auto pulled = (own * (-2 * (cosines - 0.1)).exp()).sum(0), pushed = ((1 - own) * (2 * (cosines + 0.1)).exp()).sum(0);
    return pulled.log1p().sum() / (pulled > 0).sum() + pushed.log1p().mean();
  });
}

TEST_CASE("logits rank the classes, in float32 at least") {
  const auto rows = torch::tensor({{2.0, 0.0}, {0.0, 1.0}}, torch::kFloat64);
  const auto x = torch::tensor({{3.0, 4.0}}, torch::kFloat64);
  const auto softmax = with_proxies<SoftmaxLoss>(SoftmaxLossOptions{.temperature = 0.5}, rows);
  CHECK(torch::allclose(softmax.logits(x), torch::tensor({{6.0, 8.0}}, torch::kFloat64)));
  CHECK(softmax.logits(x.to(torch::kHalf)).scalar_type() == torch::kFloat32);
  const auto arcface = with_proxies<diva::ArcFaceLoss>(diva::ArcFaceLossOptions{.scale = 10}, rows);
  CHECK(torch::allclose(arcface.logits(x), torch::tensor({{6.0, 8.0}}, torch::kFloat64)));
  const auto margin = with_proxies<diva::LargeMarginSoftmaxLoss>(diva::LargeMarginSoftmaxLossOptions{}, rows);
  CHECK(torch::allclose(margin.logits(x), torch::tensor({{6.0, 4.0}}, torch::kFloat64)));
}

TEST_CASE("the sine of a cosine is 0 with a gradient of 0 at and beyond 1") {
  const auto c = torch::tensor({0.6, 1.0, -1.0, 1.0000001}, torch::kFloat64).requires_grad_();
  const auto s = diva::detail::sine(c);
  s.sum().backward();
  CHECK(torch::allclose(s.detach(), torch::tensor({0.8, 0.0, 0.0, 0.0}, torch::kFloat64)));
  CHECK(torch::allclose(c.grad(), torch::tensor({-0.75, 0.0, 0.0, 0.0}, torch::kFloat64)));
}
