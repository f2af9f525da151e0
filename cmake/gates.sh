# ./dev asan, tsan, cppcheck and coverage: what is too long for every run of the tests. Sourced by dev.

gcovr_version=8.8

# use_clang: the sanitizers' own compiler, which also compiles in half the time, unless CXX names another.
use_clang() {
  export CXX=${CXX:-clang++-19}
  local clang
  clang=$(clang_release)
  # LLVM's own package names the lines in what they report.
  [[ -z $clang ]] || install_missing "libclang-rt-$clang-dev" "llvm-$clang"
}

# tests_of PRESET [ctest options]: configures it and builds the programs that the chosen tests run, whose modules are then in `modules`.
# Packages, Python and the demo are left to ./dev test, the fuzz targets to ./dev fuzz, which has sanitizers of its own.
tests_of() {
  local preset=$1 programs
  shift
  set_up "$preset"
  chosen=(-LE '^(package|python|fuzz|demo)$' "$@")
  # ctest also names those that are not built yet, as missing.
  mapfile -t programs < <(ctest --test-dir "$build" -N -V "${chosen[@]}" 2>&1 | grep -oE "/bin/test_\w+" | cut -c2- | sort -u)
  ((${#programs[@]})) || die "no test of that name"
  modules=("${programs[@]#bin/test_}")
  make_targets "${programs[@]}" || die "the build failed, so no test ran"
}

asan() {
  use_clang
  tests_of asan "$@"
  local leaks=$root/cmake/leaks.txt
  # One thread each, as two tests run at a time: what threads do to each other is for tsan.
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1 \
    LSAN_OPTIONS=suppressions=$leaks:print_suppressions=0 UBSAN_OPTIONS=print_stacktrace=1 count_tests "${chosen[@]}"
}

# LibTorch is not instrumented, and TSan does not see where threads meet in OpenMP: every parallel loop would be a race. Clang's own OpenMP
# tells it, by its tool Archer, and stands in for GCC's in LibTorch and FAISS too.
tsan() {
  (($#)) || set -- -L '^(core|io|data|samplers|search|metrics)$'
  use_clang
  tests_of tsan "$@"
  OMP_NUM_THREADS=${OMP_NUM_THREADS:-4} OMP_TOOL_LIBRARIES=$("$CXX" -print-file-name=libarcher.so) \
    TSAN_OPTIONS=ignore_noninstrumented_modules=1:suppressions=$root/cmake/races.txt count_tests "${chosen[@]}"
}

# -Dinline=: cppcheck 2.10 does not know `namespace diva::inline v0_1`.
cppcheck() {
  install_missing cppcheck
  cd "$root"
  mkdir -p build/cppcheck
  command cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability,style --suppressions-list=cmake/cppcheck.txt \
    -Dinline= -DLIBJPEG_TURBO_VERSION_NUMBER -I include -I src -I examples --cppcheck-build-dir=build/cppcheck -j "$(getconf _NPROCESSORS_ONLN)" \
    --template='{file}:{line}: {severity}: {message} [{id}]' --error-exitcode=1 src include examples || die "cppcheck found faults"
  say "Clean"
}

coverage() {
  unset CXX # gcovr reads what GCC counts
  install_missing python3-venv doxygen
  tests_of coverage "$@"
  local tools=$build/tools
  if [[ ! -x $tools/bin/gcovr ]]; then
    say "Installing gcovr $gcovr_version into build/coverage/tools"
    python3 -m venv "$tools" && "$tools/bin/pip" install -q "gcovr==$gcovr_version" || die "gcovr could not be installed"
  fi
  find "$build" -name '*.gcda' -delete # of earlier runs
  local code=0
  # One thread each: counting is atomic, and threads would wait for each other at every line.
  OMP_NUM_THREADS=1 count_tests "${chosen[@]}" || code=$?
  cd "$root"
  # Branches say little where any call may throw; and the tests do run some lines more than four billion times.
  "$tools/bin/gcovr" -r "$root" --object-directory "$build" -f include/diva -f src -j "$(getconf _NPROCESSORS_ONLN)" --merge-mode-functions=separate \
    --gcov-ignore-parse-errors=negative_hits.warn --gcov-suspicious-hits-threshold 0 --exclude-branches-by-pattern '.*' --json "$build/coverage.json" --html-details "$build/index.html" \
    --print-summary "$build" || die "gcovr failed"
  doxygen docs/sphinx/Doxyfile
  python3 cmake/coverage.py "$build/coverage.json" build/docs/doxygen/xml "${modules[@]}" || code=$?
  say "build/coverage/index.html"
  return "$code"
}
