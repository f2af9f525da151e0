#pragma once

#include <diva/distances/distance.hpp>
#include <diva/losses/proxy_loss.hpp>

namespace diva::inline v0_1 {

struct ProxyNcaLossOptions {
  double scale = 9;  ///< 1/T: factor of the distances; > 0. The seed stretches both sides to length 3, hence 9; PML's default is 1.
  bool include_positive = false;  ///< The own class is also in the denominator: ProxyNCA++ and PML.
  ProxyOptions proxies = {.start = ProxyStart::small_normal};
  DistanceOptions distance = {.kind = Distance::squared_euclidean, .normalize = true};
  ReducerOptions reducer = {};  ///< Over samples.
};

template <class Visitor>
void describe(ProxyNcaLossOptions& options, Visitor&& visit) {
  visit("scale", options.scale, "1/T: factor of the distances", positive);
  visit("include_positive", options.include_positive, "the own class is also in the denominator (ProxyNCA++)", any_value);
  visit("proxies", options.proxies, "one for each class", any_value);
  visit("distance", options.distance, "between sample and proxy", any_value);
  visit("reducer", options.reducer, "over samples", any_value);
}

/// Each sample nearer to the proxy of its class than to those of others.
///
///   L = reduce_i [ s·D(x_i, p_y) + log Σ_c exp(−s·D(x_i, p_c)) ],   c ≠ y, or all c with `include_positive`;  reduce = mean
///
/// Source:  Movshovitz-Attias et al., No Fuss Distance Metric Learning using Proxies, ICCV 2017, eq. 7; arXiv 1703.07464. With
///          `include_positive` and s = 9: Teh et al., ProxyNCA++, ECCV 2020, eq. 8; arXiv 2004.01113. Reference: the seed's
///          criteria/proxynca.py; PML's ProxyNCALoss (`include_positive`, s = 1, proxies from N(0, 1)).
/// Differs: nothing of size B·C·D is made, as the seed does. PML leaves out samples whose probability underflows; here their loss
///          is exact.
/// Shapes:  embeddings [B, D]; labels [B] int64 in [0, num_classes) -> scalar. Weights by a miner count anchors only, as PML.
/// Edge:    one class and no `include_positive`: 0. Limit: a sample as far from all proxies: log(C − 1), or log C.
/// Cost:    that of ProxyLoss. Gradient reaches embeddings and proxies.
class ProxyNcaLoss final : public ProxyLoss {
 public:
  ProxyNcaLoss(const ProxyNcaLossOptions& options, std::int64_t num_classes, std::int64_t embed_dim, Generator& generator);
  [[nodiscard]] std::string_view name() const override { return "proxynca"; }

 private:
  torch::Tensor compute(const Comparison& comparison, const Tuples& tuples) override;
  [[nodiscard]] torch::Tensor scores(const torch::Tensor& embeddings, const torch::Tensor& rows) const override;

  ProxyNcaLossOptions options_;
};

}  // namespace diva::inline v0_1
