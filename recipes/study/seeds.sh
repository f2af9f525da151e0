#!/usr/bin/env bash
# seeds.sh DIVA_MAIN RECIPE DATA NAME: a run of three seeds for the margin loss alone, with each auxiliary head, and for DiVA with
# and without decorrelation, all of 128 dimensions.
set -euo pipefail
program=$1 recipe=$2 data=$3 name=$4
run() {  # GROUP DIMENSION RHO HEAD...
  local group=$1 dimension=$2 rho=$3 weights=-1 combination
  shift 3
  combination=$(IFS=_; echo "Combined_$*")
  for _ in "${@:2}"; do weights+=-0.5; done
  (($# > 1)) && combination+=$weights || combination=$1
  "$program" --recipe "$recipe" --source_path "$data" --savename "${name}_$group" --diva_features "$@" --embed_dim "$dimension" \
    --diva_rho_decorrelation "$rho" --evaltypes "$combination" --seeds 0 1 2 --resume auto --cache
}
run margin 128 10 discriminative
run self 64 10 discriminative selfsimilarity
run shared 64 10 discriminative shared
run intra 64 10 discriminative intra
run diva 32 10 discriminative selfsimilarity shared intra
run diva_free 32 0 discriminative selfsimilarity shared intra
