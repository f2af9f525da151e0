#pragma once

#include <torch/types.h>

#include <functional>
#include <vector>

namespace diva::inline v0_1 {

struct GradCacheOptions {
  /// LibTorch's generators from which the network draws, for its dropout: put back before each chunk's second pass. A network that
  /// draws from a diva::Generator forks it by the chunk's number instead.
  std::vector<at::Generator> generators = {};
  /// Whether embeddings of the second pass are compared with those of the first, which costs one synchronisation a chunk.
  bool check = true;
};

/// Value and gradient of a criterion over a batch far larger than memory would hold the network's graph of: embed without a graph
/// chunk by chunk, take the gradient at the embeddings, embed each chunk again with its graph and pass that gradient on.
///
///   1. x_i = embed(i) without a graph    2. L = loss(x), g = ∂L/∂x    3. for each i: embed(i), backward with g_i
///
/// Gradients are added into the `grad` of the network's and of the criterion's parameters, as one backward() of the whole batch
/// would add them, and are equal to that up to the rounding of sums.
///
///   grad_cache(chunks, [&](std::int64_t i) { return network(images[i]); },
///              [&](const torch::Tensor& x) { return loss(x, labels); })
///
/// Source:  Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, RepL4NLP 2021; arXiv 2101.06983.
/// Differs: nothing known.
/// Shapes:  embed(i) -> [n_i, D], of one D; loss([Σ n_i, D]) -> scalar. Several heads: concatenate along D and split in `loss`.
/// Edge:    layers that see the batch (batch normalisation) see a chunk, and update running statistics twice; freeze them, as the
///          seed's arch `frozen` does. No chunk, or a loss that does not depend on x: nothing to pass on.
/// Cost:    two forward passes and one backward pass of the network, with the graph of one chunk; n·D values.
/// Returns: the value, without a graph.
/// Throws:  DataError when a chunk's embeddings differ between the passes by more than rounding (a random layer); ShapeError.
torch::Tensor grad_cache(std::int64_t chunks, const std::function<torch::Tensor(std::int64_t chunk)>& embed,
                         const std::function<torch::Tensor(const torch::Tensor& embeddings)>& loss,
                         const GradCacheOptions& options = {});

}  // namespace diva::inline v0_1
