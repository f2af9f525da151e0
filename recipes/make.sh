#!/usr/bin/env bash
# Writes recipes/NAME.json for each line of runs.txt: recipes/make.sh build/release/bin/diva_main
set -euo pipefail
here=$(dirname "$0")
while IFS= read -r line; do
  [[ $line == \#* ]] && continue
  words=${line#*: }
  words=${words//\$datapath/data}
  words=${words//\$gpu/0}
  # shellcheck disable=SC2086 -- words are meant to be split
  "$1" --print_recipe $words > "$here/${line%%: *}.json"
done < "$here/runs.txt"
