# Clang refuses LibTorch 1.13's headers in C++20 with libstdc++ unless clang_vector.hpp comes first: with what links torch it does then.
# Used by diva's build and by its installed package.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND TARGET torch)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_INCLUDES ${TORCH_INCLUDE_DIRS})
  set(CMAKE_REQUIRED_FLAGS -std=c++20)
  check_cxx_source_compiles("#include <torch/types.h>\nint main() {}" DIVA_CLANG_TAKES_LIBTORCH)
  unset(CMAKE_REQUIRED_INCLUDES)
  unset(CMAKE_REQUIRED_FLAGS)
  if(NOT DIVA_CLANG_TAKES_LIBTORCH)
    set_property(
      TARGET torch
      APPEND
      PROPERTY INTERFACE_COMPILE_OPTIONS "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include \"${CMAKE_CURRENT_LIST_DIR}/clang_vector.hpp\">")
  endif()
endif()
