#pragma once

#include <diva/decorrelation/adversarial_separation.hpp>
#include <diva/heads/heads.hpp>
#include <diva/losses/loss.hpp>
#include <diva/miners/intra_class.hpp>
#include <diva/miners/registry.hpp>
#include <diva/miners/shared.hpp>
#include <diva/ssl/deep_cluster.hpp>
#include <diva/ssl/image_rotation.hpp>
#include <diva/ssl/invariant_spread_loss.hpp>
#include <diva/ssl/self_similarity_loss.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace diva::inline v0_1 {

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
  DeepClusterOptions dc = {};                             ///< Criterion of the dc head.
  std::int64_t cluster_epochs = 2;      ///< Epochs for which the dc head keeps its clusters; the seed's `--diva_dc_update_f`.
  PretextClassifierOptions imrot = {};  ///< Criterion of the imrot head.
  InvariantSpreadOptions invariantspread = {};  ///< Criterion of the invariantspread head.
  double alpha_dc = 1;                          ///< α of the dc head; the seed has none.
  double alpha_imrot = 1;                       ///< α of the imrot head; the seed has none.
  double alpha_invariantspread = 1;             ///< α of the invariantspread head; the seed has none.
  /// What the classifiers of dc and imrot read. `fixed`: their head's embedding, so that the head learns what it is named for;
  /// `repo`: the pooled features, so that the head stays a random projection that decorrelation alone moves (FIELD B21).
  Variant pretext = Variant::fixed;
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
  visit("dc", options.dc, "criterion of the dc head", any_value);
  visit("cluster_epochs", options.cluster_epochs, "epochs for which the dc head keeps its clusters", at_least(1));
  visit("imrot", options.imrot, "criterion of the imrot head", any_value);
  visit("invariantspread", options.invariantspread, "criterion of the invariantspread head", any_value);
  visit("alpha_dc", options.alpha_dc, "weight of the dc head", non_negative);
  visit("alpha_imrot", options.alpha_imrot, "weight of the imrot head", non_negative);
  visit("alpha_invariantspread", options.alpha_invariantspread, "weight of the invariantspread head", non_negative);
  visit("pretext", options.pretext, "dc and imrot classify fixed: their head's embedding, repo: the pooled features", any_value);
}

/// What one head's loss was, by its name; `separation` is the decorrelation.
using LossTerms = std::vector<std::pair<std::string, torch::Tensor>>;

/// What the heads of self-supervised tasks read besides their embeddings; each undefined where there is no such head.
struct PretextInputs {
  torch::Tensor features = {};     ///< [B, F] pooled features, with ObjectiveOptions::pretext `repo` and a dc head.
  torch::Tensor clusters = {};     ///< [B] int64: the clusters of the samples, for dc.
  torch::Tensor rotated = {};      ///< [B, D] embeddings of the imrot head, or [B, F] features (`repo`), of turned images.
  torch::Tensor quarters = {};     ///< [B] int64: by how many quarters each was turned.
  torch::Tensor second_view = {};  ///< [B, D] embeddings of the invariantspread head of second views.
};

/// DiVA's objective for any subset of its heads.
///
///   L = L_discriminative + α_ssl·L_selfsimilarity + α_shared·L_shared + α_intra·L_intra
///       + α_dc·L_dc + α_imrot·L_imrot + α_invariantspread·L_invariantspread + L_separation,
///   L_separation = − Σ_edges ρ·agreement, with reversed gradients at the heads (decorrelation/adversarial_separation.hpp)
///
/// Discriminative, shared and intra use the same kind of criterion, each with its own state, on tuples of their own miners. A
/// criterion that takes no tuples (Loss::takes_tuples) is computed of the whole batch and fits the discriminative head alone: the
/// seed trains the ordinary objective a second time where it is given to shared and intra.
///
/// The seed forwards unturned images for imrot (FIELD B2) and overwrites half of the batch with second views for invariantspread
/// (FIELD B3); here both get views of their own.
///
/// Source:  Milbich, Roth et al., DiVA, ECCV 2020, eq. 8; the seed's diva_main.py.
class Objective : public Module {
 public:
  /// `heads`: among discriminative, selfsimilarity, shared, intra, dc, imrot, invariantspread. Proxies, classifiers and
  /// decorrelation networks are drawn from `initialisation`. `feature_dim`, F, is read only with `pretext` `repo`. Throws
  /// OptionError for other heads, and for options that do not fit.
  Objective(const ObjectiveOptions& options, const std::vector<std::string>& heads, std::int64_t num_classes,
            std::int64_t embed_dim, Generator initialisation, std::int64_t feature_dim = 0);

  /// Tuples of each head whose criterion takes some, from embeddings of one batch; draws from `generator` in the order of the
  /// heads.
  [[nodiscard]] std::map<std::string, Tuples> mine(const Embeddings& embeddings, const torch::Tensor& labels,
                                                   Generator& generator) const;

  struct Value {
    torch::Tensor total;  ///< Scalar with its graph.
    LossTerms terms;      ///< Unweighted, without their graph; separation includes its ρ.
  };
  /// `keys` [B, D] and `queue` [K, D] are read only with a selfsimilarity head, `pretext` with dc, imrot and invariantspread.
  [[nodiscard]] Value forward(const Embeddings& embeddings, const torch::Tensor& labels,
                              const std::map<std::string, Tuples>& tuples, const torch::Tensor& keys = {},
                              const torch::Tensor& queue = {}, const PretextInputs& pretext = {}) const;

  [[nodiscard]] bool needs_keys() const { return self_similarity_ != nullptr; }
  [[nodiscard]] bool needs_clusters() const { return clusters_ != nullptr; }
  [[nodiscard]] bool needs_rotations() const { return rotation_ != nullptr; }
  [[nodiscard]] bool needs_second_view() const { return invariant_spread_ != nullptr; }
  /// Whether dc and imrot classify pooled features in place of embeddings.
  [[nodiscard]] bool classifies_features() const { return pretext_ == Variant::repo; }

  /// Clusters a whole data set anew by its pooled features [N, F], for the dc head: their numbers [N], to be given to `forward`
  /// as `clusters`. Its classifier begins anew too. Draws from `generator`.
  [[nodiscard]] torch::Tensor cluster(const torch::Tensor& features, Generator& generator);

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
    double factor = 1;  ///< Of the network's rate, where that is taken.
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
  double alpha_ssl_, alpha_dc_, alpha_imrot_, alpha_invariantspread_;
  Variant pretext_;
  std::int64_t embed_dim_;
  std::unique_ptr<SelfSimilarityLoss> self_similarity_;
  std::unique_ptr<DeepClusterLoss> clusters_;
  std::unique_ptr<ImageRotationLoss> rotation_;
  std::unique_ptr<InvariantSpreadLoss> invariant_spread_;
  std::unique_ptr<AdversarialSeparation> separation_;
};

/// The edges that the options mean for these heads. OptionError when `rho` does not fit the number of edges.
std::vector<DecorrelationEdge> decorrelation_edges(const ObjectiveOptions& options, const std::vector<std::string>& heads);

}  // namespace diva::inline v0_1
