#!/usr/bin/env bash
# Opens new connections continuously while members drain, fail and join: scripts/soak.sh [--minutes 10] [--rate 2000]
#
#   --minutes N   duration (default 10)
#   --rate N      new connections per second through one VIP (default 2000)
#   --json FILE   output file, in addition to standard output (default dist/soak.json)
#   -h, --help    this text
#
# The exit status is 0 if requests failed only on failed members, every drain completed, the connection table is empty
# after the timers, and resident memory is flat: at most 2 % more in the last than in the first quarter. Run it on an
# otherwise idle machine: clients and servers take most of two cores at 2000 connections per second.
set -euo pipefail

# shellcheck source=scripts/lib/measurement.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/lib/measurement.sh"

show_help_on_request "$@"
prepare_measurement ip sysctl
exec node "$SLUICE_ROOT/dist/test/soak/main.js" "$@"
