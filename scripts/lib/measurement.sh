# shellcheck shell=bash
# For scripts that measure over network namespaces: brings the rest of this directory with it, and what all of them do first.

lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$lib/build.sh"

# show_help_on_request ARGUMENT…: the script's own, where -h or --help is among its arguments
show_help_on_request() {
  case " $* " in
    *' --help '* | *' -h '*)
      show_help "$0"
      exit 0
      ;;
  esac
}

# prepare_measurement COMMAND…: root, Node, these commands, and a build that is current
prepare_measurement() {
  require_root
  require_node
  ensure_commands "$@"
  ensure_built || exit 1
}
