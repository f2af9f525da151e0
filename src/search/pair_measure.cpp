#include "pair_measure.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>

namespace diva::inline v0_1::detail {

template <class T>
PairMeasure<T>::PairMeasure(Kernel kernel, Similarity similarity, const Rows<T>& queries, const Rows<T>& gallery,
                            const std::vector<double>& query_lengths, const std::vector<double>& gallery_lengths)
    : kernel_(kernel),
      similarity_(similarity),
      queries_(queries),
      gallery_(gallery),
      query_lengths_(query_lengths.data()),
      gallery_lengths_(gallery_lengths.data()),
      error_(0x1p-53 * (static_cast<double>(queries.dim) / 2 + 40)) {
  if (!std::is_same_v<T, float> || !euclidean()) return;
  const auto squares_of = [&](const Rows<T>& rows) {
    std::vector<double> squares(rows.count);
    at::parallel_for(0, rows.count, 64, [&](std::int64_t begin, std::int64_t end) {
      for (auto row = begin; row < end; ++row) {
        const T* pointer = rows[row];
        measure_rows(kernel, false, pointer, &pointer, 1, rows.dim, &squares[row]);
      }
    });
    return squares;
  };
  gallery_squares_ = squares_of(gallery);
  query_squares_ = queries.data == gallery.data ? gallery_squares_ : squares_of(queries);
  // A root is unsure with a probability of about 2²⁴ e over the squared distance, which is near the squared lengths about the
  // centre.
  const double far = std::accumulate(gallery_squares_.begin(), gallery_squares_.end(), 0.0);
  const double apart = std::inner_product(gallery_lengths.begin(), gallery_lengths.end(), gallery_lengths.begin(), 0.0);
  by_products_ = 0x1p28 * error_ * far < apart;
}

template <class T>
void PairMeasure<T>::measure(std::int64_t query, std::span<MeasuredRow> rows, Workspace& work) const {
  work.rows.clear();
  for (const auto& row : rows) work.rows.push_back(gallery_[row.index]);
  sum(euclidean(), query, work);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    rows[n].distance = euclidean() ? work.sums[n] : distance(query, rows[n].index, work.sums[n]);
  }
}

template <class T>
void PairMeasure<T>::round_distances(std::int64_t query, std::span<const std::int32_t> rows, T* distances, Workspace& work) const {
  work.rows.clear();
  for (const auto row : rows) work.rows.push_back(gallery_[row]);
  if (!by_products_) {
    sum(euclidean(), query, work);
    for (std::size_t n = 0; n < rows.size(); ++n) distances[n] = static_cast<T>(distance(query, rows[n], work.sums[n]));
    return;
  }
  sum(false, query, work);
  work.unsure.clear();
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const double squares = query_squares_[query] + gallery_squares_[rows[n]];
    const double sum = squares - 2 * work.sums[n], error = error_ * squares;
    const auto low = static_cast<T>(std::sqrt(sum - error)), high = static_cast<T>(std::sqrt(sum + error));
    distances[n] = high;
    if (!(low == high)) work.unsure.push_back(static_cast<std::uint32_t>(n));  // NaN too, the root of less than 0
  }
  if (work.unsure.empty()) return;
  for (std::size_t u = 0; u < work.unsure.size(); ++u) work.rows[u] = gallery_[rows[work.unsure[u]]];
  work.rows.resize(work.unsure.size());
  sum(true, query, work);
  for (std::size_t u = 0; u < work.unsure.size(); ++u) distances[work.unsure[u]] = static_cast<T>(std::sqrt(work.sums[u]));
}

template <class T>
void PairMeasure<T>::sum(bool difference, std::int64_t query, Workspace& work) const {
  work.sums.resize(work.rows.size());
  measure_rows(kernel_, difference, queries_[query], work.rows.data(), static_cast<std::int64_t>(work.rows.size()), queries_.dim,
               work.sums.data());
}

template <class T>
double PairMeasure<T>::distance(std::int64_t query, std::int64_t row, double sum) const {
  if (euclidean()) return std::sqrt(sum);
  if (similarity_ == Similarity::dot) return -sum;
  return std::max(0.0, 1 - sum / (query_lengths_[query] * gallery_lengths_[row]));
}

template class PairMeasure<float>;
template class PairMeasure<double>;

}  // namespace diva::inline v0_1::detail
