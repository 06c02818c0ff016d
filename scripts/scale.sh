#!/usr/bin/env bash
# Measures what the size of a configuration costs where nothing happens: scripts/scale.sh [OPTION…]
#
#   scripts/scale.sh                          a series each over ports, groups, members and flows
#   --series groups,flows                     these series alone
#   --sizes 20x200x20,10x100x10+50000,…       these sizes alone: ports x groups x members, and flows
#   --policy                                  all groups with a policy that is asked every second
#   --seconds N                               of each measurement of throughput (default 5)
#   --json FILE --svg FILE                    figures, and a plot with logarithmic axes (default dist/scale.{json,svg})
#   -h, --help                                this text
#
# Of each size: `config check`, `up`, CPU at rest, resident memory, one `member weight` (as a user waits for it, and the
# host's CPU), one `reload` with one group changed, the greatest round trip of a ping through the datapath meanwhile, the
# throughput of a TCP connection, also divided by that with one group, and `down`. Run it on a machine that does nothing else.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip ping iperf3
exec node "$SLUICE_ROOT/dist/test/bench/scale/main.js" "$@"
