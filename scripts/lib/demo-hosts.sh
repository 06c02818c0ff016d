# Steps of demo.sh --hosts 3, using the functions of demo.sh: three hosts (testbed/hosts --fleet), the controller in h1.
# shellcheck shell=bash disable=SC2154 # demo.sh defines name, work and keep

show_agents() {
  heading "Three hosts; the controller is in h1, and the others attach to it over TLS"
  sluice agent list | sed 's/^/  /'
}

# A client of each host, 100 connections.
show_fleet_shares() {
  local client
  for client in c1:h1 c3:h2 c5:h3; do
    heading "HTTP to 10.1.0.100:80 from ${client%:*} on ${client#*:}: 100 new connections to six members on three hosts"
    http_flows "${client%:*}" http://10.1.0.100 100 | shares web 100
  done
  heading "As the controller counted it over all hosts: sluice group show web"
  sluice group show web | sed 's/^/  /'
}

show_fleet_change() {
  heading "A weight that is changed at the controller: sluice member weight web s6 1"
  sluice member weight web s6 1 | sed 's/^/  /'
  heading "… holds on every host: from c5 on h3"
  http_flows c5 http://10.1.0.100 80 | shares web 80
}

# Its single member is loaded from all hosts; two more join, and the weights follow the load until it ends.
show_loop() {
  heading "The loop: 36 downloads, 12 from each host, at the only member of 10.1.0.104; then two members join"
  local client urls
  urls=$(printf 'http://10.1.0.104:8080/bytes/1000000000 -o /dev/null %.0s' {1..12})
  for client in c1 c3 c5; do
    # shellcheck disable=SC2086 # twelve URLs
    ip netns exec "$name-$client" curl -sS -Z --parallel-immediate --parallel-max 12 --limit-rate 20k $urls 2>/dev/null &
    downloads+=($!)
  done
  await "36 active flows" loads_are 36
  sluice member add bulk s1 10.1.0.21 >/dev/null
  sluice member add bulk s3 10.1.0.23 >/dev/null
  show_weights "configured weights"
  sluice policy set bulk inverse-load interval=500ms >/dev/null
  await "weights by load" weights_are '1:3:3'
  show_weights "sluice policy set bulk inverse-load"
  heading "New flows follow on every host: 70 from c5 on h3"
  http_flows c5 http://10.1.0.104:8080 70 | shares bulk 70
  stop_downloads
  await "even weights" weights_are '1:1:1'
  show_weights "when the downloads have ended"
}

downloads=()
stop_downloads() {
  [ ${#downloads[@]} = 0 ] || kill "${downloads[@]}" 2>/dev/null || true
  wait "${downloads[@]}" 2>/dev/null || true
  downloads=()
}

# await WHAT COMMAND…: repeats the command until it succeeds
await() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "waited 60 s for $what"
    sleep 0.1
  done
}

# loads_are FLOWS: of the first member, on all hosts
loads_are() { [ "$(sluice policy show bulk -o json | jq '.members[0].activeFlows')" = "$1" ]; }

weights_are() {
  [ "$(sluice policy show bulk -o json | jq -r '[.members[].weight] | min as $least | map(. / $least | tostring) | join(":")')" = "$1" ]
}

show_weights() {
  printf '  %s\n' "$1"
  sluice policy show bulk -o json |
    jq -r '.members[] | "\(.member) \(.weight) \(.activeFlows)"' |
    awk '{ printf "    %-4s weight %-4s %3d active flows on all hosts\n", $1, $2, $3 }'
}

show_outage() {
  heading "h3 is cut off from the controller; s6 fails meanwhile, and h3 goes on as it was told last"
  ip -n "$name-h3" link set ctl0 down
  await "h3 to be missed" missing h3
  # Exit code 3: done, but not confirmed by all hosts.
  { sluice member fail web s6 || [ $? -eq 3 ]; } | sed 's/^/  /'
  printf '  from c1 on h1: '
  http_flows c1 http://10.1.0.100 70 | tally
  printf '  from c5 on h3: '
  http_flows c5 http://10.1.0.100 80 | tally
  ip -n "$name-h3" link set ctl0 up
  await "h3 to be back" present h3
  printf '  c5 again, with h3 back: '
  http_flows c5 http://10.1.0.100 70 | tally
}

missing() { ! present "$1"; }
present() { sluice agent list -o json | jq -e --arg host "$1" 'any(.[]; .host == $host and .state == "attached" and .revision == .sentRevision)' >/dev/null; }

# Lines that begin with a server's name: s1 10  s2 20 …
tally() { awk '{ got[$1]++ } END { for (i = 1; i <= 6; i++) printf "s%d %d  ", i, got["s" i]; print "" }'; }

show_hosts() {
  show_agents
  show_fleet_shares
  show_fleet_change
  show_loop
  show_outage
}

hosts_hints() {
  if [ -n "$keep" ]; then
    cat <<EOF
  The testbed is still up. With it:
    scripts/sluice agent list --run-dir /run/$name-h1
    scripts/sluice group watch web --run-dir /run/$name-h1
    scripts/sluice member drain web s2 --run-dir /run/$name-h1
    ip netns exec $name-c5 curl http://10.1.0.100/
    scripts/sluice group show web --run-dir /run/$name-h3
  and when done: scripts/testbed/hosts down $name
EOF
  else
    cat <<EOF
  scripts/demo.sh --hosts 3 --keep   the same, and leaves the hosts for you to play with
  scripts/testbed/hosts --help       their topology and virtual addresses
  scripts/loop-times.sh              how fast a change is in force on every host
EOF
  fi
}
