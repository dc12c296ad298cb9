#!/bin/bash
# On a machine with a GPU and ptxas, after tools/gpu/build.sh (here, or elsewhere
# with .carry/ copied): searches schedules and merges their entries into TABLE.
#   tools/gpu/tune.sh TABLE SECONDS VARIANT:D[:LENGTH[:NAME=VALUE...]]...
# Each search takes SECONDS at most; heads are such that heads * D = 2048 and
# sequences such that sequences * LENGTH = 16384, LENGTH being 8192 if absent.
set -euo pipefail
cd "$(dirname "$0")/../.."
if (($# < 3)); then
  sed -n '4p' "$0" >&2
  exit 2
fi
table=$1 seconds=$2
shift 2
status=0
for item in "$@"; do
  IFS=: read -r variant dim length parameters <<< "$item"
  length=${length:-8192}
  batch=$((length < 16384 ? 16384 / length : 1))
  options=()
  for parameter in ${parameters//:/ }; do
    options+=("--set=$parameter")
  done
  .carry/attn-compile "$variant" --target=sm_90a --dtype=bf16 --tune \
    --tune-budget="$seconds" --tune-table="$table" --head-dim="$dim" \
    --heads=$((2048 / dim)) --batch="$batch" --q-len="$length" \
    --kv-len="$length" "${options[@]}" || status=1
done
exit $status
