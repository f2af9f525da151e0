# One function makes a module: its library, header set, export set, install rules, tests and benchmarks.

# Settings of diva's own targets, never of those who link them.
add_library(diva_build_settings INTERFACE)
target_compile_features(diva_build_settings INTERFACE cxx_std_20)
# -fPIC by hand: the property would give programs -fPIE, and the precompiled header must be made with the flags of all its users.
target_compile_options(diva_build_settings INTERFACE -fPIC -Wall -Wextra $<$<BOOL:${DIVA_WERROR}>:-Werror>)
# Clang blames libstdc++ 12 for what it marks as deprecated and uses itself, in std::stable_sort.
target_compile_options(diva_build_settings INTERFACE $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
# at::parallel_for is a header's template that runs on one thread where this flag is missing; a module that calls it also has
# OpenMP::OpenMP_CXX in PRIVATE_DEPENDS and OpenMP in PACKAGES.
target_compile_options(diva_build_settings INTERFACE ${OpenMP_CXX_FLAGS})
# A library that holds static modules of diva does not export them. Shared modules export all that is theirs: a public API without macros
# has nothing else to choose by.
if(NOT BUILD_SHARED_LIBS)
  target_compile_options(diva_build_settings INTERFACE -fvisibility=hidden -fvisibility-inlines-hidden)
endif()
# A wheel of LibTorch brings the headers of a fmt of its own, which come before those of the library that is linked: they need none.
foreach(folder IN LISTS TORCH_INCLUDE_DIRS)
  if(EXISTS "${folder}/fmt/format.h" AND NOT folder IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    target_compile_definitions(diva_build_settings INTERFACE FMT_HEADER_ONLY)
  endif()
endforeach()
if(DIVA_SANITIZE)
  # GCC's warnings follow the paths of the instruments' own code; what TSan warns of, fences, is in LibTorch's headers.
  target_compile_options(diva_build_settings INTERFACE -fsanitize=${DIVA_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer
                                                       $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-tsan>)
  target_link_options(diva_build_settings INTERFACE -fsanitize=${DIVA_SANITIZE})
endif()

# In a folder of its own at the top of the whole build, so that its path, seen from there, is the same within another project and a
# compiler cache finds it again.
add_subdirectory("${CMAKE_CURRENT_LIST_DIR}/precompiled" "${CMAKE_BINARY_DIR}/diva_precompiled")

define_property(GLOBAL PROPERTY DIVA_MODULES BRIEF_DOCS "Names of the modules made so far, in order of dependency")

# diva_use_precompiled(TARGET): compiles diva's own target with its settings and the shared precompiled header.
function(diva_use_precompiled target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:diva_build_settings>)
  target_precompile_headers(${target} REUSE_FROM diva_precompiled)
endfunction()

# diva_add_module(NAME CONCEPTS ... [PRIVATE_SOURCES ...] [TESTS ...] [TEST_DEPENDS ...] [DEPENDS ...] [PRIVATE_DEPENDS ...] [PACKAGES ...])
#
# CONCEPTS         each is a header include/diva/NAME/CONCEPT.hpp with its test tests/NAME/CONCEPT_test.cpp, and, where they
#                  exist, its source src/NAME/CONCEPT.cpp and benchmark benchmarks/NAME/CONCEPT_bench.cpp
# PRIVATE_SOURCES  further files of src/NAME
# TESTS            further tests tests/NAME/TEST_test.cpp, such as contract or golden
# TEST_DEPENDS     what only the tests link, such as the reader of golden files
# DEPENDS          modules and libraries that the headers use;  PRIVATE_DEPENDS: those that only the sources use
# PACKAGES         what a user's find_package must find for this module beyond the packages of the modules it depends on;
#                  "BLAS LAPACK" names are looked up in this order by cmake/diva-config.cmake.in
function(diva_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "CONCEPTS;PRIVATE_SOURCES;TESTS;TEST_DEPENDS;DEPENDS;PRIVATE_DEPENDS;PACKAGES")
  set(headers "${PROJECT_SOURCE_DIR}/include/diva/${name}.hpp")
  set(sources)
  set(benchmarks)
  foreach(concept IN LISTS arg_CONCEPTS)
    list(APPEND headers "${PROJECT_SOURCE_DIR}/include/diva/${name}/${concept}.hpp")
    if(EXISTS "${PROJECT_SOURCE_DIR}/src/${name}/${concept}.cpp")
      list(APPEND sources "${PROJECT_SOURCE_DIR}/src/${name}/${concept}.cpp")
    endif()
    if(EXISTS "${PROJECT_SOURCE_DIR}/benchmarks/${name}/${concept}_bench.cpp")
      list(APPEND benchmarks "${PROJECT_SOURCE_DIR}/benchmarks/${name}/${concept}_bench.cpp")
    endif()
  endforeach()
  list(TRANSFORM arg_PRIVATE_SOURCES PREPEND "${PROJECT_SOURCE_DIR}/src/${name}/")
  list(APPEND sources ${arg_PRIVATE_SOURCES})

  set(target diva_${name})
  add_library(${target} ${sources})
  add_library(diva::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_sources(
    ${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${headers})
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  diva_use_precompiled(${target})
  add_dependencies(diva_installed ${target})

  install(
    TARGETS ${target}
    EXPORT diva-${name}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  install(EXPORT diva-${name}-targets NAMESPACE diva:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/diva COMPONENT development)

  set(needs ${arg_DEPENDS} ${arg_PRIVATE_DEPENDS})
  list(FILTER needs INCLUDE REGEX "^diva::")
  list(TRANSFORM needs REPLACE "^diva::" "")
  set_property(GLOBAL APPEND PROPERTY DIVA_MODULES ${name})
  set_property(GLOBAL PROPERTY DIVA_NEEDS_${name} "${needs}")
  set_property(GLOBAL PROPERTY DIVA_PACKAGES_${name} "${arg_PACKAGES}")
  set_property(GLOBAL PROPERTY DIVA_DEPENDS_${name} ${arg_DEPENDS} ${arg_PRIVATE_DEPENDS})
  set_property(GLOBAL APPEND PROPERTY DIVA_HEADERS ${headers})

  if(DIVA_BUILD_TESTS)
    diva_add_tests(${name} ${arg_CONCEPTS} ${arg_TESTS})
    target_link_libraries(test_${name} PRIVATE ${arg_TEST_DEPENDS})
  endif()
  if(DIVA_BUILD_BENCHMARKS AND benchmarks)
    add_executable(bench_${name} ${benchmarks})
    target_link_libraries(bench_${name} PRIVATE diva::${name} benchmark::benchmark_main)
    diva_use_precompiled(bench_${name})
  endif()
endfunction()

# diva_add_tests(MODULE CONCEPT...): one program test_MODULE, and one ctest MODULE.CONCEPT for each file tests/MODULE/CONCEPT_test.cpp.
# The tests whose subject crosses concepts carry it as their label: golden, contract, resume, bad-input.
function(diva_add_tests module)
  if(NOT TARGET diva_test_main)
    add_library(diva_test_main OBJECT "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
    target_include_directories(diva_test_main PUBLIC "${PROJECT_SOURCE_DIR}/tests")
    target_compile_definitions(diva_test_main PRIVATE DIVA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    target_link_libraries(diva_test_main PUBLIC Catch2::Catch2 torch)
    diva_use_precompiled(diva_test_main)
  endif()
  set(files ${ARGN})
  list(TRANSFORM files PREPEND "${PROJECT_SOURCE_DIR}/tests/${module}/")
  list(TRANSFORM files APPEND "_test.cpp")
  add_executable(test_${module} ${files})
  target_link_libraries(test_${module} PRIVATE diva::${module} diva_test_main nlohmann_json::nlohmann_json fmt::fmt)
  diva_use_precompiled(test_${module})
  # Tests spend their time in LibTorch: optimising them costs a third of their compilation and gains nothing.
  target_compile_options(test_${module} PRIVATE $<$<CONFIG:Release>:-O1>)
  foreach(concept IN LISTS ARGN)
    add_test(NAME ${module}.${concept} COMMAND test_${module} --filenames-as-tags "[#${concept}_test]")
    string(REPLACE "_" "-" label "${concept}")
    if(label MATCHES "^(golden|contract|resume|bad-input)(-.*)?$")
      set_tests_properties(${module}.${concept} PROPERTIES LABELS "${CMAKE_MATCH_1};${module}")
    else()
      set_tests_properties(${module}.${concept} PROPERTIES LABELS "${module}")
    endif()
  endforeach()
endfunction()

# diva_finish_modules(): diva::diva, which links every module, and the installed package.
function(diva_finish_modules)
  get_property(modules GLOBAL PROPERTY DIVA_MODULES)
  add_library(diva_diva INTERFACE)
  add_library(diva::diva ALIAS diva_diva)
  set_target_properties(diva_diva PROPERTIES EXPORT_NAME diva)
  target_sources(
    diva_diva INTERFACE FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES
                        "${PROJECT_SOURCE_DIR}/include/diva/diva.hpp" "${PROJECT_SOURCE_DIR}/include/diva/version.hpp")
  list(TRANSFORM modules PREPEND diva:: OUTPUT_VARIABLE targets)
  target_link_libraries(diva_diva INTERFACE ${targets})
  install(
    TARGETS diva_diva
    EXPORT diva-diva-targets
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
  install(EXPORT diva-diva-targets NAMESPACE diva:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/diva COMPONENT development)

  set(DIVA_COMPONENTS ${modules} diva)
  set(DIVA_COMPONENT_TABLE)
  set_property(GLOBAL PROPERTY DIVA_NEEDS_diva "${modules}")
  foreach(module IN LISTS DIVA_COMPONENTS)
    get_property(needs GLOBAL PROPERTY DIVA_NEEDS_${module})
    get_property(packages GLOBAL PROPERTY DIVA_PACKAGES_${module})
    string(APPEND DIVA_COMPONENT_TABLE "set(_diva_needs_${module} ${needs})\nset(_diva_packages_${module} ${packages})\n")
  endforeach()
  configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/diva-config.cmake.in" "${PROJECT_BINARY_DIR}/diva-config.cmake"
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/diva)
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/diva-config-version.cmake" COMPATIBILITY SameMinorVersion)
  install(
    FILES "${PROJECT_BINARY_DIR}/diva-config.cmake" "${PROJECT_BINARY_DIR}/diva-config-version.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/FindTurboJPEG.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindSPNG.cmake"
          "${PROJECT_SOURCE_DIR}/cmake/diva_clang.cmake" "${PROJECT_SOURCE_DIR}/cmake/clang_vector.hpp"
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/diva COMPONENT development)
  diva_install_pkg_config()
endfunction()
