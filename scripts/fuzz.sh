#!/usr/bin/env bash
# Runs the fuzzers of the parsers of external input, each for a given time: scripts/fuzz.sh [SECONDS [NAME…]]
#
#   scripts/fuzz.sh                all fuzzers, 600 seconds each
#   scripts/fuzz.sh 60 messages    test/fuzz/messages.test.ts, one minute for each of its decoders
#
# A failure prints its seed and its input; SLUICE_TEST_SEED repeats a run.
#
#   -h, --help   this text
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
for part in common install build; do
  # shellcheck source=/dev/null
  . "$HERE/lib/$part.sh"
done
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$0"
  exit 0
fi
ensure_built
export SLUICE_FUZZ_SECONDS=${1:-600}
shift $(($# > 0 ? 1 : 0))
cd "$SLUICE_ROOT"
for test in dist/test/fuzz/*.test.js; do
  name=$(basename "$test" .test.js)
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  node "$test"
done
