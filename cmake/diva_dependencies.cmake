# What diva links, each found once here; the installed package finds again only what the asked components need.

# A project that contains diva links it from folders above this one.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL TRUE)

# LibTorch's own config sets warnings and flags of its making; its target is all that is used.
find_package(Torch 1.13 REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

# Debian's FAISS is a static library whose config does not find what it links: find that first.
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(BLAS REQUIRED)
find_package(LAPACK REQUIRED)
find_package(faiss REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)

find_package(TurboJPEG REQUIRED)
find_package(SPNG REQUIRED)
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
