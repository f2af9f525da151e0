#include <diva/core/checks.hpp>
#include <diva/core/gradient.hpp>
#include <diva/losses/soft_rank.hpp>

#include <memory>
#include <string>

namespace diva::inline v0_1 {
namespace {

class SoftCounts {
 public:
  SoftCounts(const torch::Tensor& similarities, torch::Tensor rows, torch::Tensor columns, std::vector<torch::Tensor> masks,
             double temperature)
      : similarities_(similarities.detach()),
        rows_(std::move(rows)),
        columns_(std::move(columns)),
        masks_(std::move(masks)),
        temperature_(temperature) {}

  [[nodiscard]] torch::Tensor value() const {
    const torch::NoGradGuard no_gradient;
    auto counts = torch::empty({static_cast<std::int64_t>(masks_.size()), rows_.size(0)}, similarities_.options());
    each_chunk([&](std::int64_t first, const torch::Tensor& rows, const torch::Tensor& columns) {
      const auto above = sigmoids(rows, columns);
      for (std::size_t m = 0; m < masks_.size(); ++m) {
        const auto mask = weights(m, rows);
        // The pair itself has σ(0) = ½ and does not count.
        counts[static_cast<std::int64_t>(m)]
            .narrow(0, first, rows.size(0))
            .copy_((above * mask).sum(1) - 0.5 * mask.gather(1, columns).squeeze(1));
      }
    });
    return counts;
  }

  [[nodiscard]] torch::Tensor gradient(const torch::Tensor& of_counts) const {
    auto result = torch::zeros_like(similarities_);
    each_chunk([&](std::int64_t first, const torch::Tensor& rows, const torch::Tensor& columns) {
      torch::Tensor weight;
      for (std::size_t m = 0; m < masks_.size(); ++m) {
        const auto term = weights(m, rows) * of_counts[static_cast<std::int64_t>(m)].narrow(0, first, rows.size(0)).unsqueeze(1);
        weight = weight.defined() ? weight + term : term;
      }
      const auto above = sigmoids(rows, columns);
      const auto slopes = above * (1 - above) * weight / temperature_;
      result.index_add_(0, rows, slopes);
      result.view(-1).index_add_(0, rows * similarities_.size(1) + columns.squeeze(1), -slopes.sum(1));
    });
    return result;
  }

 private:
  template <class Body>
  void each_chunk(Body&& body) const {
    detail::in_chunks(rows_.size(0), similarities_.size(1), [&](std::int64_t first, std::int64_t count) {
      body(first, rows_.narrow(0, first, count), columns_.narrow(0, first, count).unsqueeze(1));
    });
  }

  [[nodiscard]] torch::Tensor sigmoids(const torch::Tensor& rows, const torch::Tensor& columns) const {
    const auto of_rows = similarities_.index_select(0, rows);
    return ((of_rows - of_rows.gather(1, columns)) / temperature_).sigmoid_();
  }

  [[nodiscard]] torch::Tensor weights(std::size_t m, const torch::Tensor& rows) const {
    return masks_[m].index_select(0, rows).to(similarities_.scalar_type());
  }

  torch::Tensor similarities_, rows_, columns_;
  std::vector<torch::Tensor> masks_;
  double temperature_;
};

}  // namespace

torch::Tensor soft_counts(const torch::Tensor& similarities, const torch::Tensor& rows, const torch::Tensor& columns,
                          const std::vector<torch::Tensor>& masks, double temperature) {
  constexpr const char* function = "soft_counts";
  detail::check_embeddings(function, similarities, "similarities");
  detail::check_shape(function, "columns", columns, rows.sizes());
  if (masks.empty()) detail::fail<ShapeError>(function, "masks", "at least one", "none");
  for (const auto& mask : masks) detail::check_shape(function, "masks", mask, similarities.sizes());
  if (!(temperature > 0)) detail::fail<OptionError>(function, "temperature", "above 0", std::to_string(temperature));
  const auto counts = std::make_shared<SoftCounts>(similarities, rows, columns, masks, temperature);
  return detail::with_gradient(counts->value(), {similarities}, [counts](const torch::Tensor& gradient) {
    return std::vector<torch::Tensor>{counts->gradient(gradient)};
  });
}

torch::Tensor soft_histogram(const torch::Tensor& values, const torch::Tensor& mask, double low, double width, std::int64_t nodes) {
  detail::check_shape("soft_histogram", "mask", mask, values.sizes());
  if (nodes < 2 || !(width > 0)) {
    detail::fail<OptionError>("soft_histogram", "nodes and width", "at least 2, and above 0",
                              std::to_string(nodes) + " and " + std::to_string(width));
  }
  const auto shares = detail::histogram_shares(values, mask, low, width, nodes);
  return shares.lower + shares.upper;
}

namespace detail {

HistogramShares histogram_shares(const torch::Tensor& values, const torch::Tensor& mask, double low, double width,
                                 std::int64_t nodes) {
  const auto place = (values - low) / width;
  const auto node = place.detach().floor().nan_to_num(0).clamp(0, static_cast<double>(nodes - 2));
  const auto share = (place - node).clamp(0, 1);
  const auto weights = mask.to(values.scalar_type());
  const auto index = node.to(torch::kInt64);
  const auto empty = torch::zeros({values.size(0), nodes}, values.options().requires_grad(false));
  return {empty.scatter_add(1, index, weights * (1 - share)), empty.scatter_add(1, index + 1, weights * share)};
}

MarkedPairs marked_pairs(const torch::Tensor& mask, const torch::Tensor& like) {
  const auto pairs = mask.nonzero();
  const auto rows = pairs.select(1, 0).contiguous(), columns = pairs.select(1, 1).contiguous();
  const auto weights = mask.scalar_type() == torch::kBool ? torch::ones({rows.size(0)}, like.options().requires_grad(false))
                                                          : mask.index({rows, columns}).to(like.scalar_type());
  return {rows, columns, weights};
}

torch::Tensor mean_of_rows(const torch::Tensor& values, const MarkedPairs& pairs, std::int64_t rows) {
  const auto zeros = torch::zeros({rows}, pairs.weights.options());
  const auto totals = zeros.index_add(0, pairs.rows, pairs.weights);
  return zeros.index_add(0, pairs.rows, pairs.weights * values) / totals.masked_fill(totals == 0, 1);
}

torch::Tensor with_itself(const torch::Tensor& mask, std::int64_t first) {
  auto marked = mask.clone();
  marked.narrow(1, first, mask.size(0)).diagonal().fill_(1);
  return marked;
}

}  // namespace detail
}  // namespace diva::inline v0_1
