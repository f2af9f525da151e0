# ./dev lint: formatting, the repository's own rules and, without --quick, clang-tidy. Sourced by dev.

clang_tidy_version=23.1.4

# rule NAME LINES: prints the lines and counts a fault when there are any.
rule() {
  [[ -n $2 ]] || return 0
  printf '%s:\n%s\n' "$1" "$2" >&2
  faults=$((faults + 1))
}

# The inline namespace carries the version up to what may break, so that code compiled against another does not link.
abi_namespace_faults() {
  local major minor
  major=$(sed -nE 's/.*version_major = ([0-9]+);/\1/p' include/diva/version.hpp)
  minor=$(sed -nE 's/.*version_minor = ([0-9]+);/\1/p' include/diva/version.hpp)
  git grep -nE '^namespace diva\b' -- include src | grep -vE ":namespace diva::inline v${major}_${minor}(::detail)? \{\$" || true
}

repository_rules() {
  local header module
  rule "Public headers without a test of their name" "$(git ls-files 'include/diva/*/*.hpp' | while read -r header; do
    header=${header#include/diva/}
    [[ -e tests/${header%.hpp}_test.cpp ]] || echo "include/diva/$header"
  done)"
  rule "Public headers that their module's header leaves out" "$(git ls-files 'include/diva/*/*.hpp' | while read -r header; do
    module=$(basename "$(dirname "$header")")
    # json.hpp is left out on purpose: see include/diva/core.hpp.
    [[ $header == */core/json.hpp ]] || grep -q "#include <${header#include/}>" "include/diva/$module.hpp" || echo "$header"
  done)"
  rule "Unfinished words" "$(git grep -nIwE 'TODO|FIXME|XXX' -- include src examples tests benchmarks cmake ':!cmake/lint.sh' || true)"
  rule "Headers and sources whose inline namespace is not that of include/diva/version.hpp" "$(abi_namespace_faults)"
  rule "Heavy headers in the public interface" "$(git grep -nE '#include <(torch/torch|torch/nn|faiss/|Eigen/|turbojpeg|spng)' -- include || true)"
}

# closure FILE: the file and the headers of the repository that it includes, directly or by others, one a line.
closure() {
  local found="$1" queue=("$1") file next
  while ((${#queue[@]})); do
    file=${queue[0]}
    queue=("${queue[@]:1}")
    while read -r next; do
      for next in "include/$next" "src/$next" "examples/$next" "$(dirname "$file")/$next"; do
        [[ -e $next && $'\n'$found$'\n' != *$'\n'$next$'\n'* ]] || continue
        found+=$'\n'$next
        queue+=("$next")
      done
    done < <(sed -nE 's/^#include [<"]([^>"]+)[>"].*/\1/p' "$file")
  done
  printf '%s\n' "$found"
}

# A file is checked again only when it, a header that it includes or the rules have changed in more than comments. Clang refuses LibTorch's
# headers in C++20 with libstdc++ unless cmake/clang_vector.hpp comes first.
tidy_file() {
  local file=$1 stamp found
  stamp=build/lint/tidy/$(closure "$file" | xargs cat .clang-tidy cmake/clang_vector.hpp | sed -E '/^ *\/\//d; s/ +\/\/ [^"]*$//; s/ +\/\/\/< .*$//' | sha256sum | cut -c1-32)
  [[ -e $stamp ]] && return 0
  found=$(build/lint/tools/bin/clang-tidy --quiet -p build/lint --extra-arg=-include --extra-arg="$PWD/cmake/clang_vector.hpp" --extra-arg=-fno-openmp --extra-arg=-idirafter --extra-arg="$gcc_headers" "$file" 2>&1 |
    grep -E -A5 "(^[^ ]+:[0-9:]+|^) ?(error|warning):" || true)
  if [[ -z $found ]]; then
    touch "$stamp"
  else
    printf '%s\n' "$found"
    return 1
  fi
}

lint() {
  cd "$root"
  faults=0
  install_missing clang-format
  # Compared by itself: --dry-run also warns of comments behind an inline namespace that it writes as they stand.
  rule "Files that clang-format would change (clang-format -i FILE)" \
    "$(git ls-files '*.hpp' '*.cpp' | xargs -P "$(nproc)" -I FILE sh -c 'clang-format FILE | cmp -s - FILE || echo FILE' | sort)"
  repository_rules
  [[ ${1:-} == --quick ]] || tidy "$@"
  if ((faults)); then die "lint found faults"; fi
  say "Clean"
}

# tidy [FILE...]: clang-tidy, over all sources where none is named.
tidy() {
  set_up release python3-venv
  # Clang cannot read GCC's precompiled header.
  cmake --preset release -B build/lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DDIVA_BUILD_TESTS=OFF >/dev/null
  mkdir -p build/lint/tidy
  # One version for all systems: Debian's takes three times as long, as it looks into the headers of others too.
  if [[ ! -x build/lint/tools/bin/clang-tidy ]]; then
    say "Installing clang-tidy $clang_tidy_version into build/lint/tools"
    python3 -m venv build/lint/tools && build/lint/tools/bin/pip install -q "clang-tidy==$clang_tidy_version" || die "clang-tidy could not be installed"
  fi
  # FAISS includes omp.h, which GCC brings; after all of Clang's own headers.
  gcc_headers=$(g++ -print-file-name=include)
  export -f closure tidy_file
  export gcc_headers
  local files=("$@")
  ((${#files[@]})) || mapfile -t files < <(git ls-files 'src/*.cpp' 'examples/*.cpp' ':!examples/tutorials')
  printf '%s\0' "${files[@]}" | xargs -0 -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -c 'tidy_file "$1" || { echo "clang-tidy found faults in $1" >&2; exit 1; }' _ {} || faults=$((faults + 1))
}
