#pragma once

#include <diva/backbones/backbone.hpp>
#include <diva/heads/heads.hpp>

#include <memory>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

struct NetworkOptions {
  std::string backbone = "resnet50";                    ///< A name that make_backbone takes.
  BackboneOptions backbone_options = {};                ///< Of that backbone.
  std::vector<std::string> heads = {"discriminative"};  ///< Names of the heads, in the order of their evaluation.
  std::int64_t embed_dim = 128;                         ///< Dimension of each head's embedding.
};

template <class Visitor>
void describe(NetworkOptions& options, Visitor&& visit) {
  visit("backbone", options.backbone, "name of the backbone", any_value);
  visit("backbone_options", options.backbone_options, "options of the backbone", any_value);
  visit("heads", options.heads, "names of the heads", any_value);
  visit("embed_dim", options.embed_dim, "dimension of each head's embedding", at_least(1));
}

/// A backbone and the heads on its features: images [B, C, H, W] -> one embedding [B, embed_dim] a head.
class Network : public Module {
 public:
  Network(const NetworkOptions& options, Generator initialisation);
  Network(std::unique_ptr<Backbone> backbone, Heads heads);

  [[nodiscard]] Embeddings forward(const torch::Tensor& images) const { return heads_.forward(backbone_->forward(images)); }
  /// Only one head.
  [[nodiscard]] torch::Tensor forward(const torch::Tensor& images, const std::string& head) const;

  void train(bool on = true) { backbone_->train(on); }
  /// Equal and independent: the start of a momentum network.
  [[nodiscard]] Network clone() const { return {backbone_->clone(), heads_.clone()}; }

  [[nodiscard]] Backbone& backbone() { return *backbone_; }
  [[nodiscard]] const Heads& heads() const { return heads_; }
  /// `backbone.` and `head.` before the names of the parts.
  [[nodiscard]] std::vector<NamedTensor> named_parameters() const override;
  [[nodiscard]] std::vector<NamedTensor> named_buffers() const override;

 private:
  std::unique_ptr<Backbone> backbone_;
  Heads heads_;
};

}  // namespace diva::inline v0_1
