#include "index_engine.hpp"

#ifdef DIVA_FAISS_GPU
#include <faiss/gpu/GpuAutoTune.h>
#include <faiss/gpu/GpuCloner.h>
#include <faiss/gpu/StandardGpuResources.h>

#include <algorithm>

namespace diva::inline v0_1 {

bool faiss_on_gpu() { return true; }

std::shared_ptr<faiss::Index> detail::copy_to_gpu(const faiss::Index& index, int device, const IndexOptions& options) {
  struct Copy {
    faiss::gpu::StandardGpuResources resources;
    std::unique_ptr<faiss::Index> index;  // after what it uses, so that it goes first
  };
  auto copy = std::make_shared<Copy>();
  copy->index.reset(faiss::gpu::index_cpu_to_gpu(&copy->resources, device, &index));
  const auto probes = static_cast<double>(std::min(options.probes, options.lists));
  faiss::gpu::GpuParameterSpace().set_index_parameter(copy->index.get(), "nprobe", probes);
  return {copy, copy->index.get()};
}

}  // namespace diva::inline v0_1

#else

namespace diva::inline v0_1 {

bool faiss_on_gpu() { return false; }

std::shared_ptr<faiss::Index> detail::copy_to_gpu(const faiss::Index& /*index*/, int /*device*/, const IndexOptions& /*options*/) {
  fail<OptionError>("Index::search_on", "device", "the CPU, as this build's FAISS has no GPU part", "a GPU");
}

}  // namespace diva::inline v0_1

#endif
