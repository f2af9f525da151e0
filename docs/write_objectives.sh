#!/usr/bin/env bash
# write_objectives.sh DIVA_MAIN: docs/objectives.md from the registries of the program, so that no list of names is kept by hand.
set -euo pipefail
page=$(dirname "$0")/objectives.md
{
  cat <<'TEXT'
# Objectives

Written by `./dev docs` from what the registries say; `diva_main --list losses --markdown` prints the same. Names are those of
`make_loss`, `make_miner`, `make_self_similarity` and `make_pretext_classifier`; options are fields of the aggregate of that name and
keys of the JSON that these functions take. The formulas here are reminders: each header has the whole, with what differs from paper
and reference codes.

Criteria around others are made by `make_loss` too, with what they are made of nested in their options:

```json
{"dims": [32, 128], "of": {"loss": "triplet", "margin": 0.1}}
```

are options of `sub_dimensions`. `diva_main --loss sub_dimensions --loss_options '…'` takes them, and so does a recipe, in
`loss_options`. GradCache runs the network and is no criterion: see `include/diva/losses/grad_cache.hpp`.
TEXT
  for word in losses wrappers miners distances reducers regularizers ssl decorrelation metrics; do
    echo
    "$1" --list "$word" --markdown
  done
} >"$page.new"
mv "$page.new" "$page"
