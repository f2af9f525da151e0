# What diva links, each found once here; the installed package finds again only what the asked components need.

# A project that contains diva links it from folders above this one.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)

# LibTorch's own config sets warnings and flags of its making; its target is all that is used.
find_package(Torch ${DIVA_TORCH_MINIMUM} REQUIRED)
include(diva_clang)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

# Debian's FAISS is a static library whose config does not find what it links: find that first.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_package(faiss REQUIRED)
# FAISS's GPU part is optional in its builds: it is there when a program that uses it links.
set(DIVA_FAISS_ON_GPU FALSE)
if(DIVA_FAISS_GPU)
  find_package(CUDAToolkit QUIET)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES faiss OpenMP::OpenMP_CXX)
  if(TARGET CUDA::cudart)
    list(APPEND CMAKE_REQUIRED_LIBRARIES CUDA::cudart)
  endif()
  set(CMAKE_REQUIRED_QUIET TRUE)
  check_cxx_source_compiles(
    "#include <faiss/gpu/GpuCloner.h>\n#include <faiss/gpu/StandardGpuResources.h>\nint main() { faiss::gpu::StandardGpuResources r; return faiss::gpu::index_cpu_to_gpu(&r, 0, nullptr) != nullptr; }"
    DIVA_FAISS_LINKS_ON_GPU)
  unset(CMAKE_REQUIRED_LIBRARIES)
  unset(CMAKE_REQUIRED_QUIET)
  if(DIVA_FAISS_LINKS_ON_GPU)
    set(DIVA_FAISS_ON_GPU TRUE)
  elseif(NOT DIVA_FAISS_GPU STREQUAL "AUTO")
    message(FATAL_ERROR "DIVA_FAISS_GPU is ${DIVA_FAISS_GPU}, but this FAISS has no GPU part, or there is no CUDA toolkit")
  endif()
endif()
if(DIVA_FAISS_ON_GPU)
  message(STATUS "FAISS indexes: on the CPU and on GPUs")
else()
  message(STATUS "FAISS indexes: on the CPU only")
endif()
find_package(Eigen3 REQUIRED NO_MODULE)

find_package(TurboJPEG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SPNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)

if(DIVA_BUILD_EXAMPLES)
  find_package(CLI11 REQUIRED)
endif()
if(DIVA_BUILD_TESTS)
  find_package(Catch2 REQUIRED)
endif()
if(DIVA_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
