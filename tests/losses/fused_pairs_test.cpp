// The kernels of rows against the tensor form of the same criterion, which is what CUDA and all other cases run.
#include "support/catch.hpp"

#include "../../src/losses/fused_lists.hpp"
#include "../../src/losses/fused_pairs.hpp"

#include <torch/autograd.h>
#include <torch/utils.h>
#include <diva/core/generator.hpp>
#include <diva/losses/registry.hpp>
#include <diva/miners/registry.hpp>

#include <functional>
#include <string>

namespace {

constexpr std::int64_t classes = 5;

struct Criterion {
  const char* name;
  std::string options = "{}";
  bool lists = false;   // takes listed tuples apart rather than as a relation, and may then be fused or not
  bool pairs = true;    // takes pairs as tuples
  bool varies = true;   // takes reducers whose factors differ between rows
  bool reduces = true;  // has a reducer of its own
  bool told = true;     // by the graph whether it was fused: not where the tensor form has a gradient of its own, or is not reached
};

const Criterion criteria[] = {
    {.name = "contrastive", .options = R"({"positive_margin": 0.2, "negative_margin": 1.3})", .lists = true},
    {.name = "ContrastiveLoss", .lists = true},
    {.name = "contrastive",
     .options = R"({"positive_margin": 0.3, "negative_margin": 1.5, "distance": {"kind": "squared_euclidean"}})",
     .lists = true},
    {.name = "contrastive", .options = R"({"distance": {"kind": "cosine"}})", .lists = true},
    {.name = "contrastive", .options = R"({"positive_margin": 0.1, "distance": {"kind": "dot"}})", .lists = true},
    {.name = "multisimilarity"},
    {.name = "MultiSimilarityLoss"},
    {.name = "multisimilarity", .options = R"({"variant": "paper", "threshold": 1.2, "distance": {"kind": "euclidean"}})"},
    {.name = "circle"},
    {.name = "ntxent"},
    {.name = "supcon"},
    {.name = "NCALoss"},
    {.name = "soft_nearest_neighbour"},
    {.name = "GeneralizedLiftedStructureLoss"},
    {.name = "lifted", .options = R"({"norm_penalty": 0, "negative_margin": 0.5})"},
    {.name = "npair", .options = R"({"norm_penalty": 0})"},
    {.name = "npair", .options = R"({"variant": "repo"})"},
    {.name = "tuplet_margin"},
    {.name = "threshold_consistent_margin", .options = R"({"positive_weight": 2})", .lists = true},
    {.name = "margin", .pairs = false, .reduces = false},
    {.name = "margin",
     .options = R"({"boundary_per_class": false, "margin": 0.4, "counting": "repo", "boundary_penalty": 0.1})",
     .pairs = false,
     .reduces = false},
    {.name = "margin",
     .options = R"({"counting": "pml", "boundary_penalty": 0.1, "smoothing": 0, "distance": {"normalize": true}})",
     .pairs = false,
     .reduces = false},
    {.name = "MarginLoss", .pairs = false, .reduces = false},
    {.name = "intra_pair_variance", .varies = false},
    {.name = "intra_pair_variance", .options = R"({"distance": {"kind": "euclidean"}, "positive_slack": 0.1})", .varies = false},
    {.name = "ranked_list", .options = R"({"positive_temperature": 3})"},
    {.name = "RankedListLoss", .options = R"({"margin": 0.3, "balance": 0.2})"},
    {.name = "fast_ap"},
    {.name = "fast_ap", .options = R"({"bins": 4, "distance": {"kind": "cosine"}})"},
    {.name = "triplet", .pairs = false, .told = false},
    {.name = "TripletMarginLoss", .pairs = false, .told = false},
    {.name = "angular"},
    {.name = "AngularLoss", .told = false},
};

// A batch, what it is compared with, and the tuples.
struct Problem {
  torch::Tensor x, labels;
  torch::Tensor r, reference_labels;  // undefined: none
  diva::Tuples tuples;
  bool listed = false;
};

torch::Tensor random_labels(diva::Generator& generator, std::int64_t n, std::int64_t number) {
  return (generator.uniform({n}, torch::kFloat64) * static_cast<double>(number)).floor().to(torch::kInt64);
}

torch::Tensor random_rows(diva::Generator& generator, std::int64_t n, std::int64_t dim, bool unit) {
  const auto rows = generator.normal({n, dim}, torch::kFloat64);
  return unit ? rows / rows.norm(2, 1, true) : rows * 0.6;
}

constexpr int problems = 10;

Problem problem_of(int which, std::uint64_t seed) {
  diva::Generator generator(seed * 100 + static_cast<std::uint64_t>(which));
  const bool large = which == 8, unit = which != 7;
  const std::int64_t batch = large ? 70 : 13 + static_cast<std::int64_t>(seed % 5), dim = large ? 33 : 6;
  Problem p = {.x = random_rows(generator, batch, dim, unit),
               .labels = random_labels(generator, batch, which == 1 ? 1 : classes),
               .r = {},
               .reference_labels = {},
               .tuples = {}};
  if (which == 2) p.labels = torch::arange(batch).remainder(classes);
  if (which == 2) p.x = p.x.narrow(0, 0, classes), p.labels = p.labels.narrow(0, 0, classes);  // one of each
  const bool with_reference = which == 3 || which == 5 || which == 9;
  if (with_reference) {
    p.r = random_rows(generator, 21, dim, unit);
    p.reference_labels = random_labels(generator, 21, classes);
  }
  const auto columns = with_reference ? 21 : p.x.size(0);
  const auto grades = generator.uniform({p.x.size(0), columns}, torch::kFloat64);
  if (which == 4) p.tuples = diva::Relation{grades<0.3, grades> 0.5};
  if (which == 5) p.tuples = diva::Relation{grades < 0.2};
  if (which == 6 || which == 9) {
    const auto positive = (grades < 0.3).nonzero(), negative = (grades > 0.4).nonzero();
    p.tuples = diva::Pairs{positive.select(1, 0), positive.select(1, 1), negative.select(1, 0), negative.select(1, 1)};
    p.listed = true;
  }
  return p;
}

struct Found {
  std::vector<torch::Tensor> tensors;  // value and gradients
  bool fused = false;
};

// node: a smart pointer of LibTorch's, of another kind in newer versions.
bool has_fused_node(const auto& node, int depth = 6) {
  if (node == nullptr || depth == 0) return false;
  if (node->name().find("GradientNode") != std::string::npos) return true;
  for (const auto& edge : node->next_edges()) {
    if (has_fused_node(edge.function, depth - 1)) return true;
  }
  return false;
}

Found evaluate(const Criterion& criterion, const std::string& options, const Problem& p, torch::ScalarType type) {
  diva::Generator generator(3);
  const auto loss = diva::make_loss(criterion.name, {.num_classes = classes, .embed_dim = p.x.size(1)}, options, generator);
  loss->to(type);
  auto x = p.x.to(type).clone().requires_grad_();
  std::optional<diva::Reference> reference;
  if (p.r.defined()) reference = diva::Reference{p.r.to(type).clone().requires_grad_(), p.reference_labels};
  const auto value = loss->forward(x, p.labels, p.tuples, reference);
  Found found = {{value}, has_fused_node(value.grad_fn())};
  (value * 1.7).backward();
  const auto add = [&](const torch::Tensor& leaf) {
    found.tensors.push_back(leaf.grad().defined() ? leaf.grad() : torch::zeros_like(leaf));
  };
  add(x);
  if (reference) add(reference->embeddings);
  for (const auto& parameter : loss->parameters()) add(parameter);
  return found;
}

double difference(const Found& a, const Found& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.tensors.size(); ++i) {
    const auto one = a.tensors[i].detach().to(torch::kFloat64), other = b.tensors[i].detach().to(torch::kFloat64);
    const double largest = std::max(1e-3, other.abs().max().item<double>());
    worst = std::max(worst, (one - other).abs().max().item<double>() / largest);
  }
  return worst;
}

std::string with_reducer(const std::string& options, const std::string& kind) {
  const auto reducer = R"("reducer": {"kind": ")" + kind + R"(", "divisor": 3, "class_weights": [1, 2, 0.5, 0, 1.5]})";
  return options == "{}" ? "{" + reducer + "}" : options.substr(0, options.size() - 1) + ", " + reducer + "}";
}

void compare(const Criterion& criterion, const std::string& options, int which, std::uint64_t seed) {
  const auto p = problem_of(which, seed);
  if (p.listed && !criterion.pairs) return;
  CAPTURE(criterion.name, options, which, seed);
  Found tensor_form;
  {
    const diva::detail::TensorFormGuard guard;
    tensor_form = evaluate(criterion, options, p, torch::kFloat64);
  }
  if (criterion.told) CHECK(!tensor_form.fused);
  const auto fused = evaluate(criterion, options, p, torch::kFloat64);
  if (criterion.told && !(criterion.lists && p.listed)) CHECK(fused.fused);
  CHECK(difference(fused, tensor_form) < 1e-10);
  CHECK(difference(evaluate(criterion, options, p, torch::kFloat32), tensor_form) < 1e-4);
}

}  // namespace

TEST_CASE("fused_pairs agrees with the tensor form in value and gradients for every criterion with a kernel") {
  for (const auto& criterion : criteria) {
    for (int which = 0; which < problems; ++which) {
      for (std::uint64_t seed = 0; seed < (which == 8 ? 2 : 6); ++seed) compare(criterion, criterion.options, which, seed);
    }
  }
}

TEST_CASE("fused_pairs agrees with the tensor form for every reducer that it has") {
  for (const auto& criterion : criteria) {
    if (!criterion.reduces) continue;
    for (const auto* kind : {"mean", "sum", "non_zero_mean", "per_anchor", "class_weighted", "divisor"}) {
      if (!criterion.varies && (kind == std::string("per_anchor") || kind == std::string("class_weighted"))) continue;
      for (const int which : {0, 3, 4}) compare(criterion, with_reducer(criterion.options, kind), which, 11);
    }
  }
}

TEST_CASE("fused_pairs does not depend on the number of threads") {
  const int threads = torch::get_num_threads();
  diva::Generator generator(1);
  const Problem p = {.x = random_rows(generator, 300, 40, true),
                     .labels = random_labels(generator, 300, classes),
                     .r = random_rows(generator, 170, 40, true),
                     .reference_labels = random_labels(generator, 170, classes),
                     .tuples = {}};
  for (const auto& criterion : criteria) {
    CAPTURE(criterion.name, criterion.options);
    torch::set_num_threads(1);
    const auto one = evaluate(criterion, criterion.options, p, torch::kFloat32);
    torch::set_num_threads(3);
    const auto three = evaluate(criterion, criterion.options, p, torch::kFloat32);
    for (std::size_t i = 0; i < one.tensors.size(); ++i) CHECK(torch::equal(one.tensors[i], three.tensors[i]));
  }
  torch::set_num_threads(threads);
}

TEST_CASE("fused_pairs is not used where it cannot be") {
  diva::Generator generator(2);
  auto p = problem_of(0, 1);
  const Criterion contrastive = {.name = "contrastive"};
  CHECK(evaluate(contrastive, "{}", p, torch::kFloat64).fused);
  CHECK(!evaluate(contrastive, R"({"distance": {"power": 2}})", p, torch::kFloat64).fused);
  CHECK(!evaluate(contrastive, R"({"distance": {"kind": "lp", "p": 3}})", p, torch::kFloat64).fused);
  CHECK(!evaluate(contrastive, R"({"reducer": {"kind": "threshold"}})", p, torch::kFloat64).fused);
  // Weights, and pairs that are both.
  const auto some = generator.uniform({p.x.size(0), p.x.size(0)}, torch::kFloat64);
  p.tuples = diva::Relation{some, 1 - some};
  CHECK(!evaluate(contrastive, "{}", p, torch::kFloat64).fused);
  p.tuples = diva::Relation{some<0.6, some> 0.4};
  CHECK(!evaluate(contrastive, "{}", p, torch::kFloat64).fused);
}

TEST_CASE("listed_distances is the distance of the listed rows in value and gradients, whatever occurs how often") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    diva::Generator generator(seed);
    const bool with_reference = seed % 2 == 1;
    const auto x = generator.normal({6, 11}, torch::kFloat64), r = generator.normal({9, 11}, torch::kFloat64);
    const auto from = random_labels(generator, 25, 6), to = random_labels(generator, 25, with_reference ? 9 : 6);
    const auto weights = generator.normal({25}, torch::kFloat64);
    for (const auto kind :
         {diva::Distance::euclidean, diva::Distance::squared_euclidean, diva::Distance::cosine, diva::Distance::dot}) {
      for (const bool normalize : {false, true}) {
        CAPTURE(seed, static_cast<int>(kind), normalize);
        const auto measure = [&](bool in_tensors) {
          auto a = x.clone().requires_grad_(), b = r.clone().requires_grad_();
          diva::Comparison comparison{.embeddings = a, .labels = {}, .reference = {}, .relation = {}};
          if (with_reference) comparison.reference = diva::Reference{b};
          torch::Tensor values;
          if (in_tensors) {
            const diva::detail::TensorFormGuard guard;
            values = diva::detail::listed_distances(comparison, from, to, {.kind = kind, .normalize = normalize});
          } else {
            values = diva::detail::listed_distances(comparison, from, to, {.kind = kind, .normalize = normalize});
          }
          (values * weights).sum().backward();
          Found found = {{values, a.grad()}, false};
          if (with_reference) found.tensors.push_back(b.grad());
          return found;
        };
        CHECK(difference(measure(false), measure(true)) < 1e-12);
      }
    }
  }
}

TEST_CASE("lanes compute the exponential to a few units in the last place, 0 for what is too small, and pass NaN") {
  const auto check = [](auto zero, double tolerance) {
    using T = decltype(zero);
    using L = diva::detail::Lanes<T, 16>;
    const auto exp_of = [](double x) {
      T lanes[L::count];
      L::store(lanes, L::exp(L::all(static_cast<T>(x))));
      return static_cast<double>(lanes[L::count - 1]);
    };
    const double lowest = sizeof(T) == 4 ? -87 : -708, highest = sizeof(T) == 4 ? 88 : 709;
    for (double x = lowest; x < highest; x += 0.0137) {
      const double exact = std::exp(static_cast<double>(static_cast<T>(x)));
      CHECK(std::abs(exp_of(x) / exact - 1) < tolerance);
    }
    CHECK(exp_of(0) == 1);
    CHECK(exp_of(-1e5) == 0);
    CHECK(exp_of(-std::numeric_limits<double>::infinity()) == 0);
    CHECK(std::isnan(exp_of(NAN)));
  };
  check(0.0F, 2.5e-7);
  check(0.0, 4.5e-16);
}
