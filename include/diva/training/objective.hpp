#pragma once

#include <diva/decorrelation/adversarial_separation.hpp>
#include <diva/heads/heads.hpp>
#include <diva/losses/loss.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/shared.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace diva {

struct ObjectiveOptions {
  std::string loss = "margin";              ///< Criterion of the discriminative, shared and intra heads; a name of make_loss.
  std::string loss_options = "{}";          ///< JSON, as make_loss takes them.
  std::string miner = "distance_weighted";  ///< Miner of the discriminative head; a name of make_miner.
  std::string miner_options = "{}";         ///< JSON, as make_miner takes them.
  SharedOptions shared = {};                ///< Miner of the shared head.
  IntraClassOptions intra = {};             ///< Miner of the intra head.
  std::string ssl = "dance";                ///< Criterion of the selfsimilarity head; a name of make_self_similarity.
  std::string ssl_options = "{}";           ///< JSON, as make_self_similarity takes them.
  double alpha_shared = 0.3;                ///< α of the shared head.
  double alpha_intra = 0.3;                 ///< α of the intra head.
  double alpha_ssl = 0.3;                   ///< α of the selfsimilarity head.
  double key_momentum = 0.9;                ///< m of the key network; in [0, 1].
  std::int64_t key_batches = 30;            ///< Capacity of the key queue in batches.
  std::vector<std::string> decorrelations = {"default"};  ///< Edges SOURCE-TARGET; "default": every other head to discriminative.
  std::vector<double> rho = {1500};                       ///< ρ of each edge, or one for all.
  AdversarialSeparationOptions separation = {};           ///< Networks of the decorrelation.
};

template <class Visitor>
void describe(ObjectiveOptions& options, Visitor&& visit) {
  visit("loss", options.loss, "criterion of the discriminative, shared and intra heads", any_value);
  visit("loss_options", options.loss_options, "its options, JSON", any_value);
  visit("miner", options.miner, "miner of the discriminative head", any_value);
  visit("miner_options", options.miner_options, "its options, JSON", any_value);
  visit("shared", options.shared, "miner of the shared head", any_value);
  visit("intra", options.intra, "miner of the intra head", any_value);
  visit("ssl", options.ssl, "criterion of the selfsimilarity head", any_value);
  visit("ssl_options", options.ssl_options, "its options, JSON", any_value);
  visit("alpha_shared", options.alpha_shared, "weight of the shared head", non_negative);
  visit("alpha_intra", options.alpha_intra, "weight of the intra head", non_negative);
  visit("alpha_ssl", options.alpha_ssl, "weight of the selfsimilarity head", non_negative);
  visit("key_momentum", options.key_momentum, "momentum of the key network", between(0, 1));
  visit("key_batches", options.key_batches, "capacity of the key queue in batches", at_least(1));
  visit("decorrelations", options.decorrelations, "edges SOURCE-TARGET; default: every other head to discriminative", any_value);
  visit("rho", options.rho, "weight of each edge, or one for all", non_negative);
  visit("separation", options.separation, "networks of the decorrelation", any_value);
}

/// What one head's loss was, by its name; `separation` is the decorrelation.
using LossTerms = std::vector<std::pair<std::string, torch::Tensor>>;

/// DiVA's objective for any subset of its heads.
///
///   L = L_discriminative + α_ssl·L_selfsimilarity + α_shared·L_shared + α_intra·L_intra + L_separation,
///   L_separation = − Σ_edges ρ·agreement, with reversed gradients at the heads (decorrelation/adversarial_separation.hpp)
///
/// Discriminative, shared and intra use the same kind of criterion, each with its own state, on tuples of their own miners. A
/// criterion that takes no tuples (Loss::takes_tuples) is computed of the whole batch and fits the discriminative head alone: the
/// seed trains the ordinary objective a second time where it is given to shared and intra.
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, eq. 8; the seed's diva_main.py.
class Objective : public Module {
 public:
  /// `heads`: among discriminative, selfsimilarity, shared, intra. Proxies and decorrelation networks are drawn from
  /// `initialisation`. Throws OptionError for other heads, and for options that do not fit.
  Objective(const ObjectiveOptions& options, const std::vector<std::string>& heads, std::int64_t num_classes,
            std::int64_t embed_dim, Generator initialisation);

  /// Tuples of each head whose criterion takes some, from embeddings of one batch; draws from `generator` in the order of the
  /// heads.
  [[nodiscard]] std::map<std::string, Tuples> mine(const Embeddings& embeddings, const torch::Tensor& labels,
                                                   Generator& generator) const;

  struct Value {
    torch::Tensor total;  ///< Scalar with its graph.
    LossTerms terms;      ///< Unweighted, without their graph; separation includes its ρ.
  };
  /// `keys` [B, D] and `queue` [K, D] are read only with a selfsimilarity head.
  [[nodiscard]] Value forward(const Embeddings& embeddings, const torch::Tensor& labels,
                              const std::map<std::string, Tuples>& tuples, const torch::Tensor& keys = {},
                              const torch::Tensor& queue = {}) const;

  [[nodiscard]] bool needs_keys() const { return self_similarity_ != nullptr; }

  /// The first head that has a criterion, or an empty name; its criterion and miner are those of the two functions below.
  [[nodiscard]] std::string criterion_head() const { return criterion_heads_.empty() ? "" : criterion_heads_.front().name; }
  /// What that criterion makes of embeddings [B, D] of that head, on tuples of its miner where it takes some. A criterion that
  /// remembers batches remembers this one too. OptionError where no head has a criterion.
  [[nodiscard]] torch::Tensor criterion(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator) const;
  /// The tuples that its miner chooses. OptionError as above.
  [[nodiscard]] Tuples mine_first(const torch::Tensor& embeddings, const torch::Tensor& labels, Generator& generator) const;

  /// Parameters that share a learning rate; it is that of the network where `learning_rate` is negative.
  struct Group {
    std::string name;
    std::vector<NamedTensor> parameters;
    double learning_rate;
  };
  /// One for each criterion with parameters and one for the decorrelation, as the seed sets them: no weight decay.
  [[nodiscard]] std::vector<Group> groups() const;
  /// `loss.HEAD.beta`, `loss.selfsimilarity.temperature`, `decorrelation.regressors.…`.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  /// What the criteria remember: `loss.HEAD.sampler`.
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

 private:
  struct CriterionHead {
    std::string name;
    double alpha;
    std::unique_ptr<Loss> loss;
    Miner miner;
  };

  [[nodiscard]] const CriterionHead& first_criterion() const;

  std::vector<CriterionHead> criterion_heads_;
  double alpha_ssl_;
  std::unique_ptr<SelfSimilarityLoss> self_similarity_;
  std::unique_ptr<AdversarialSeparation> separation_;
};

/// The edges that the options mean for these heads. OptionError when `rho` does not fit the number of edges.
std::vector<DecorrelationEdge> decorrelation_edges(const ObjectiveOptions& options, const std::vector<std::string>& heads);

}  // namespace diva
