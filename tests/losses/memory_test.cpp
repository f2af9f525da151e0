// What a large batch costs beyond itself: value and gradient at B = 8,192 stay below 1 GiB, where B² floats alone are 256 MiB and
// the triplets of such a batch 4.8 GiB of indices.
#include "support/catch.hpp"
#include "support/peak_memory.hpp"

#include <torch/types.h>
#include <diva/core/generator.hpp>
#include <diva/losses/proxy_loss.hpp>
#include <diva/losses/registry.hpp>

#include <string>

namespace {

constexpr std::int64_t samples = 8192, per_class = 4, classes = samples / per_class;
constexpr std::int64_t limit = std::int64_t{1} << 30;

// Criteria of one batch compared with itself that are left out, with the reason.
bool is_left_out(const std::string& name) {
  return name == "manifold"       // solves a system of all samples, O(B³), by definition
         || name == "vicreg"      // no pairs: its matrix is D × D
         || name == "angular"     // O(P·R·D) time: minutes
         || name == "quadruplet"  // O(T log B) time: minutes
      ;
}

void check_extra(const std::string& name, std::int64_t dim) {
  INFO("loss " << name << ", " << dim << " dimensions");
  diva::Generator generator(1);
  const auto loss = diva::make_loss(name, {.num_classes = classes, .embed_dim = dim}, "{}", generator);
  if (dynamic_cast<const diva::ProxyLoss*>(loss.get()) != nullptr) return;
  const auto labels = torch::arange(classes, torch::kInt64).repeat_interleave(per_class);
  auto x = generator.normal({classes, dim}).repeat_interleave(per_class, 0) + generator.normal({samples, dim});
  x = (x / x.norm(2, 1, true)).detach().requires_grad_();
  // What libraries allocate once and keep, such as packed matrices, is no cost of the batch.
  loss->forward(x.narrow(0, 0, 64), labels.narrow(0, 0, 64)).backward();
  x.mutable_grad() = torch::Tensor();
  const auto extra = peak_memory::extra([&] { loss->forward(x, labels).backward(); });
  if (!extra) {
    WARN("the peak of resident memory cannot be measured here");
    return;
  }
  INFO((*extra >> 20) << " MiB");
  CHECK(*extra < limit);
  CHECK(*extra > 0);
  CHECK(x.grad().isfinite().all().item<bool>());
}

}  // namespace

TEST_CASE("memory: every pair loss takes less than 1 GiB beyond a batch of 8,192") {
  for (const auto& listing : diva::loss_listings()) {
    if (listing.summary.alias_of == nullptr && !is_left_out(listing.name)) check_extra(listing.name, 32);
  }
}

TEST_CASE("memory: the engines of pairs, of all triplets and of boundaries take less than 1 GiB with 512 dimensions") {
  for (const char* name : {"margin", "triplet", "multisimilarity"}) check_extra(name, 512);
}
