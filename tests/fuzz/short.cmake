# The test fuzz.short: builds the fuzz targets in BUILD and runs each for some seconds from real files and from what broke it once.
find_program(clang clang++)
if(clang)
  file(WRITE "${BUILD}/try.cpp" "extern \"C\" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }\n")
  execute_process(COMMAND "${clang}" -fsanitize=fuzzer,address,undefined "${BUILD}/try.cpp" -o "${BUILD}/try" RESULT_VARIABLE failed ERROR_QUIET)
endif()
if(NOT clang OR failed)
  message("no Clang with libFuzzer here: the fuzz targets are not run")
  return()
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" -G Ninja -S "${CMAKE_CURRENT_LIST_DIR}" -B "${BUILD}" "-DCMAKE_CXX_COMPILER=${clang}"
                        "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_PREFIX_PATH=${PREFIX_PATH}" "-DTorch_DIR=${TORCH}"
                COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD}" --parallel 2 COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_CTEST_COMMAND}" --test-dir "${BUILD}" --output-on-failure --no-tests=error COMMAND_ERROR_IS_FATAL ANY)
