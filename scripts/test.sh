#!/usr/bin/env bash
# Runs every test, unit to end-to-end: scripts/test.sh [PART-OF-A-PATH…]
#
#   scripts/test.sh                 everything, and the checks (biome, shellcheck)
#   scripts/test.sh tables e2e/tls  only the test files whose path contains one of these
#   -h, --help                      this text
#
# First installs missing Debian and npm packages and compiles the tests. The last line is
# `N passed, N failed, N skipped`; the exit status is 0 only if nothing failed and no test file was omitted.
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

# An early end of this script, before the runner has counted, must not look like a run without failures.
trap 'echo "0 passed, 1 failed, 0 skipped"' EXIT

require_root
require_node
say "Preparing"
ensure_commands ip iperf3 tcpdump libpcap curl jq git tshark python3-scapy python3-yaml tcpreplay nft ethtool ping traceroute \
  sysctl shellcheck chromium etcd etcdctl prometheus promtool prometheus-node-exporter openssl ovs-vswitchd keepalived zsh fish
ensure_raw_socket
ensure_built || exit 1

trap - EXIT
say "Testing"
exec node "$SLUICE_ROOT/dist/test/runner/run.js" "$@"
