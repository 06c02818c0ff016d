#!/usr/bin/env bash
# Generates native-notes/conformance.md from the results of the tests named in its rows: scripts/conformance.sh [PART…]
#
#   scripts/conformance.sh              every row
#   scripts/conformance.sh e2e/sizes    only the rows that name such test files; the others stay unchanged
#
# Builds, runs those tests (about ten minutes), writes the table, and lists the rows that do not hold; the exit status
# is 0 if all do. The rows are in test/e2e/conformance/rows.ts.
#
#   -h, --help   this text
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

case ${1:-} in
  -h | --help)
    show_help "$0"
    exit 0
    ;;
esac

require_root
require_node
ensure_commands ip iperf3 tcpdump curl jq tshark tcpreplay nft ethtool ping traceroute sysctl
ensure_built || exit 1
exec node "$SLUICE_ROOT/dist/test/e2e/conformance/report.js" "$@"
