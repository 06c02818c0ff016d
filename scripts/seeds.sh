#!/usr/bin/env bash
# Runs the seeded tests over many seeds, at low priority: scripts/seeds.sh [N] [PART-OF-A-PATH…]
#
#   scripts/seeds.sh                  every test file that draws random numbers, seeds 1 to 20
#   scripts/seeds.sh 500              seeds 1 to 500
#   scripts/seeds.sh 500 tables wire  only the files whose path contains one of these
#   --runs FACTOR                     fraction of a property's usual number of runs (default 0.03, or SLUICE_TEST_RUNS)
#   --first SEED                      the first seed (default 1)
#   --jobs N                          runs at the same time (default: one per core)
#   -h, --help                        this text
#
# Each failure is printed with the command that repeats it; the last line counts the runs. The exit status is 0 only
# if all passed.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"

case " $* " in
  *' -h '* | *' --help '*)
    show_help "$0"
    exit 0
    ;;
esac

require_node
ensure_built || exit 1
exec nice -n 19 node "$SLUICE_ROOT/dist/test/runner/seeds.js" "$@"
