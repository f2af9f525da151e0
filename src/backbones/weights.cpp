#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/utils.h>
#include <diva/backbones/weights.hpp>
#include <diva/core/checks.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

namespace diva::inline v0_1 {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;

/// Entries of other libraries' files that no backbone here has.
bool passed_over(std::string_view name) {
  constexpr std::array classifiers{"fc.", "last_linear.", "head.", "heads.", "head_dist.", "fc_norm.", "aux1.", "aux2."};
  return std::any_of(classifiers.begin(), classifiers.end(), [&](const char* start) { return name.starts_with(start); }) ||
         name == "mask_token" || name.ends_with("num_batches_tracked");
}

bool replace_start(std::string& name, std::string_view from, std::string_view to) {
  if (!name.starts_with(from)) return false;
  name.replace(0, from.size(), to);
  return true;
}

/// "12.rest" as the number's text; nothing where no number stands before a dot.
std::optional<std::string> leading_number(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789");
  if (end == 0 || end == std::string_view::npos || text[end] != '.') return std::nullopt;
  return std::string(text.substr(0, end));
}

/// Another library's name as the one here; names that are the same, or of nothing here, stay.
std::string translated(std::string name) {
  struct Rule {
    std::string_view from, to;
  };
  if (replace_start(name, "encoder.layers.encoder_layer_", "blocks.")) {  // torchvision's vision transformers
    const auto number = leading_number(std::string_view(name).substr(7));
    if (!number) return name;
    const auto start = 7 + number->size() + 1;
    auto rest = name.substr(start);
    constexpr std::array rules{Rule{"ln_1.", "norm1."},
                               Rule{"ln_2.", "norm2."},
                               Rule{"self_attention.in_proj_", "attn.qkv."},
                               Rule{"self_attention.out_proj.", "attn.proj."},
                               Rule{"mlp.linear_1.", "mlp.fc1."},
                               Rule{"mlp.linear_2.", "mlp.fc2."},
                               Rule{"mlp.0.", "mlp.fc1."},
                               Rule{"mlp.3.", "mlp.fc2."}};
    for (const auto& [from, to] : rules) {
      if (replace_start(rest, from, to)) break;
    }
    return name.substr(0, start) + rest;
  }
  if (name.starts_with("blocks.")) {  // DINOv2's blocks in chunks: blocks.CHUNK.NUMBER.…
    const auto chunk = leading_number(std::string_view(name).substr(7));
    if (chunk) {
      const auto rest = name.substr(7 + chunk->size() + 1);
      if (leading_number(rest)) return "blocks." + rest;
    }
    return name;
  }
  constexpr std::array rules{Rule{"conv_proj.", "patch_embed.proj."}, Rule{"encoder.pos_embedding", "pos_embed"},
                             Rule{"encoder.ln.", "norm."}, Rule{"class_token", "cls_token"}, Rule{"register_tokens", "reg_token"}};
  for (const auto& [from, to] : rules) {
    if (replace_start(name, from, to)) break;
  }
  return name;
}

/// The prefix behind which most of the backbone's names stand; the shortest of several.
std::string best_prefix(const Tensors& mine, const Tensors& theirs) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [name, tensor] : theirs) {
    for (std::size_t start = 0, dot = 0; dot != std::string::npos; start = dot + 1) {
      if (mine.contains(translated(name.substr(start)))) ++counts[name.substr(0, start)];
      dot = name.find('.', start);
    }
  }
  std::string best;
  std::size_t most = 0;
  for (const auto& [prefix, count] : counts) {
    if (count > most || (count == most && prefix.size() < best.size())) {
      best = prefix;
      most = count;
    }
  }
  return best;
}

/// DINOv2's own files hold a position for the class token also where there are registers; here it is part of the token.
void add_position_of_class_token(Tensors& theirs, const Tensors& mine) {
  const auto positions = theirs.find("pos_embed"), token = theirs.find("cls_token");
  const auto here = mine.find("pos_embed");
  if (!mine.contains("reg_token") || positions == theirs.end() || token == theirs.end() || here == mine.end()) return;
  auto& values = positions->second;
  if (values.dim() != 3 || values.size(1) != here->second.size(1) + 1 || token->second.sizes() != values.slice(1, 0, 1).sizes())
    return;
  token->second = token->second + values.slice(1, 0, 1);
  values = values.slice(1, 1);
}

std::string list_text(const char* what, const std::vector<std::string>& names) {
  constexpr std::size_t shown = 5;
  if (names.empty()) return {};
  const std::vector<std::string> first(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(shown, names.size())));
  return fmt::format("; {} {}: {}{}", names.size(), what, fmt::join(first, ", "), names.size() > shown ? ", …" : "");
}

}  // namespace

std::string WeightReport::text() const {
  return fmt::format("{} tensors loaded{}", loaded.size(), prefix.empty() ? "" : fmt::format(" from '{}'", prefix)) +
         list_text("missing", missing) + list_text("unexpected", unexpected) + list_text("of another shape", mismatched);
}

WeightReport load_weights(Backbone& backbone, const State& state, const WeightOptions& options) {
  const auto mine = backbone.state().tensors;  // shares storage with the backbone
  WeightReport report;
  report.prefix = options.prefix.empty() ? best_prefix(mine, state.tensors) : options.prefix;
  Tensors theirs;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with(report.prefix)) theirs[translated(name.substr(report.prefix.size()))] = tensor;
  }
  torch::NoGradGuard no_grad;
  add_position_of_class_token(theirs, mine);
  for (const auto& [name, tensor] : mine) {
    if (!theirs.contains(name)) report.missing.push_back(name);
  }
  for (const auto& [name, given] : theirs) {
    const auto found = mine.find(name);
    if (found == mine.end()) {
      if (!passed_over(name)) report.unexpected.push_back(name);
      continue;
    }
    const auto& target = found->second;
    const bool row = given.dim() == 2 && given.size(0) == 1 && target.dim() == 1;
    const auto value = row ? given.squeeze(0) : given;
    if (target.sizes() != value.sizes()) {
      report.mismatched.push_back(fmt::format("{}: {} here, {} there", name, detail::describe(target), detail::describe(given)));
    } else {
      torch::Tensor(target).copy_(value);
      report.loaded.push_back(name);
    }
  }
  return report;
}

}  // namespace diva::inline v0_1
