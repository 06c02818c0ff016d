#!/usr/bin/env bash
# Measures what the size of a configuration costs where nothing happens: scripts/scale.sh [OPTION…]
#
#   scripts/scale.sh                          a series over ports, one over groups, one over members
#   scripts/scale.sh --sizes 20x200x20,…      these sizes alone: ports x groups x members
#   scripts/scale.sh --policy                 all groups with a policy that is asked every second
#   --json FILE --svg FILE                    figures, and a plot with logarithmic axes (default dist/scale.{json,svg})
#   -h, --help                                this text
#
# Of each size: `up`, CPU at rest, resident memory, one `member weight` (as a user waits for it, and the host's CPU), the
# greatest round trip of a ping through the datapath meanwhile, `config check`, `down`. Run it on a machine that does nothing else.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip ping
exec node "$SLUICE_ROOT/dist/test/bench/scale/main.js" "$@"
