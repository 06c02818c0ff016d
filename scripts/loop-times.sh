#!/usr/bin/env bash
# Measures the delay of the control loop over three hosts: scripts/loop-times.sh [OPTION…]
#
#   scripts/loop-times.sh                    50 trials of each kind, a controller embedded in one of the hosts
#   scripts/loop-times.sh --controllers 3    three controllers over etcd
#   scripts/loop-times.sh --help             all options
#
# From `member fail` at the controller to the last packet that any host sends to that member; from a change of
# weights to the first flow by it, on the slowest host. Prints median and 99th percentile, and writes JSON
# (dist/loop-times.json). Run it on an otherwise idle machine.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

commands=(ip tcpdump)
case " $* " in
  *' --controllers 3 '*) commands+=(etcd curl) ;;
esac
prepare_measurement "${commands[@]}"
exec node "$SLUICE_ROOT/dist/test/bench/loop-times.js" "$@"
