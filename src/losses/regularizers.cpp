#include <diva/core/checks.hpp>
#include <diva/core/json.hpp>
#include <diva/distances/distance.hpp>
#include <diva/losses/regularizers.hpp>

#include <limits>
#include <string>

namespace diva::inline v0_1 {
namespace {

// One loss a row to a number; a row has no class.
torch::Tensor reduced(std::string_view function, const torch::Tensor& losses, const ReducerOptions& reducer) {
  if (reducer.kind == Reduction::class_weighted)
    detail::fail<OptionError>(function, "reducer", "other than class_weighted, as rows have no labels", "class_weighted");
  return reduce({{losses}}, {}, losses.size(0), reducer);
}

void check(std::string_view function, const torch::Tensor& rows) { detail::check_embeddings(function, rows, "rows"); }

template <auto function, class Options>
Regularizer make(const std::string& name, const std::string& text) {
  Options options;
  from_json(parse_json(text, "regularizer " + name), options, "regularizer " + name);
  return [options](const torch::Tensor& rows) { return function(rows, options); };
}

using Factory = Regularizer (*)(const std::string& name, const std::string& options);
using detail::options_of;

constexpr detail::RegistryLine<Factory> regularizers[] = {
    {"lp",
     make<lp_regularizer, LpRegularizerOptions>,
     {"reduce ‖x‖_p^power", "pytorch-metric-learning", "O(N·D)"},
     options_of<LpRegularizerOptions>},
    {"LpRegularizer", make<lp_regularizer, LpRegularizerOptions>, alias_of("lp"), options_of<LpRegularizerOptions>},
    {"zero_mean",
     make<zero_mean_regularizer, RowRegularizerOptions>,
     {"reduce |Σ_d x_d|", "pytorch-metric-learning", "O(N·D)"},
     options_of<RowRegularizerOptions>},
    {"ZeroMeanRegularizer", make<zero_mean_regularizer, RowRegularizerOptions>, alias_of("zero_mean"),
     options_of<RowRegularizerOptions>},
    {"center_invariant",
     make<center_invariant_regularizer, RowRegularizerOptions>,
     {"reduce (‖w‖² − mean ‖w‖²)² / 4", "Wu et al., ACM MM Workshops 2017", "O(N·D)"},
     options_of<RowRegularizerOptions>},
    {"CenterInvariantRegularizer", make<center_invariant_regularizer, RowRegularizerOptions>, alias_of("center_invariant"),
     options_of<RowRegularizerOptions>},
    {"regular_face",
     make<regular_face_regularizer, RowRegularizerOptions>,
     {"reduce_i max_(j≠i) cos(w_i, w_j)", "Zhao et al., CVPR 2019", "O(N²·D), N² values"},
     options_of<RowRegularizerOptions>},
    {"RegularFaceRegularizer", make<regular_face_regularizer, RowRegularizerOptions>, alias_of("regular_face"),
     options_of<RowRegularizerOptions>},
    {"sparse_centers",
     make<sparse_centers_regularizer, SparseCentersOptions>,
     {"Σ_c Σ_(i<j) ‖ŵ_ci − ŵ_cj‖ / (C K (K−1))", "Qian et al., ICCV 2019", "O(C·K²·D)"},
     options_of<SparseCentersOptions>},
    {"SparseCentersRegularizer", make<sparse_centers_regularizer, SparseCentersOptions>, alias_of("sparse_centers"),
     options_of<SparseCentersOptions>},
};

}  // namespace

torch::Tensor lp_regularizer(const torch::Tensor& rows, const LpRegularizerOptions& options) {
  check("lp_regularizer", rows);
  const auto norms = distance(rows, torch::zeros_like(rows), {.kind = Distance::lp, .power = options.power, .p = options.p});
  return reduced("lp_regularizer", norms, options.reducer);
}

torch::Tensor zero_mean_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options) {
  check("zero_mean_regularizer", rows);
  return reduced("zero_mean_regularizer", rows.sum(1).abs(), options.reducer);
}

torch::Tensor center_invariant_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options) {
  check("center_invariant_regularizer", rows);
  const auto squares = rows.square().sum(1);
  return reduced("center_invariant_regularizer", (squares - squares.mean()).square() / 4, options.reducer);
}

torch::Tensor regular_face_regularizer(const torch::Tensor& rows, const RowRegularizerOptions& options) {
  check("regular_face_regularizer", rows);
  if (rows.size(0) < 2) return rows.sum() * 0;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  const auto itself = torch::eye(rows.size(0), rows.options().dtype(torch::kBool).requires_grad(false));
  const auto cosines = pairwise_similarities(rows, rows, {.kind = Distance::cosine}).masked_fill(itself, nothing);
  return reduced("regular_face_regularizer", std::get<0>(cosines.max(1)), options.reducer);
}

torch::Tensor sparse_centers_regularizer(const torch::Tensor& rows, const SparseCentersOptions& options) {
  validate_fields("sparse_centers_regularizer", options);
  check("sparse_centers_regularizer", rows);
  const auto each = options.centers_per_class;
  if (rows.size(0) % each != 0) {
    detail::fail<ShapeError>("sparse_centers_regularizer", "rows", "a multiple of " + std::to_string(each) + " rows",
                             detail::describe(rows));
  }
  if (rows.size(0) == 0) return rows.sum() * 0;
  const auto pairs = torch::triu_indices(each, each, 1, torch::TensorOptions(rows.device()).dtype(torch::kInt64));
  const auto starts = torch::arange(0, rows.size(0), each, pairs.options()).unsqueeze(1);
  const auto side = [&](std::int64_t which) { return rows.index_select(0, (starts + pairs[which]).view(-1)); };
  return distance(side(0), side(1), {.normalize = true}).mean() / 2;
}

Regularizer make_regularizer(std::string_view name, const std::string& options) {
  return detail::find_line("make_regularizer", name, regularizers).make(std::string(name), options);
}

std::vector<std::string> regularizer_names() { return detail::names(regularizers); }

std::vector<Listing> regularizer_listings() { return detail::listings(regularizers); }

}  // namespace diva::inline v0_1
