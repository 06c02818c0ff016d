#!/usr/bin/env bash
# Measures how well `latency-aware` balances, against plain weighted round robin: scripts/balance-quality.sh [OPTION…]
#
#   scripts/balance-quality.sh                under six minutes; writes native-notes/balance.{json,svg}
#   scripts/balance-quality.sh --rounds 1     quick check; default: three with one server slowed, five with equal ones
#   --seconds N --rate N                      length of a round; requests per second of all five clients together
#   --scenario slowed|equal                   only one of the two
#   --json FILE --svg FILE                    output files
#   -h, --help                                this text
#
# Five servers and five clients in separate network namespaces, one group. Rounds of both policies alternate; the result
# is the median of the ratios of adjacent rounds. The exit status is 0 if latency-aware is twice as good at the 99th
# percentile with one server slowed, and no worse with five equal ones.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip sysctl
notes=$SLUICE_ROOT/native-notes
exec node "$SLUICE_ROOT/dist/test/balance/main.js" --json "$notes/balance.json" --svg "$notes/balance.svg" "$@"
