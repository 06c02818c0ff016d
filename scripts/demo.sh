#!/usr/bin/env bash
# Shows Sluice at work on this machine: scripts/demo.sh [--hosts 3] [--keep] [--seconds N] [--name NAME]
#
# Installs missing packages, builds, brings up the testbed (scripts/testbed/testbed: three clients and five
# servers in network namespaces), sends HTTP, UDP and iperf3 traffic through virtual addresses, prints the
# distribution of flows compared with the weights, throughput and latency, and cleans up.
#
# With --hosts 3 it brings up three hosts joined by uplinks (scripts/testbed/hosts --fleet) under one controller, and
# shows the control loop: the load of all hosts is summed, turned into weights, and moves new flows on every host.
#
#   --hosts N      1 or 3 (default 1)
#   --keep         leave the testbed running at the end, and print commands to use with it
#   --seconds N    length of each iperf3 run (default 3)
#   --name NAME    of the testbed (default sluice-demo): its namespaces are NAME-c1 …
#   -h, --help     this text
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=scripts/lib/common.sh
. "$here/lib/common.sh"
# shellcheck source=scripts/lib/install.sh
. "$here/lib/install.sh"
# shellcheck source=scripts/lib/build.sh
. "$here/lib/build.sh"
# shellcheck source=scripts/lib/demo-hosts.sh
. "$here/lib/demo-hosts.sh"

keep=''
seconds=3
name=sluice-demo
hosts=1
while [ $# -gt 0 ]; do
  case $1 in
    --keep) keep=yes ;;
    --seconds | --name | --hosts)
      [ $# -gt 1 ] || wrong_usage "found nothing after $1, expected a value"
      case $1 in
        --name) name=$2 ;;
        --hosts) hosts=$2 ;;
        *) seconds=$2 ;;
      esac
      shift
      ;;
    -h | --help)
      show_help "$0"
      exit 0
      ;;
    *)
      wrong_usage "found '$1', expected --hosts N, --keep, --seconds N, --name NAME or --help"
      ;;
  esac
  shift
done
[[ $seconds =~ ^[1-9][0-9]*$ ]] || wrong_usage "found --seconds $seconds, expected a whole number from 1"
[ "$hosts" = 1 ] || [ "$hosts" = 3 ] || wrong_usage "found --hosts $hosts, expected 1 or 3"

# Where the page is.
page=127.0.0.1:7480
is_free() { ! ss -Hltn "sport = ${page##*:}" | grep -q .; }
while ! is_free; do page=127.0.0.1:$((${page##*:} + 1)); done

# The testbed, and the run directory for commands: with three hosts, the controller's.
if [ "$hosts" = 1 ]; then
  testbed() { "$here/testbed/testbed" "$1" "$name" "$page"; }
  run_dir=/run/$name
else
  testbed() { "$here/testbed/hosts" "$1" "$name" --fleet; }
  run_dir=/run/$name-h1
fi
sluice() { "$here/sluice" "$@" --run-dir "$run_dir"; }
on() { # on VM COMMAND…: runs it in a VM
  local vm=$1
  shift
  ip netns exec "$name-$vm" "$@"
}

work=$(mktemp -d)
is_up=''
clean_up() {
  local status=$?
  trap '' INT TERM
  stop_step
  stop_downloads
  rm -rf "$work"
  if [ -n "$is_up" ] && { [ -z "$keep" ] || [ "$status" != 0 ]; }; then
    step "testbed down" testbed down || true
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n%s\n' "$*"; }

# shares TITLE GROUP EXPECTED-TOTAL: reads lines that begin with a server's name, prints them against the weights
shares() {
  local group=$1 total=$2
  sluice group show "$group" -o json | jq -r '.members[] | "\(.member) \(.weight)"' >"$work/weights"
  awk -v total="$total" '
    NR == FNR { order[++members] = $1; weight[$1] = $2; sum += $2; next }
    { got[$1]++; answers++ }
    END {
      printf "  %-8s %8s %10s %8s\n", "member", "weight", "expected", "got"
      exact = answers == total
      for (i = 1; i <= members; i++) {
        m = order[i]
        expected = total * weight[m] / sum
        printf "  %-8s %8d %10d %8d\n", m, weight[m], expected, got[m]
        if (got[m] != expected) exact = 0
      }
      printf "  %s\n", exact ? "exactly as the weights say" : "NOT as the weights say: " answers " answers of " total
      exit !exact
    }' "$work/weights" -
}

# http_flows VM URL COUNT: requests, each over a new connection
http_flows() { on "$1" curl -sSf --max-time 60 -H 'Connection: close' "$2/?[1-$3]"; }

show_http() {
  heading "HTTP to 10.1.0.100:80 from c1: 1000 new connections, translated to port 8080 of five servers"
  http_flows c1 http://10.1.0.100 1000 | shares web 1000
  heading "The same over IPv6, [fd00:1::100]:80"
  http_flows c1 'http://[fd00:1::100]' 1000 | shares web6 1000
  heading "MAC redirect, 10.1.0.102:8080: the servers hold the virtual address themselves"
  http_flows c1 http://10.1.0.102:8080 100 | shares direct 100
}

show_both_ends() {
  heading "What the two ends of a connection see"
  ip netns exec "$name-c2" tcpdump -Z root -i eth0 -n --immediate-mode -w "$work/client.pcap" tcp 2>"$work/tcpdump.log" &
  local tcpdump=$! answer packets members
  until grep -q 'listening on' "$work/tcpdump.log"; do
    kill -0 "$tcpdump" 2>/dev/null || fail "tcpdump ended: $(cat "$work/tcpdump.log")"
    sleep 0.05
  done
  answer=$(on c2 curl -sSf -w '%{local_ip}:%{local_port} %{remote_ip}:%{remote_port}' http://10.1.0.100/ | tr '\n' ' ')
  http_flows c2 http://10.1.0.100 100 >/dev/null
  sleep 0.2
  kill -TERM "$tcpdump"
  wait "$tcpdump" || true
  packets=$(tcpdump -Z root -n -r "$work/client.pcap" 2>/dev/null | wc -l)
  members=$(tcpdump -Z root -n -r "$work/client.pcap" 'net 10.1.0.16/28' 2>/dev/null | wc -l) # servers are .21 to .25
  awk '{
    printf "  the client is         %s\n  it talks to           %s\n", $3, $4
    printf "  the server that answers, %s, sees %s\n", $1, $2
  }' <<<"$answer"
  echo "  packets at the client that show a server's own address: $members of $packets"
}

# c2 and c3 become firewalls on the way to a virtual address: each passes on what it has seen from its first packet on.
show_chain() {
  heading "Service chain: connections from c1 to 10.1.0.180 pass one of two stateful firewalls, there and back"
  local vm firewall='table inet demo {
    chain forward {
      type filter hook forward priority 0; policy drop;
      ct state established accept
      tcp flags & (syn | ack) == syn ct state new accept
    }
  }'
  sed "s/@NAME@/$name/g" "$here/testbed/config.yaml" >"$work/chain.yaml"
  cat >>"$work/chain.yaml" <<EOF
  - { name: fw, network: app, kind: middlebox, members: [ { name: c2, address: 10.1.0.12 }, { name: c3, address: 10.1.0.13 } ] }
  - { name: chained, network: app, vip: 10.1.0.180, protocol: tcp, port: 80, through: [fw], members: [ { name: s1, address: 10.1.0.21, port: 8080 } ] }
EOF
  sluice reload -c "$work/chain.yaml" >/dev/null
  for vm in c2 c3; do
    on "$vm" nft "$firewall"
    on "$vm" sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_tcp_loose=0
  done
  http_flows c1 http://10.1.0.180 10 |
    awk '{ answers++ } END { printf "  answers to 10 requests: %d\n", answers; exit answers != 10 }'
  sluice chain show chained | sed 's/^/  /'
  for vm in c2 c3; do
    on "$vm" nft delete table inet demo
    on "$vm" sysctl -qw net.ipv4.ip_forward=0
  done
}

show_throughput() {
  heading "Throughput from c1 to 10.1.0.104 (iperf3, $seconds s each)"
  throughput "TCP, 1 flow" '.end.sum_received'
  throughput "TCP, 4 flows" '.end.sum_received' -P 4
  throughput "TCP, 1 flow, download" '.end.sum_received' -R
  throughput "UDP, 500 Mbit/s offered" '.end.sum' -u -b 500M -l 1400
}

# throughput TITLE JQ-PATH IPERF3-OPTIONS…: received rate; iperf3's UDP sum is the sent rate
throughput() {
  local title=$1 path=$2
  shift 2
  on c1 iperf3 -c 10.1.0.104 -t "$seconds" --json "$@" >"$work/iperf3.json" ||
    fail "iperf3: $(jq -r '.error // "failed"' "$work/iperf3.json")"
  jq -r "$path | [.bits_per_second, .lost_percent // -1] | @tsv" "$work/iperf3.json" | awk -v title="$title" '{
    received = $2 >= 0 ? $1 * (1 - $2 / 100) : $1
    printf "  %-24s %8.2f Gbit/s", title, received / 1e9
    if ($2 >= 0) printf ", %.2f %% lost", $2
    printf "\n"
  }'
}

show_latency() {
  heading "Round trips of UDP requests from c1, 5000 each, in microseconds"
  printf '  %-36s %8s %8s %8s\n' '' p50 p90 p99
  latency "through 10.1.0.101:53" 10.1.0.101 53
  latency "to a server's own address" 10.1.0.21 5300
}

latency() {
  local title=$1 p50 p90 p99 lost
  shift
  read -r p50 p90 p99 lost < <(on c1 node "$here/testbed/latency.mjs" "$@" 5000)
  printf '  %-36s %8s %8s %8s' "$title" "$p50" "$p90" "$p99"
  if [ "$lost" = 0 ]; then echo; else echo "   ($lost lost)"; fi
}

show_counters() {
  heading "As Sluice counted it: sluice group show web"
  sluice group show web | sed 's/^/  /'
}

show_trace() {
  heading "Where a new connection would go, and why: sluice trace c1 tcp 10.1.0.11:40000 10.1.0.100:80"
  sluice trace c1 tcp 10.1.0.11:40000 10.1.0.100:80 | cut -c1-180 | sed 's/^/  /'
}

require_root
require_node
say "Sluice: a load balancer in the egress path of every VM"
say ""
say "Preparing"
ensure_commands ip curl iperf3 tcpdump libpcap jq nft
ensure_built || fail "did not compile"
is_up=yes
if [ "$hosts" = 3 ]; then
  step "testbed up: 3 hosts, 5 clients, 6 servers" testbed up || fail "the testbed did not come up"
  show_hosts
  heading "What to try next"
  hosts_hints
  exit 0
fi
step "testbed up: 3 clients, 5 servers, 2 networks" testbed up || fail "the testbed did not come up"

show_http
show_both_ends
show_chain
show_throughput
show_latency
show_counters
show_trace

heading "What to try next"
if [ -n "$keep" ]; then
  cat <<EOF
  The testbed is still up, and http://$page/ shows it live. With it:
    scripts/sluice status --run-dir /run/$name
    scripts/sluice flows --port c1 --run-dir /run/$name
    scripts/sluice trace c1 udp 10.1.0.11 10.1.0.101:53 --reply --run-dir /run/$name
    scripts/sluice member weight web s1 9 --run-dir /run/$name
    scripts/sluice member drain web s2 --run-dir /run/$name
    ip netns exec $name-c1 curl http://10.1.0.100/
    ip netns exec $name-c1 traceroute -n 10.2.0.21
  and when done: scripts/testbed/testbed down $name
EOF
else
  cat <<EOF
  scripts/demo.sh --keep             the same, and leaves the testbed, with its page, for you to play with
  scripts/testbed/testbed --help     its topology and virtual addresses
  scripts/sluice --help              the command
  scripts/test.sh                    every test
EOF
fi
