#pragma once

#include <diva/core/generator.hpp>
#include <diva/core/options.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/loss.hpp>
#include <diva/losses/reducer.hpp>

#include <array>
#include <functional>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

/// Where proxies start. Only directions matter to most criteria; the length sets how fast they turn.
enum class ProxyStart {
  normal,            ///< N(0, 1): PML's default.
  small_normal,      ///< N(0, 1/8²): the seed's proxies.
  uniform,           ///< U(−1/√D, 1/√D): the seed's class maps.
  uniform_by_count,  ///< U(−1/√n, 1/√n) for n proxies: SoftTriple.
  kaiming,           ///< N(0, 2/num_classes): Proxy-Anchor.
  sphere,            ///< U(−1, 1) scaled to length 1: P2SGrad.
};

constexpr auto enumerators(ProxyStart) {
  return std::array{std::pair{ProxyStart::normal, "normal"},   std::pair{ProxyStart::small_normal, "small_normal"},
                    std::pair{ProxyStart::uniform, "uniform"}, std::pair{ProxyStart::uniform_by_count, "uniform_by_count"},
                    std::pair{ProxyStart::kaiming, "kaiming"}, std::pair{ProxyStart::sphere, "sphere"}};
}

struct ProxyOptions {
  double learning_rate = 5e-4;             ///< Of the proxies; ≥ 0.
  ProxyStart start = ProxyStart::uniform;  ///< Drawn from the generator that the criterion is made with.
  /// Partial-FC: the fraction of all classes that each step compares with, those of the batch always among them; in (0, 1].
  double sample_rate = 1;
};

template <class Visitor>
void describe(ProxyOptions& options, Visitor&& visit) {
  visit("learning_rate", options.learning_rate, "learning rate of the proxies", non_negative);
  visit("start", options.start, "what the proxies are drawn from at first", any_value);
  visit("sample_rate", options.sample_rate, "fraction of the classes that a step compares with (Partial-FC)",
        Bounds{.lower = 0, .upper = 1, .lower_open = true});
}

/// A criterion that compares samples with learned proxies of the classes, a few for each class: what those share.
///
/// Tuples:  a proxy loss takes none. Those of a miner weigh samples: how often the sample occurs in them, over the most that any
///          does; a sample in none weighs 0, and the mean still divides by all. As PML, except that there no tuple at all means
///          weight 1. A relation of samples says nothing about proxies: OptionError.
/// Sampled: with sample_rate < 1 a step compares with max(⌈sample_rate · C⌉, B) classes at most C: those of the batch, and others
///          drawn without replacement, equally likely (An et al., Partial FC, ICCVW 2021 and CVPR 2022; insightface's code draws as
///          many as ⌈sample_rate · C⌉, or the batch's classes where those are more). The gradient of all other rows is 0. Values
///          and gradients are those of the loss over the chosen classes. The position of the generator is a buffer, so that a
///          restored run draws the same classes.
/// Cost:    O(B·S·K·D) for S classes of K proxies, in blocks as pairwise_loss; sampling adds O(C).
class ProxyLoss : public Loss {
 public:
  [[nodiscard]] std::optional<double> learning_rate() const override { return options_.learning_rate; }
  [[nodiscard]] bool takes_tuples() const override { return false; }
  /// `proxies`.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  /// `sampler`, where classes are sampled.
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

  /// [num_classes · K, D], those of a class beside each other, not normalised.
  [[nodiscard]] const torch::Tensor& proxies() const { return proxies_; }

  /// How near each class is, for classification: what the criterion compares, before any margin; larger is nearer.
  ///
  /// Shapes:  embeddings [N, D] -> [N, num_classes].
  /// Cost:    O(N·C·K·D), O(N·C·K) memory.
  /// Throws:  ShapeError.
  [[nodiscard]] torch::Tensor logits(const torch::Tensor& embeddings) const;

 protected:
  /// Draws the proxies from `generator`. OptionError where one of the numbers is not positive.
  ProxyLoss(std::string_view name, const ProxyOptions& options, std::int64_t num_classes, std::int64_t embed_dim,
            Generator& generator, std::int64_t proxies_per_class = 1);

  /// The part of the proxies that a step compares with.
  struct Step {
    torch::Tensor rows;     ///< [S·K, D] with the graph of the proxies, of the embeddings' type.
    torch::Tensor classes;  ///< [S] int64, ascending.
    torch::Tensor targets;  ///< [B] int64: where a sample's class is among `classes`.
    torch::Tensor labels;   ///< [B] as given.
    torch::Tensor weights;  ///< [B], or undefined: all 1.
  };
  /// `anchors_only`: weigh samples by how often they are anchors.
  Step step(const Comparison& comparison, const Tuples& tuples, bool anchors_only = false);

  /// From similarities [t, S·K] of embeddings and proxies, and where each anchor's own class is [t, 1], the losses [t] or the
  /// logits [t, S]. `first` is the batch's row of the first anchor. It is called again in the backward pass: see PairFunction.
  using RowFunction = std::function<torch::Tensor(const torch::Tensor& similarities, const torch::Tensor& targets,
                                                  std::int64_t first, const std::vector<torch::Tensor>& parameters)>;

  /// reduce_i w_i losses_i.
  static torch::Tensor by_sample(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& step,
                                 const DistanceOptions& distance, const ReducerOptions& reducer, const RowFunction& losses,
                                 const std::vector<torch::Tensor>& parameters = {});
  /// reduce_i −w_i log softmax(logits_i)[target_i], the similarities being dot products.
  static torch::Tensor cross_entropy(const torch::Tensor& embeddings, const torch::Tensor& rows, const Step& step,
                                     const ReducerOptions& reducer, const RowFunction& logits,
                                     const std::vector<torch::Tensor>& parameters = {});

 private:
  /// The logits for all proxies, of checked arguments of one type.
  [[nodiscard]] virtual torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const = 0;
  [[nodiscard]] std::int64_t num_classes() const override { return num_classes_; }
  [[nodiscard]] bool takes_reference() const override { return false; }

  torch::Tensor sample_classes(const torch::Tensor& labels);

  ProxyOptions options_;
  std::int64_t num_classes_;
  std::int64_t per_class_;
  torch::Tensor proxies_;
  torch::Tensor sampler_;  // [2] int64: a Generator's position
};

namespace detail {

/// √(1 − c²) of a cosine, 0 with a gradient of 0 at c = ±1 and beyond, where rounding may lead.
torch::Tensor sine(const torch::Tensor& cosines);

}  // namespace detail
}  // namespace diva::inline v0_1
