#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"
#include "support/source_file.hpp"

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#endif

std::string source_file(const std::string& name) { return DIVA_SOURCE_DIR "/" + name; }

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
