#!/bin/sh
# scripts/simulate.sh [SEEDS] [FROM]: plays lives of a simulated fleet, 10 000 unless said otherwise, on all processors.
# A life that breaks a rule ends the run with its seed and the line that plays it again.
set -e
cd "$(dirname "$0")/.."
scripts/sluice --version >/dev/null
seeds=${1:-10000}
from=${2:-1}
workers=$(nproc)
each=$(((seeds + workers - 1) / workers))
pids=
for worker in $(seq 0 $((workers - 1))); do
  node dist/test/simulation/main.js $((from + worker * each)) "$each" &
  pids="$pids $!"
done
failed=0
for pid in $pids; do wait "$pid" || failed=1; done
exit $failed
