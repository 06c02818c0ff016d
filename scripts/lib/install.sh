# shellcheck shell=bash
# Installs only missing packages: commands from Debian packages, npm packages from the lock file.
# If all commands and node_modules exist, neither apt nor npm is called.
# Needs common.sh.

# The Debian package of a command, where their names differ. python3-NAME stands for a Python library, libpcap for itself.
package_of() {
  case $1 in
    ip | ss) echo iproute2 ;;
    nft) echo nftables ;;
    nginx) echo nginx-light ;;
    ovs-vswitchd) echo openvswitch-switch ;;
    etcd) echo etcd-server ;;
    etcdctl) echo etcd-client ;;
    promtool) echo prometheus ;;
    ping) echo iputils-ping ;;
    nc) echo netcat-openbsd ;;
    sysctl | ps) echo procps ;;
    tcprewrite) echo tcpreplay ;;
    libpcap) echo libpcap0.8 ;;
    *) echo "$1" ;;
  esac
}

has_command() {
  case $1 in
    python3-*) /usr/bin/python3 -c "import ${1#python3-}" 2>/dev/null ;; # a library of Debian's own Python
    libpcap) ldconfig -p | grep 'libpcap\.so' >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# ensure_commands COMMAND…: installs the Debian packages of missing commands.
ensure_commands() {
  local name missing=() packages=()
  for name in "$@"; do
    has_command "$name" && continue
    missing+=("$name")
    packages+=("$(package_of "$name")")
  done
  [ ${#missing[@]} = 0 ] && return 0
  command -v apt-get >/dev/null ||
    fail "missing: ${missing[*]}; no apt-get here to install them: please install (Debian's names) ${packages[*]}"
  [ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}; must be root to install ${packages[*]}"
  step "apt-get update" apt_get update || fail "apt-get update failed, so ${packages[*]} cannot be installed"
  step "installing ${packages[*]}" install_without_starting "${packages[@]}" ||
    fail "could not install ${packages[*]}"
  for name in "${missing[@]}"; do
    has_command "$name" || fail "$name still missing after installing $(package_of "$name")"
  done
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@"
}

# Packages with a daemon (nginx, Open vSwitch, etcd, Prometheus) must not start it: policy-rc.d prevents that during
# the installation, and services installed by it are disabled again. In a subshell, which has its own trap.
install_without_starting() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt_get install --no-install-recommends "$@" || exit
  command -v systemctl >/dev/null || exit 0
  for package in "$@"; do
    case $package in
      nginx-light) systemctl disable nginx ;;
      openvswitch-switch) systemctl disable openvswitch-switch ;;
      etcd-server) systemctl disable etcd ;;
      keepalived) systemctl disable keepalived ;;
      prometheus | prometheus-node-exporter) systemctl disable "$package" ;;
    esac
  done || true
)

# npm records the installed packages in node_modules/.package-lock.json; a newer lock file means they are outdated.
npm_is_current() {
  [ -L "$SLUICE_ROOT/node_modules" ] && return 0 # a link: another checkout's, not ours to change
  local installed=$SLUICE_ROOT/node_modules/.package-lock.json
  [ -e "$installed" ] && ! [ "$SLUICE_ROOT/package-lock.json" -nt "$installed" ]
}

# raw-socket and cap are optional: npm omits them if they do not compile.
install_npm() {
  cd "$SLUICE_ROOT" && npm ci --no-audit --no-fund --include=optional --include=dev
}

ensure_npm() {
  npm_is_current && return 0
  require_node
  (
    exec 9<"$SLUICE_ROOT/package-lock.json"
    flock 9
    npm_is_current || step "installing npm packages" install_npm
  ) || fail "npm ci failed"
}

raw_socket_loads() {
  (cd "$SLUICE_ROOT" && node -e "require('raw-socket')") 2>/dev/null
}

# ensure_raw_socket: the npm packages, and the compiler for this optional one, which tests of ICMP health checks need.
ensure_raw_socket() {
  ensure_npm
  raw_socket_loads && return 0
  ensure_commands make g++ python3
  step "installing npm packages, raw-socket too" install_npm || fail "npm ci failed"
  raw_socket_loads || fail "raw-socket still does not load: npm ci --foreground-scripts tells why"
}
