#!/usr/bin/env bash
# Compares Sluice with its own bare engine, Open vSwitch and the kernel: scripts/bench.sh [OPTION…]
#
#   scripts/bench.sh             five rounds of everything, about ten minutes
#   scripts/bench.sh --quick     checks that everything works, about three minutes
#   scripts/bench.sh --help      all options
#
#   scripts/bench.sh --against REF --columns sluice --seconds 1 --rounds 30      is it slower than REF?
#   scripts/bench.sh --unmeasured --columns sluice --seconds 1 --rounds 30       what does measuring members cost?
#
# Installs missing packages, builds, measures in separate network namespaces, prints tables and writes JSON
# (dist/bench.json). Run it on an otherwise idle machine; native-notes/benchmarks.md explains the method.
# The exit status is 0 if everything was measured; the tables show whether goals are met.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

LOCK=/run/sluice-bench.lock
DRIVER=$SLUICE_ROOT/dist/test/bench/main.js

case " $* " in
  *' --help '* | *' -h '*)
    ensure_built
    exec node "$DRIVER" --help
    ;;
esac

require_root
require_node
case " $*" in *' --against'*) ensure_commands git ;; esac
ensure_commands ip nft iperf3 sockperf wrk nginx ovs-vswitchd
ensure_built

exec 9>"$LOCK"
flock -n 9 || fail "another run is active (it holds $LOCK); its figures and ours would both be wrong"

# In the background, so that a signal to this script alone reaches the driver too, which then cleans up.
node "$DRIVER" "$@" 9>&- &
pid=$!
trap 'kill -TERM "$pid" 2>/dev/null' INT TERM HUP
status=0
wait "$pid" || status=$?
while kill -0 "$pid" 2>/dev/null; do wait "$pid" || status=$?; done

# Killed by a signal that cannot be handled: its namespaces and files remain.
if [ "$status" -gt 128 ] && [ "$status" != 130 ]; then
  say "bench.sh: the driver died (exit status $status): cleaning up"
  node "$DRIVER" --clean 9>&-
fi
exit "$status"
