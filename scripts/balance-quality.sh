#!/usr/bin/env bash
# Measures how well `latency-aware` balances, against plain weighted round robin: scripts/balance-quality.sh [OPTION…]
#
#   scripts/balance-quality.sh                three rounds, about eight minutes; writes native-notes/balance.{json,svg}
#   scripts/balance-quality.sh --rounds 1     a look
#   --seconds N --warm-up N --rate N          of each round; requests a second of all five clients together
#   --json FILE --svg FILE                    elsewhere
#   -h, --help                                this text
#
# Five servers and five clients in network namespaces of their own, one group. The exit status is 0 if latency-aware is
# twice as good at the 99th percentile with one server slowed, and no worse with five equal ones.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

case " $* " in
  *' --help '* | *' -h '*)
    show_help "$0"
    exit 0
    ;;
esac

require_root
require_node
ensure_commands ip sysctl
ensure_built || exit 1
notes=$SLUICE_ROOT/native-notes
exec node "$SLUICE_ROOT/dist/test/balance/main.js" --json "$notes/balance.json" --svg "$notes/balance.svg" "$@"
