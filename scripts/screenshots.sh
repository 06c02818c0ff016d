#!/usr/bin/env bash
# Makes the pictures of the page in docs/: scripts/screenshots.sh
#
# Brings up the testbed with the page, sends traffic through virtual addresses, fails a member, and takes pictures
# with Debian's Chromium.
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
  '') ;;
  *) wrong_usage "found '$1', expected --help or nothing" ;;
esac

name=sluice-pictures
page=127.0.0.1:7489
pids=()
clean_up() {
  local status=$?
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  "$here/testbed/testbed" down "$name" >/dev/null 2>&1 || true
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# short CLIENT: requests over new connections; long CLIENT: a slow download
short() {
  while :; do
    ip netns exec "$name-$1" curl -s -o /dev/null -H 'Connection: close' "http://10.1.0.100/?[1-$((RANDOM % 30 + 5))]" || true
    ip netns exec "$name-$1" curl -s -o /dev/null "http://10.1.0.102:8080/bytes/$((RANDOM * 40))" || true
    sleep 0.1
  done
}
long() { exec ip netns exec "$name-$1" curl -s -o /dev/null --limit-rate 200k http://10.1.0.100/bytes/1000000000; }

require_root
require_node
say "Preparing"
ensure_commands ip iperf3 curl chromium
ensure_built || fail "did not compile"
step "testbed up" "$here/testbed/testbed" up "$name" "$page" || fail "the testbed did not come up"
for client in c1 c2 c3; do
  short "$client" &
  pids+=($!)
  for _ in 1 2; do
    long "$client" &
    pids+=($!)
  done
done
say "Taking pictures (a minute)"
node "$here/lib/screenshots.mjs" "http://$page" "$SLUICE_ROOT/docs/pictures" \
  "$here/sluice" member fail web s3 --run-dir "/run/$name"
ls -l "$SLUICE_ROOT/docs/pictures"
