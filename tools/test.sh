#!/usr/bin/env bash
# test.sh - set up, build, and run the tests
#
#   tools/test.sh                 all tests but the long sweeps
#   tools/test.sh --full          the long sweeps too
#   tools/test.sh [--full] ARG... further arguments go to ctest (-R NAME, -V)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Long sweeps carry the ctest label "long".
selection=(-LE '^long$')
if [[ ${1-} == -h || ${1-} == --help ]]; then
  sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
if [[ ${1-} == --full ]]; then
  selection=()
  shift
fi

tools/setup.sh
cmake --build --preset default
# Nothing outside the clone is written, and a pass means that something ran.
exec ctest --test-dir build --parallel "$(nproc)" --output-on-failure \
  --no-tests=error "${selection[@]}" "$@"
