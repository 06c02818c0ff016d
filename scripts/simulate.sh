#!/usr/bin/env bash
# Simulates lives of a fleet, at low priority: scripts/simulate.sh [SEEDS]
#
#   scripts/simulate.sh          10 000 lives, seeds 1 to 10 000
#   scripts/simulate.sh 500      500 of them
#   --first SEED                 the first seed (default 1)
#   -h, --help                   this text
#
# Three controllers, twenty hosts, etcd and a network with faults of every kind, in virtual time (test/simulation). A life
# that violates an invariant ends its worker's run, and its seed and the command that repeats it are printed. The exit
# status is 0 only if all lives passed.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

seeds=10000
first=1
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      show_help "$0"
      exit 0
      ;;
    --first)
      first=$2
      shift 2
      ;;
    *)
      seeds=$1
      shift
      ;;
  esac
done

require_node
ensure_built || exit 1
workers=$(nproc)
each=$(((seeds + workers - 1) / workers))
pids=()
for ((worker = 0; worker < workers; worker++)); do
  left=$((seeds - worker * each))
  [ "$left" -gt 0 ] || break
  count=$((left < each ? left : each))
  nice -n 19 node "$SLUICE_ROOT/dist/test/simulation/main.js" $((first + worker * each)) "$count" &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
exit "$status"
