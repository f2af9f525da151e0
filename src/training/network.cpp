#include <diva/training/network.hpp>

namespace diva::inline v0_1 {
namespace {

std::unique_ptr<Backbone> seeded_backbone(const NetworkOptions& options, const Generator& initialisation) {
  validate_fields("Network", options);
  auto generator = initialisation.fork(0);
  return make_backbone(options.backbone, options.backbone_options, generator);
}

Heads seeded_heads(const NetworkOptions& options, std::int64_t feature_dim, const Generator& initialisation) {
  auto generator = initialisation.fork(1);
  return {options.heads, feature_dim, options.embed_dim, generator};
}

void append(std::vector<NamedTensor>& all, const std::string& prefix, std::vector<NamedTensor> part) {
  const auto start = prefix + ".";
  for (auto& [name, tensor] : part) all.push_back({start + name, std::move(tensor)});
}

}  // namespace

Network::Network(const NetworkOptions& options, Generator initialisation)
    : backbone_(seeded_backbone(options, initialisation)),
      heads_(seeded_heads(options, backbone_->feature_dim(), initialisation)) {}

Network::Network(std::unique_ptr<Backbone> backbone, Heads heads) : backbone_(std::move(backbone)), heads_(std::move(heads)) {}

torch::Tensor Network::forward(const torch::Tensor& images, const std::string& head) const {
  return heads_.forward(backbone_->forward(images), head);
}

std::vector<NamedTensor> Network::named_parameters() const {
  std::vector<NamedTensor> all;
  append(all, "backbone", backbone_->named_parameters());
  append(all, "head", heads_.named_parameters());
  return all;
}

std::vector<NamedTensor> Network::named_buffers() const {
  std::vector<NamedTensor> all;
  append(all, "backbone", backbone_->named_buffers());
  return all;
}

}  // namespace diva::inline v0_1
