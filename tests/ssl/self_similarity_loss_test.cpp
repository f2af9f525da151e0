// What every self-similarity criterion promises, for each name of the registry.
#include "support/catch.hpp"
#include "support/finite_differences.hpp"

#include <diva/core/error.hpp>
#include <diva/core/generator.hpp>
#include <diva/ssl/registry.hpp>

#include <functional>

namespace {

torch::Tensor unit_rows(diva::Generator& generator, std::int64_t rows, std::int64_t dim) {
  const auto x = generator.normal({rows, dim}, torch::kFloat64);
  return x / x.norm(2, 1, true);
}

void for_each_criterion(const std::function<void(const std::string&, const std::string&)>& body) {
  for (const auto& name : diva::self_similarity_names()) {
    const std::vector<std::string> variants =
        name == "moco" ? std::vector<std::string>{"{}"}
                       : std::vector<std::string>{R"({"variant": "fixed"})", R"({"variant": "repo"})", R"({"variant": "paper"})"};
    for (const auto& options : variants) {
      INFO(name << " " << options);
      body(name, options);
    }
  }
}

}  // namespace

TEST_CASE("self-similarity gradients agree with finite differences where weights do not depend on the query") {
  // Weights are taken without their graph, so differences see them only for moco.
  diva::Generator generator(1);
  auto q = unit_rows(generator, 4, 6).requires_grad_();
  const auto k = unit_rows(generator, 4, 6), queue = unit_rows(generator, 9, 6);
  const auto loss = diva::make_self_similarity("moco");
  CHECK(gradient_error([&] { return loss->forward(q, k, queue); }, q) < 1e-6);
}

TEST_CASE("self-similarity trains a temperature when asked") {
  diva::Generator generator(2);
  const auto q = unit_rows(generator, 4, 6), k = unit_rows(generator, 4, 6), queue = unit_rows(generator, 9, 6);
  for (const auto& name : diva::self_similarity_names()) {
    CHECK(diva::make_self_similarity(name)->parameters().empty());
    const auto loss = diva::make_self_similarity(name, R"({"learn_temperature": true, "temperature_learning_rate": 0.1})");
    loss->to(torch::kFloat64);
    REQUIRE(loss->parameters().size() == 1);
    CHECK(loss->learning_rate() == 0.1);
    CHECK(gradient_error([&] { return loss->forward(q, k, queue); }, loss->parameters()[0]) < 1e-6);
  }
}

TEST_CASE("self-similarity is finite for identical and opposite embeddings, in float and double") {
  for_each_criterion([](const std::string& name, const std::string& options) {
    for (const auto type : {torch::kFloat32, torch::kFloat64}) {
      diva::Generator generator(3);
      const auto one = unit_rows(generator, 1, 128).to(type);
      auto q = torch::cat({one, one, -one, one * 0}).requires_grad_();
      const auto queue = torch::cat({one, -one, one, one * 0});
      const auto value = diva::make_self_similarity(name, options)->forward(q, q.detach(), queue);
      value.backward();
      CHECK(value.isfinite().item<bool>());
      CHECK(q.grad().isfinite().all().item<bool>());
    }
  });
}

TEST_CASE("self-similarity over an empty queue or batch is zero with a gradient of zeros") {
  for_each_criterion([](const std::string& name, const std::string& options) {
    diva::Generator generator(4);
    auto q = unit_rows(generator, 3, 5).requires_grad_();
    const auto loss = diva::make_self_similarity(name, options);
    const auto value = loss->forward(q, q.detach(), torch::empty({0, 5}, torch::kFloat64));
    value.backward();
    CHECK(value.item<double>() == 0);
    CHECK(torch::equal(q.grad(), torch::zeros_like(q)));
    const auto none = torch::empty({0, 5}, torch::kFloat64);
    CHECK(loss->forward(none, none, q.detach()).item<double>() == 0);
  });
}

TEST_CASE("self-similarity passes NaN on, computes half in float, and refuses shapes that do not fit") {
  for_each_criterion([](const std::string& name, const std::string& options) {
    diva::Generator generator(5);
    const auto q = unit_rows(generator, 3, 5), queue = unit_rows(generator, 7, 5);
    const auto loss = diva::make_self_similarity(name, options);
    CHECK(loss->forward(q * NAN, q, queue).isnan().item<bool>());
    CHECK(loss->forward(q.to(torch::kHalf), q.to(torch::kHalf), queue).scalar_type() == torch::kFloat32);
    CHECK_THROWS_AS(loss->forward(q, q.narrow(0, 0, 2), queue), diva::ShapeError);
    CHECK_THROWS_AS(loss->forward(q, q, queue.narrow(1, 0, 4)), diva::ShapeError);
  });
}
