#include "support/catch.hpp"

#include <diva/core/error.hpp>
#include <diva/ssl/momentum.hpp>

namespace {

struct Network : diva::Module {
  explicit Network(double value)
      : weight(torch::full({2}, value).requires_grad_()),
        mean(torch::full({1}, value)),
        count(torch::full({1}, static_cast<std::int64_t>(value), torch::kInt64)) {}
  torch::Tensor weight, mean, count;
  std::vector<diva::NamedTensor> named_parameters() const override { return {{"weight", weight}}; }
  std::vector<diva::NamedTensor> named_buffers() const override { return {{"mean", mean}, {"count", count}}; }
};

}  // namespace

TEST_CASE("the key network moves by one minus the momentum, buffers too, integers are copied") {
  Network key(0), trained(10);
  diva::momentum_update(key, trained, 0.9);
  CHECK(std::abs(key.weight[0].item<double>() - 1) < 1e-6);
  CHECK(std::abs(key.mean[0].item<double>() - 1) < 1e-6);
  CHECK(key.count[0].item<std::int64_t>() == 10);
  CHECK(trained.weight[0].item<double>() == 10);
  diva::momentum_update(key, trained, 0);
  CHECK(torch::equal(key.weight, trained.weight));
}

TEST_CASE("momentum update refuses networks that differ and a momentum out of range") {
  struct Other : diva::Module {};
  Network key(0), trained(1);
  CHECK_THROWS_AS(diva::momentum_update(key, Other(), 0.9), diva::DataError);
  CHECK_THROWS_AS(diva::momentum_update(key, trained, 1.1), diva::OptionError);
  CHECK_THROWS_AS(diva::momentum_update(key, trained, NAN), diva::OptionError);
}
