# shellcheck shell=bash
# For scripts that measure over network namespaces: includes the rest of this directory, and their common preparation.

lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$lib/build.sh"

# show_help_on_request ARGUMENT…: prints the script's help if -h or --help is among its arguments
show_help_on_request() {
  case " $* " in
    *' --help '* | *' -h '*)
      show_help "$0"
      exit 0
      ;;
  esac
}

# prepare_measurement COMMAND…: requires root and Node, installs these commands, and updates the build
prepare_measurement() {
  require_root
  require_node
  ensure_commands "$@"
  ensure_built || exit 1
}
