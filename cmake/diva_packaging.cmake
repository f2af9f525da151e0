# What is installed besides the CMake package: a pkg-config file a module, and Debian packages by CPack.
#
#   g++ -std=c++20 app.cpp $(pkg-config --cflags --libs diva-losses)
#   cpack --config build/release/CPackConfig.cmake      libdiva-dev, libdiva-c, diva-programs

# diva_link_flags(OUT LIBRARY...): what a linker must be told of these libraries, and in OUT_requires what pkg-config knows them as.
function(diva_link_flags out)
  set(flags)
  set(requires)
  foreach(library IN LISTS ARGN)
    if(library STREQUAL "torch")
      get_target_property(torch_file torch_cpu LOCATION)
      cmake_path(GET torch_file PARENT_PATH folder)
      list(APPEND flags "-L${folder}" -Wl,-rpath,${folder} -ltorch_cpu -lc10)
      # On a machine without CUDA the libtorch of PyPI's wheel is left out: it wants libtorch_cuda.
      get_target_property(kind torch TYPE)
      if(NOT kind STREQUAL "INTERFACE_LIBRARY")
        list(APPEND flags -ltorch)
      endif()
    elseif(library MATCHES "^diva::(.*)")
      list(APPEND requires "diva-${CMAKE_MATCH_1}")
    elseif(library STREQUAL "fmt::fmt")
      list(APPEND requires fmt)
    elseif(library STREQUAL "TurboJPEG::TurboJPEG")
      list(APPEND requires libturbojpeg)
    elseif(library STREQUAL "JPEG::JPEG")
      list(APPEND requires libjpeg)
    elseif(library STREQUAL "SPNG::SPNG")
      list(APPEND requires spng)
    elseif(library STREQUAL "ZLIB::ZLIB")
      list(APPEND requires zlib)
    elseif(library STREQUAL "faiss")
      list(APPEND flags -lfaiss ${BLAS_LIBRARIES} ${LAPACK_LIBRARIES})
    elseif(library STREQUAL "OpenMP::OpenMP_CXX")
      list(APPEND flags ${OpenMP_CXX_FLAGS})
    elseif(library STREQUAL "Threads::Threads")
      list(APPEND flags -pthread)
    elseif(NOT library MATCHES "^(Eigen3::Eigen|nlohmann_json::nlohmann_json)$") # headers alone
      message(FATAL_ERROR "cmake/diva_packaging.cmake: no pkg-config flags are known for '${library}'")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES flags)
  list(JOIN flags " " flags)
  list(JOIN requires " " requires)
  set(${out} "${flags}" PARENT_SCOPE)
  set(${out}_requires "${requires}" PARENT_SCOPE)
endfunction()

# diva_install_pkg_config(): diva-MODULE.pc for each module and diva.pc for all. Where a file of them lies tells the prefix.
function(diva_install_pkg_config)
  get_property(modules GLOBAL PROPERTY DIVA_MODULES)
  file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(includes ${TORCH_INCLUDE_DIRS})
  list(FILTER includes EXCLUDE REGEX "^/usr/include/?$")
  list(TRANSFORM includes PREPEND -I)
  string(JOIN " " torch_flags ${TORCH_CXX_FLAGS} ${includes})
  foreach(module IN LISTS modules ITEMS diva)
    set(clang_vector)
    if(module STREQUAL "core" AND CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND NOT DIVA_CLANG_TAKES_LIBTORCH)
      set(clang_vector " -include \${libdir}/cmake/diva/clang_vector.hpp")
    endif()
    if(module STREQUAL "diva")
      set(name diva)
      list(TRANSFORM modules PREPEND diva- OUTPUT_VARIABLE requires)
      list(JOIN requires " " flags_requires)
      set(libraries)
    else()
      set(name diva-${module})
      get_property(depends GLOBAL PROPERTY DIVA_DEPENDS_${module})
      diva_link_flags(flags ${depends})
      set(libraries "-L\${libdir} -ldiva_${module} ${flags}")
    endif()
    file(
      CONFIGURE
      OUTPUT "${PROJECT_BINARY_DIR}/pkgconfig/${name}.pc"
      CONTENT
        [=[prefix=${pcfiledir}/@up@
libdir=${prefix}/@CMAKE_INSTALL_LIBDIR@
includedir=${prefix}/@CMAKE_INSTALL_INCLUDEDIR@

Name: @name@
Description: @PROJECT_DESCRIPTION@
Version: @PROJECT_VERSION@
Requires: @flags_requires@
Cflags: -I${includedir} @torch_flags@@clang_vector@
Libs: @libraries@
]=]
      @ONLY)
  endforeach()
  install(DIRECTORY "${PROJECT_BINARY_DIR}/pkgconfig" DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
endfunction()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME diva)
set(CPACK_PACKAGE_CONTACT "The authors of diva <diva@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Deep metric learning in C++20 on LibTorch")
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL development library programs)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libdiva-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libtorch-dev, libfmt-dev, nlohmann-json3-dev, libfaiss-dev, libopenblas-dev, libeigen3-dev, libturbojpeg0-dev, libspng-dev")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libdiva-c)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_NAME diva-programs)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAMS_PACKAGE_SECTION science)
include(CPack)
