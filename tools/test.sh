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
status=0
ctest --test-dir build --parallel "$(nproc)" --output-on-failure \
  --no-tests=error "${selection[@]}" "$@" || status=$?

# To ctest all lit tests are one: say how many that was.
awk '
  /^Total Discovered Tests:/ { found = 1 }
  /^ *(Passed|Expectedly Failed) *:/ { passed += $(NF - 1) }
  /^ *(Failed|Unexpectedly Passed|Unresolved|Timed Out) *:/ { failed += $(NF - 1) }
  /^ *(Unsupported|Skipped|Excluded) *:/ { skipped += $(NF - 1) }
  END { if (found) printf "\nlit: %d passed, %d failed, %d skipped\n", passed, failed, skipped }
' build/Testing/Temporary/LastTest.log
exit "$status"
