#!/usr/bin/env bash
# ./dev docs: every relative link of the documentation leads somewhere, every module has its row, and each block of C++ is part of a
# program that the tests run.
cd "$(dirname "$0")/.." || exit 1
faults=0
while read -r file; do
  while read -r link; do
    target=$(dirname "$file")/${link%%#*}
    [[ -z ${link%%#*} || -e $target ]] || { echo "$file: no file '$link'" >&2; faults=1; }
  done < <(grep -oE '\]\([^)]+\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/' | grep -vE '^(https?|mailto):')
done < <(git ls-files '*.md')
for module in include/diva/*/; do
  grep -q "$(basename "$module")" docs/architecture.md || { echo "docs/architecture.md: nothing of module $(basename "$module")" >&2; faults=1; }
done
python3 docs/sphinx/check_blocks.py || faults=1
((faults == 0)) && echo "The documentation's links and programs hold."
exit "$faults"
