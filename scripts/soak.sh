#!/usr/bin/env bash
# New connections without end while members drain, fail and join: scripts/soak.sh [--minutes 10] [--rate 2000]
#
#   --minutes N   how long (default 10)
#   --rate N      new connections per second through one VIP (default 2000)
#   --json FILE   where the result goes beside standard output (default dist/soak.json)
#   -h, --help    this text
#
# The exit status is 0 if no request failed but those on failed members, every drain came to its end, the connection
# table is empty after the timers, and resident memory is flat: last against first quarter at most 2 % more. Run it on
# a machine that does nothing else: clients and servers take most of two cores at 2000 connections per second.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip sysctl
exec node "$SLUICE_ROOT/dist/test/soak/main.js" "$@"
