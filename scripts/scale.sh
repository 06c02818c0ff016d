#!/usr/bin/env bash
# Measures the idle cost of a configuration by its size: scripts/scale.sh [OPTION…]
#
#   scripts/scale.sh                          one series each over ports, groups, members and flows
#   --series groups,flows                     only these series
#   --sizes 20x200x20,10x100x10+50000,…       only these sizes: ports x groups x members, and flows
#   --policy                                  all groups with a policy that runs every second
#   --seconds N                               length of each throughput measurement (default 5)
#   --json FILE --svg FILE                    figures, and a plot with logarithmic axes (default dist/scale.{json,svg})
#   -h, --help                                this text
#
# For each size: `config check`, `up`, CPU at rest, resident memory, one `member weight` (as a user waits for it, and the
# host's CPU), one `reload` with one group changed, the longest round trip of a ping through the datapath meanwhile, the
# throughput of a TCP connection, also relative to that with one group, and `down`. Run it on an otherwise idle machine.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip ping iperf3
exec node "$SLUICE_ROOT/dist/test/bench/scale/main.js" "$@"
