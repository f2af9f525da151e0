#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"
#include "support/source_file.hpp"

#include <cstdlib>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#endif

std::string source_file(const std::string& name) { return DIVA_SOURCE_DIR "/" + name; }

int main(int argc, char** argv) {
  // A LibTorch with MKL, as PyPI's, multiplies matrices to the same bits whatever the number of threads in this mode alone; OpenBLAS, as
  // Debian's has, does not read it. That diva's own work does not depend on the threads could not be seen otherwise.
  setenv("MKL_CBWR", "AVX2,STRICT", /*overwrite=*/0);
  return Catch::Session().run(argc, argv);
}
