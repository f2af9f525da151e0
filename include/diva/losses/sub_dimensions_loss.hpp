#pragma once

#include <diva/core/options.hpp>
#include <diva/losses/loss.hpp>

#include <memory>
#include <vector>

namespace diva::inline v0_1 {

struct SubDimensionsLossOptions {
  std::vector<std::int64_t> dims = {};  ///< d_i: how many leading dimensions each term sees; at least one, each ≥ 1.
  std::vector<double> weights = {};     ///< w_i of each term, ≥ 0; empty: 1 each.
  bool normalize = true;                ///< Rows are L2-normalised again after being cut, as they will be when searched.
};

template <class Visitor>
void describe(SubDimensionsLossOptions& options, Visitor&& visit) {
  visit("dims", options.dims, "how many leading dimensions each term sees", at_least(1));
  visit("weights", options.weights, "of each term; none: 1 each", non_negative);
  visit("normalize", options.normalize, "rows are L2-normalised again after being cut", any_value);
}

/// Embeddings of which any leading part is an embedding: the sum of a criterion over several numbers of leading dimensions.
///
///   L = Σ_i w_i · loss( x_(1 … d_i) )
///
/// Source:  Kusupati et al., Matryoshka Representation Learning, NeurIPS 2022, eq. 1; arXiv 2205.13147.
/// Differs: for retrieval rather than classification the cut rows are normalised again (`normalize`).
/// Shapes:  as Loss::forward; tuples and reference are those of every term -> scalar.
/// Cost:    that of the criterion for each of `dims`. Gradient reaches what that of the criterion does.
/// Throws:  OptionError (options), ShapeError for dims above that of the embeddings, what the criterion throws.
class SubDimensionsLoss final : public Loss {
 public:
  /// One criterion for all terms, or one for each: those with proxies have parameters of their own dimension.
  SubDimensionsLoss(std::vector<std::shared_ptr<Loss>> losses, const SubDimensionsLossOptions& options);

  [[nodiscard]] std::string_view name() const override { return "sub_dimensions"; }
  [[nodiscard]] std::optional<double> learning_rate() const override { return losses_.front()->learning_rate(); }
  [[nodiscard]] bool takes_tuples() const override { return losses_.front()->takes_tuples(); }
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;
  /// Of the criteria, under `0.`, `1.`, …
  [[nodiscard]] State state() const override;
  void restore(const State& state) override;

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;

  std::vector<std::shared_ptr<Loss>> losses_;
  SubDimensionsLossOptions options_;
};

}  // namespace diva::inline v0_1
