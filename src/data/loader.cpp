#include <fmt/format.h>
#include <torch/cuda.h>
#include <diva/core/error.hpp>
#include <diva/data/loader.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <stop_token>
#include <thread>
#include <utility>

namespace diva::inline v0_1 {

// One pass over batches. The consumer opens slots, each a batch with room for its images; the threads claim single places of the
// oldest slot that has some left, so that even the first batch is made by all of them.
class Loader::Stream {
 public:
  struct Range {
    std::int64_t first, last;
  };

  // `views` 0 makes evaluation views.
  Stream(const Loader& loader, std::int64_t views, Generator generator, Range range, BatchIndices batch_indices)
      : loader_(loader), views_(views), generator_(generator), range_(range), batch_indices_(std::move(batch_indices)) {
    for (std::int64_t i = 0; i < loader.options_.prefetch; ++i) open();
    const auto wished = loader.options_.threads;
    const auto count = wished > 0 ? wished : std::max<std::int64_t>(1, std::thread::hardware_concurrency());
    for (std::int64_t i = 0; i < count; ++i) threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }

  ~Stream() {
    for (auto& thread : threads_) thread.request_stop();  // all at once; then each is joined by its own end
  }

  std::optional<Batch> next() {
    if (slots_.empty()) return {};
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [&] { return slots_.front()->unfinished == 0; });
    }
    if (slots_.front()->error) std::rethrow_exception(slots_.front()->error);
    open();
    const std::scoped_lock lock(mutex_);
    auto batch = std::move(slots_.front()->batch);
    slots_.pop_front();
    return batch;
  }

 private:
  struct Slot {
    Batch batch;
    std::int64_t size = 0, claimed = 0, unfinished = 0;
    std::exception_ptr error;  // of the first place that failed
    std::int64_t error_place = 0;
  };

  torch::Tensor images_for(std::int64_t count) const {
    const auto& view = loader_.augmentation_;
    const auto type = loader_.options_.bytes ? torch::kUInt8 : torch::kFloat32;
    return torch::empty({count, view.channels, view.image_size, view.image_size},
                        torch::TensorOptions(type).pinned_memory(torch::cuda::is_available()));
  }

  void open() {
    if (range_.first == range_.last) return;
    const auto indices = batch_indices_(range_.first);
    const auto count = static_cast<std::int64_t>(indices.size());
    if (count == 0) detail::fail<DataError>("Loader", fmt::format("batch {}", range_.first), "a list of samples", "an empty one");
    const auto& samples = loader_.store_->dataset().samples;
    auto slot = std::make_unique<Slot>();
    slot->size = slot->unfinished = count;
    slot->batch = {.images = images_for(count),
                   .second_view = views_ >= 2 ? images_for(count) : torch::Tensor(),
                   .labels = torch::empty(count, torch::kInt64),
                   .indices = torch::tensor(indices, torch::kInt64),
                   .number = range_.first};
    for (std::int64_t view = 2; view < views_; ++view) slot->batch.further_views.push_back(images_for(count));
    for (std::int64_t place = 0; place < count; ++place) {
      const auto index = indices[static_cast<std::size_t>(place)];
      if (index < 0 || index >= loader_.store_->size()) {
        detail::fail<DataError>("Loader", fmt::format("batch {}", range_.first),
                                fmt::format("of indices in [0, {})", loader_.store_->size()), std::to_string(index));
      }
      slot->batch.labels.data_ptr<std::int64_t>()[place] = samples[static_cast<std::size_t>(index)].label;
    }
    ++range_.first;
    const std::scoped_lock lock(mutex_);
    slots_.push_back(std::move(slot));
    work_.notify_all();
  }

  Slot* oldest_with_work() {
    const auto found = std::find_if(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->claimed < slot->size; });
    return found == slots_.end() ? nullptr : found->get();
  }

  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      Slot* slot = nullptr;
      work_.wait(lock, stop, [&] { return (slot = oldest_with_work()) != nullptr; });
      if (stop.stop_requested()) return;
      const auto place = slot->claimed++;
      // Places are claimed in order, so none before one that failed is left out, and the error is the same for any threads.
      if (!slot->error) {
        std::exception_ptr error;
        lock.unlock();
        try {
          make(slot->batch, place);
        } catch (...) {
          error = std::current_exception();
        }
        lock.lock();
        if (error && (!slot->error || place < slot->error_place)) {
          slot->error = error;
          slot->error_place = place;
        }
      }
      if (--slot->unfinished == 0) ready_.notify_one();
    }
  }

  void make(const Batch& batch, std::int64_t place) const {
    // Decoding all once costs less than decoding two parts.
    const auto image = loader_.store_->source(batch.indices.data_ptr<std::int64_t>()[place], views_ > 1);
    if (views_ == 0) {
      return write(batch.images, place, [&](auto* room) { evaluation_view(image, loader_.augmentation_, room); });
    }
    const auto sample = generator_.fork(static_cast<std::uint64_t>(batch.number)).fork(static_cast<std::uint64_t>(place));
    for (std::int64_t view = 0; view < views_; ++view) {
      const auto& images = view == 0   ? batch.images
                           : view == 1 ? batch.second_view
                                       : batch.further_views[static_cast<std::size_t>(view - 2)];
      auto generator = sample.fork(static_cast<std::uint64_t>(view));
      write(images, place, [&](auto* room) { augment(image, loader_.augmentation_, generator, room); });
    }
  }

  // Calls `make_view` with the room of one image.
  template <class MakeView>
  void write(const torch::Tensor& images, std::int64_t place, const MakeView& make_view) const {
    const auto offset = place * images.stride(0);
    if (loader_.options_.bytes) {
      make_view(images.data_ptr<std::uint8_t>() + offset);
    } else {
      make_view(images.data_ptr<float>() + offset);
    }
  }

  const Loader& loader_;
  const std::int64_t views_;
  const Generator generator_;  // of the epoch
  Range range_;                // of batches that are not yet open
  BatchIndices batch_indices_;

  std::mutex mutex_;  // guards the slots' counts and errors, and changes of the list; only the consumer changes that
  std::condition_variable_any work_, ready_;
  std::deque<std::unique_ptr<Slot>> slots_;
  std::vector<std::jthread> threads_;  // last: they end before what they use
};

Loader::Loader(std::shared_ptr<const ImageStore> store, AugmentationOptions augmentation, Generator generator,
               const LoaderOptions& options)
    : store_(std::move(store)), augmentation_(std::move(augmentation)), generator_(generator), options_(options) {
  validate_fields("Loader", options_);
  validate(augmentation_);
  if (!store_) detail::fail<OptionError>("Loader", "store", "an image store", "none");
  if (store_->options().channels != augmentation_.channels) {
    detail::fail<OptionError>("Loader", "augmentation.channels",
                              fmt::format("{}, as the image store's", store_->options().channels),
                              std::to_string(augmentation_.channels));
  }
}

Loader::~Loader() = default;

void Loader::start_training(std::int64_t epoch, std::int64_t batches, BatchIndices batch_indices, std::int64_t first_batch) {
  stream_.reset();
  if (epoch < 0) detail::fail<OptionError>("Loader::start_training", "epoch", "at least 0", std::to_string(epoch));
  if (first_batch < 0 || first_batch > batches) {
    detail::fail<OptionError>("Loader::start_training", "first_batch", fmt::format("in [0, {}]", batches),
                              std::to_string(first_batch));
  }
  stream_ = std::make_unique<Stream>(*this, options_.views, generator_.fork(static_cast<std::uint64_t>(epoch)),
                                     Stream::Range{first_batch, batches}, std::move(batch_indices));
}

void Loader::start_training(std::int64_t epoch, std::vector<std::vector<std::int64_t>> batches, std::int64_t first_batch) {
  const auto count = static_cast<std::int64_t>(batches.size());
  start_training(
      epoch, count, [batches = std::move(batches)](std::int64_t batch) { return batches[static_cast<std::size_t>(batch)]; },
      first_batch);
}

void Loader::start_evaluation(std::int64_t batch_size) {
  stream_.reset();
  if (batch_size < 1) detail::fail<OptionError>("Loader::start_evaluation", "batch_size", "at least 1", std::to_string(batch_size));
  const auto samples = store_->size();
  const auto batches = (samples + batch_size - 1) / batch_size;
  stream_ = std::make_unique<Stream>(*this, 0, generator_, Stream::Range{0, batches}, [=](std::int64_t batch) {
    std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(batch_size, samples - batch * batch_size)));
    std::iota(indices.begin(), indices.end(), batch * batch_size);
    return indices;
  });
}

std::optional<Batch> Loader::next() { return stream_ ? stream_->next() : std::nullopt; }

}  // namespace diva::inline v0_1
