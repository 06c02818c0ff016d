#!/usr/bin/env bash
# Measures how fast the closed loop is over three hosts: scripts/loop-times.sh [OPTION…]
#
#   scripts/loop-times.sh                    50 trials of each kind, a controller embedded in one of the hosts
#   scripts/loop-times.sh --controllers 3    three controllers over etcd
#   scripts/loop-times.sh --help             all options
#
# From `member fail` at the controller to the last packet that any host sends to that member; from a change of
# weights to the first flow by it, on the slowest host. Prints median and 99th percentile, and writes JSON
# (dist/loop-times.json). Run it on a machine that does nothing else.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

require_root
require_node
ensure_commands ip tcpdump
case " $* " in
  *' --controllers 3 '*) ensure_commands etcd curl ;;
esac
ensure_built
exec node "$SLUICE_ROOT/dist/test/bench/loop-times.js" "$@"
