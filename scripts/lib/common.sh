# shellcheck shell=bash
# Common functions of all scripts: path of the checkout, messages, progress, requirements.
# To be sourced; it runs nothing. Messages go to stderr, so that stdout contains only data.

# shellcheck disable=SC2034 # used by scripts that source this file
SLUICE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

NODE_MINIMUM=20.19.0

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE… [exit status 1]
fail() {
  say "$(basename "$0"): $*"
  exit 1
}

# wrong_usage MESSAGE…: exit status 2
wrong_usage() {
  say "$(basename "$0"): $*"
  exit 2
}

# step TITLE COMMAND…: runs it quietly; prints one line with the elapsed seconds, updated on a terminal while it runs,
# otherwise a line every 20 s; shows the output only if it fails, and returns the command's status. With QUIET set, a
# successful step prints nothing. A trap that ends the script in the middle of a step calls stop_step first: a command
# in the background does not get Ctrl-C.
step() {
  local title=$1 log status=0 start=$SECONDS elapsed pid tick
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 &
  pid=$!
  STEP_PID=$pid
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - start))
    if [ -t 2 ]; then
      printf '\r  … %s (%d s) ' "$title" "$elapsed" >&2
    elif [ -z "${QUIET:-}" ] && [ "$elapsed" -gt 0 ] && [ $((elapsed % 20)) = 0 ] && [ "$elapsed" != "${tick:-0}" ]; then
      tick=$elapsed
      say "  … $title ($elapsed s)"
    fi
    sleep 0.2
  done
  wait "$pid" || status=$?
  STEP_PID=''
  [ -t 2 ] && printf '\r\033[K' >&2
  if [ "$status" = 0 ]; then
    [ -n "${QUIET:-}" ] || say "  ✓ $title ($((SECONDS - start)) s)"
  else
    say "  ✗ $title ($((SECONDS - start)) s), exit status $status:"
    sed 's/^/    /' "$log" >&2
  fi
  rm -f "$log"
  return "$status"
}

stop_step() {
  [ -n "${STEP_PID:-}" ] || return 0
  kill -TERM "$STEP_PID" 2>/dev/null || true
  wait "$STEP_PID" 2>/dev/null || true
  STEP_PID=''
}

require_root() {
  [ "$(id -u)" = 0 ] || fail "must run as root, found user $(id -un): namespaces and TAPs need it (try: sudo $0)"
}

# version_at_least FOUND MINIMUM: compares dotted numbers
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

require_node() {
  command -v node >/dev/null || fail "Node.js not found, expected ≥ $NODE_MINIMUM (https://nodejs.org/en/download)"
  local found
  found=$(node --version)
  version_at_least "${found#v}" "$NODE_MINIMUM" ||
    fail "Node.js $found found at $(command -v node), expected ≥ $NODE_MINIMUM"
  command -v npm >/dev/null || fail "npm not found, expected the one that comes with Node.js"
}

# show_help FILE: prints the comment block at a script's top
show_help() {
  awk 'NR > 1 && /^#/ { sub(/^# ?/, ""); print; next } NR > 1 { exit }' "$1"
}
