#!/usr/bin/env bash
# quickstart.sh - from a fresh clone to attention on real data, checked
#
# Installs what is missing, builds, and runs full attention on the queries, keys
# and values of a real encoder layer (test/Inputs/minilm). Exits with that run's
# status: 0 right, 1 wrong result, 2 refused.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

inputs=test/Inputs/minilm
main_job=(build/bin/attn-run full
  --q "$inputs/q.npy" --k "$inputs/k.npy" --v "$inputs/v.npy"
  --check --report=passes,io --bench)

tools/setup.sh
cmake --build --preset default
printf '\n$ %s\n' "${main_job[*]}"
exec "${main_job[@]}"
