/**
 * What a load balancer is judged by, and which tests show it: one row per requirement. The table that follows from it
 * and from the tests' results is native-notes/conformance.md (report.ts).
 *
 * A test is named by its file under test/ and its name there, as the source has it. Where several stand in a row, all
 * of them must hold. Real stacks stand at both ends of those in e2e/; the others show what no kernel would send.
 */
import { CHAIN_ROWS } from './chain-rows.ts';
import { CHANGE_ROWS } from './change-rows.ts';
import { GUARD_ROWS } from './guard-rows.ts';
import { MATCH_ROWS } from './match-rows.ts';
import { PROTOCOL_ROWS } from './protocol-rows.ts';
import type { Row } from './row.ts';

export type { Row } from './row.ts';

const FLOWS = 'e2e/conformance/flows › ';
const PACKETS = 'e2e/conformance/packets › ';
const VLAN = 'e2e/conformance/vlan › ';
const ERRORS = 'datapath/forwarding/icmp-errors › ';
const FRAGMENTS = 'datapath/forwarding/fragments › ';
const NUMBERS = 'datapath/balancing/sequence-numbers › ';
const TRACKING = 'datapath/balancing/tracking › ';
const ODD = 'datapath/balancing/tcp-odd-segments › ';
const ADVERTISEMENTS = 'datapath/forwarding/router-advertisements › ';
const PRIORITY = 'datapath/frame/priority-tags › ';
const MEMBERS = 'e2e/members › ';
const MODEL =
  'datapath/model.property › the datapath does what the model says, whatever happens in whatever order';

export const ROWS: readonly Row[] = [
  {
    source: 'RFC 4787 REQ-5, REQ-6',
    requirement: 'A UDP flow is remembered for two minutes at least, and packets of either side refresh it',
    tests: [
      `${TRACKING}the RFCs' minima hold by default: UDP 2 min, TCP 2 h 4 min established, 4 min otherwise`,
      `${TRACKING}a packet from either side begins the idle time anew`,
      'datapath/balancing/udp-timers › a group that names no timer has that of the host: two minutes at least (RFC 4787 REQ-5)',
    ],
  },
  {
    source: 'RFC 4787 REQ-9',
    requirement: 'Hairpin: a client reaches itself by way of the VIP',
    tests: [
      `${FLOWS}hairpin: a VM that is client and member of one VIP reaches itself, TCP and UDP, and sees the VIP`,
      'datapath/balancing/self-and-same-port › UDP over IPv6, beside flows that go to others',
    ],
  },
  {
    source: 'RFC 4787 REQ-12, RFC 5382 REQ-10, RFC 5508 REQ-5',
    requirement: 'An ICMP error neither ends nor refreshes a flow',
    tests: [`${ERRORS}an error refreshes nothing, ends nothing and counts as no packet of the flow`, MODEL],
  },
  {
    source: 'RFC 4787 REQ-13, RFC 5382 REQ-9, RFC 8201',
    requirement: 'Path MTU discovery works through a VIP',
    tests: [
      `${PACKETS}path MTU discovery through a VIP, \${family}: the client learns the MTU behind its member`,
      'e2e/sizes › networks of different MTUs: path MTU discovery finds the smaller one, through a VIP too',
    ],
  },
  {
    source: 'RFC 4787 REQ-14',
    requirement: 'Fragments are translated in any order',
    tests: [
      `${PACKETS}fragments in the wrong order arrive; a datagram whose fragments overlap does not`,
      `${PACKETS}datagrams over the MTU go through a VIP in fragments, there and back, IPv4 and IPv6`,
      `${FRAGMENTS}the first one last: the others wait, and leave behind it in the order in which they came`,
      'datapath/forwarding/fragment-property › as the twin says, with identifications that are used again and again',
    ],
  },
  {
    source: 'RFC 5382 REQ-2',
    requirement: 'Simultaneous open',
    tests: [
      `${ODD}simultaneous open: both SYNs and both SYN/ACKs cross, and the flow is established (RFC 5382 REQ-2)`,
    ],
  },
  {
    source: 'RFC 5382 REQ-5',
    requirement: 'TCP timers: established 2 h 4 min, opening and closing 4 min',
    tests: [
      `${TRACKING}each state has its idle time`,
      `${TRACKING}the RFCs' minima hold by default: UDP 2 min, TCP 2 h 4 min established, 4 min otherwise`,
    ],
  },
  {
    source: 'RFC 5508 REQ-3',
    requirement:
      'An ICMP error whose checksum is wrong is dropped; one that quotes a broken packet is not made right',
    tests: [`${ERRORS}an error with a wrong checksum is dropped, not made right`],
  },
  {
    source: 'RFC 5508 REQ-4',
    requirement:
      'Errors from behind the VIP: outer and quoted headers are translated, however little is quoted',
    tests: [
      `${ERRORS}quoted as little as RFC 792 asks for, 8 bytes of the segment, or cut off anywhere behind`,
      `${ERRORS}a UDP checksum of 0 in the quoted packet stays 0`,
      `${ERRORS}the quoted packet had IP options or extension headers`,
    ],
  },
  {
    source: 'RFC 5508 REQ-4',
    requirement: 'Errors from the client to the VIP reach the member, about its own packet',
    tests: [
      `${ERRORS}the client complains to the VIP: the member hears it, about its own packet`,
      `${ERRORS}a port that had to be changed for the member is changed in the quoted packet too`,
    ],
  },
  {
    source: 'RFC 5508 REQ-6, REQ-7',
    requirement: 'Errors on a hairpin are translated for both roles; errors of no flow are dropped',
    tests: [
      'datapath/balancing/self-and-same-port › an ICMP error of the VM as its own member, and as its own client, is about the packet of the other role',
      `${ERRORS}an error about no flow of this client has no connection`,
    ],
  },
  {
    source: 'RFC 7857 §2.2, RFC 5961 §3',
    requirement: 'A reset or FIN that its receiver does not take does not shorten a flow',
    tests: [
      `${ODD}a reset that its receiver does not take leaves the flow as it was, timer included`,
      `${TRACKING}a reset that one of both sides contradicts is not believed any longer, and the flow is as it was`,
      `${NUMBERS}resets and FINs of any number, in the member’s name, do not shorten an idle connection`,
      `${NUMBERS}rst_invalid: a reset out of the window changes nothing, the exact one ends the flow`,
      `${NUMBERS}inexact_rst: a reset inside the window, but not exact, leaves an established flow as it was`,
    ],
  },
  {
    source: 'RFC 9293 §3.10.7.3',
    requirement: 'An answer to another SYN opens nothing, and refuses nothing',
    tests: [
      `${NUMBERS}synack_old: an answer to a previous SYN opens nothing, and the reset that it provokes ends nothing`,
      `${NUMBERS}a refusal must acknowledge the SYN (RFC 9293 §3.10.7.3)`,
    ],
  },
  {
    source: 'RFC 5961 §4, §5',
    requirement: 'Challenge ACKs reach who is to answer them',
    tests: [
      `${ODD}challenge ACKs (RFC 5961): a SYN on a running flow reaches the member, its ACK the client`,
      `${NUMBERS}syn_challenge_ack: a rebooted client uses its port again; challenge ACK, reset, and a new connection`,
    ],
  },
  {
    source: 'RFC 5722',
    requirement: 'Overlapping fragments end their datagram',
    tests: [
      `${FRAGMENTS}two that overlap are the end of the datagram, also of what waits and of what is yet to come`,
      'datapath/forwarding/fragment-property › no two fragments overlap, and what arrived whole is what the other end was to get',
    ],
  },
  {
    source: 'pain 1',
    requirement: 'Members that are loaded get fewer new flows, with no change to applications',
    tests: [
      'e2e/algorithms › least-connections: open connections by weight; a closed one makes room',
      'datapath/balancing/selection/least-connections › a slow member, whose flows stay longer, gets fewer',
      `e2e/loop-figures › figure 14: uneven loads give weights 1 1 2 2 3, and the flows skew as they say: \${how}`,
    ],
  },
  {
    source: 'specification 115',
    requirement:
      'Load is also gathered from the members themselves, in addition to what is measured or in its place',
    tests: [
      'e2e/loop-reported › a slow member with as few flows as the others is found by what its node exporter says',
      "e2e/loop-reported › HAProxy's agent-check: a percentage of capacity becomes weight",
      "e2e/loop-reported › HAProxy's agent-check as health: drain ends no flow, maint and down do, up and ready bring back",
      'e2e/loop-reported › a hostile member harms nobody: the others are asked as before, health and forwarding go on',
      'controller/load/reported-loads › beside what hosts measure; alone where hosts measure nothing; together if the group says so',
    ],
  },
  {
    source: 'pain 2',
    requirement: 'Drain lets running flows end, and says how many are left; failure strands nobody',
    tests: [
      `${MEMBERS}drain: no new flows, running ones go on, the listing says so`,
      `${MEMBERS}drain with a deadline: running flows go on until it, and not longer`,
      `${FLOWS}fail-fast: when a member fails its clients are reset at once, and reconnect to another`,
      `e2e/soak › members drain, fail and join under load: no request is lost but those on failed members`,
    ],
  },
  {
    source: 'pain 3',
    requirement: 'UDP does not stay on a dead member',
    tests: [
      `${FLOWS}UDP: after \${how} of its member a flow that never pauses moves with its next packet`,
      `${FLOWS}UDP re-pick: after the configured gap the next packet finds a member anew; without a gap it stays`,
    ],
  },
  {
    source: 'pain 4',
    requirement: 'Frag-needed and packet-too-big are translated',
    tests: [
      `${PACKETS}path MTU discovery through a VIP, \${family}: the client learns the MTU behind its member`,
    ],
  },
  {
    source: 'pain 5',
    requirement: 'Long-lived connections do not unbalance: what counts is what is open',
    tests: [
      'datapath/balancing/algorithms › least connections counts what is open: closed, reset and idle flows make room',
      'e2e/loop-figures › figure 15: a sixth joins while five are at their limit: it gets nearly all, then three times as much, then as much',
    ],
  },
  {
    source: 'pain 6',
    requirement: 'The connection table neither leaks nor is exhausted; reused ports start new flows',
    tests: [
      `${TRACKING}after any traffic everything comes to rest: no record, no endpoint reference, no active flow`,
      `${FLOWS}a SYN flood of one VM takes no other's rows, and ages within seconds`,
      `${FLOWS}a port is used again and again: each connection is a new flow, to the member whose turn it is`,
      MODEL,
    ],
  },
  {
    source: 'pain 7',
    requirement: 'Out-of-window packets are translated, never passed as they are',
    tests: [`${ODD}far out of the window, in both directions and in every state`],
  },
  {
    source: 'pain 8',
    requirement: 'Fragments are neither reordered nor lost to others',
    tests: [
      `${FRAGMENTS}in order: each fragment leaves at once, and nothing is remembered after the last`,
      `${FRAGMENTS}what waits is bounded per port, and nobody else suffers from it`,
    ],
  },
  {
    source: 'pain 9',
    requirement: 'A reload keeps every running flow',
    tests: ['e2e/reload › downloads, iperf3 and running connections live through many reloads'],
  },
  {
    source: 'pain 9',
    requirement:
      'A host that is replaced by the next one, or killed and started again, keeps every flow, interface and VM',
    tests: [
      `e2e/restart › \${how}: connections, downloads, datagrams and clients' members are as before`,
      'e2e/restart › what has changed meanwhile: a member failed, one was removed, a port is gone, another one is new',
      'datapath/balancing/inherited-flows › whatever the flows, the datapath that follows treats them as the previous one would have',
      'datapath/balancing/inherited-flows › whatever lies in the tables: nothing throws, and all that was taken over ends like any other flow',
    ],
  },
  {
    source: 'pain 10',
    requirement: 'The first packet is not lost while ARP or ND resolves',
    tests: [
      `${PACKETS}the first packet while the member is being resolved is delivered, translated, within a round trip`,
      'datapath/forwarding/neighbours › packets that waited go out in the order in which they came',
      'datapath/forwarding/neighbours › sixteen packets of a port wait per neighbour; further ones are counted and dropped',
    ],
  },
  {
    source: 'fragments',
    requirement: 'First fragment lost; over the egress MTU fragmented or answered, as DF says',
    tests: [
      `${FRAGMENTS}the first one lost: the others are dropped after two seconds`,
      "datapath/forwarding/router › too big: the next network's MTU is told, one byte less fits",
    ],
  },
  {
    source: 'TCP state',
    requirement: 'SYN, established, half-closed, closed; port reuse',
    tests: [
      `${TRACKING}handshake, data, client closes first`,
      `${TRACKING}a new SYN on a record that has ended starts a new flow`,
      `${ODD}what comes after the end: last ACKs and retransmitted FINs are translated for minutes`,
    ],
  },
  {
    source: 'UDP timers',
    requirement: 'Per group; re-pick after failure, removal, or a gap',
    tests: [
      'datapath/balancing/udp-timers › the timer of one group is not that of another with the same members',
      'datapath/balancing/udp-timers › after a gap a flow finds a member anew; without one it stays',
      `${FLOWS}UDP flows end after their timer`,
    ],
  },
  {
    source: 'same port',
    requirement: 'One client port to the VIP and to the member directly: two flows, never mixed',
    tests: [
      `${FLOWS}one local port to a VIP and to its member directly at a time: two flows, both served, in either order`,
      `${FLOWS}one local port to two VIPs that share a member: two flows, both served`,
      'datapath/balancing/balancing › a direct flow is not mixed up with a balanced one that has ended, either',
    ],
  },
  {
    source: 'empty group',
    requirement: 'Refused at once with RST or unreachable, or silence, by setting',
    tests: [
      `e2e/reject › TCP is refused at once: \${what}`,
      'e2e/reject › UDP gets port unreachable at once, IPv4 and IPv6',
      'e2e/reject › set to drop: silence',
      `${TRACKING}a flow that nobody would serve takes no room: the client hears at once, and no running flow is evicted`,
    ],
  },
  {
    source: 'fail-fast',
    requirement: 'Clients of a failed member are reset at once',
    tests: [
      `${FLOWS}fail-fast: when a member fails its clients are reset at once, and reconnect to another`,
      'datapath/balancing/fail-fast › many clients are told over several batches, each once, and none of the table is left',
    ],
  },
  {
    source: 'drain',
    requirement: 'No new flows; running ones until their end or the deadline; weight 0 alike',
    tests: [
      `${MEMBERS}drain: no new flows, running ones go on, the listing says so`,
      `${MEMBERS}weight 0: no new flows, running ones go on`,
    ],
  },
  {
    source: 'algorithms',
    requirement: 'Least connections, two choices, Maglev with its published vectors and bounds, affinity',
    tests: [
      "tables/balancing/maglev-table › the paper's example, before and after B1 is removed",
      'tables/balancing/maglev-table › one of n members goes: its entries are spread evenly, and few others move',
      'e2e/algorithms › maglev: drain, failure and a new weight have the table that follows from them',
      'e2e/algorithms › affinity: a client stays until its member drains or it was away for the timeout',
      'e2e/algorithms › random-two-choices: of two members the one with fewer connections, of idle ones either',
    ],
  },
  {
    source: 'RFC 6583 §7.1',
    requirement: 'A scan of a routed subnet, or any other greedy VM, keeps nobody else from working',
    tests: [
      'datapath/shares › entries of the neighbour table and questions: a scan of a routed /16',
      'datapath/shares › neighbours in use: a scan of addresses of which each is answered',
      'datapath/shares › places of packets that wait, in all and at one neighbour',
      `e2e/fairness › \${name}: another VM gets at least half of its work done`,
    ],
  },
  {
    source: 'table pressure',
    requirement: 'Refuse or evict by policy, fair between ports; half-open flows age in seconds',
    tests: [
      `${TRACKING}half-open flows make room after three seconds: a SYN flood holds the table no longer`,
      `${TRACKING}fairness: a flood of one port stops at three quarters, and others get three quarters of what is left`,
      `${FLOWS}a SYN flood of one VM takes no other's rows, and ages within seconds`,
    ],
  },
  {
    source: 'offload fall-back',
    requirement: 'Partial checksums are completed and super-segments cut as a kernel would',
    tests: [
      'datapath/frame/offload › a partial checksum is completed, byte for byte the packet with a whole one',
      'datapath/frame/offload › TCP: any size, options and flags, IPv4 and IPv6',
      'datapath/frame/offload › UDP: datagrams of the given size, the last one shorter',
    ],
  },
  {
    source: 'sizes',
    requirement: 'Jumbo and odd MTUs',
    tests: [`e2e/sizes › an MTU of \${mtu}: packets of that size arrive, whole transfers go through VIPs`],
  },
  {
    source: 'MSS clamp',
    requirement: 'Lowers what both ends announce, never raises or adds',
    tests: [
      'e2e/sizes › an MSS clamp: both ends announce no more, IPv4 and IPv6, and nobody sends more',
      'datapath/operators/mss-clamp › wherever it stands among the options, at odd places too',
      'datapath/operators/mss-clamp › a smaller one, the same, and none are left as they are',
    ],
  },
  {
    source: 'VLAN',
    requirement: 'Frames of VMs that tag are balanced, answered and refused under their tag',
    tests: [
      `${VLAN}\${engine}, IPv\${family}, \${name}: a TCP conversation through a VIP keeps its tags, there and back`,
      `${VLAN}\${engine}: tagged datagrams through a VIP, whole and in fragments, there and back`,
      `${VLAN}\${engine}, IPv\${family}: a tagged super-segment with a partial checksum stays one, translated`,
      `${VLAN}\${engine}: a tagged question is answered under its tag: ARP for a VIP, a connection to an empty group`,
      `${VLAN}\${engine}: \${what} gets a tagged flow untagged, from the first packet on; its answer bears the tag`,
      `${VLAN}\${engine}: to a member behind the router that does not exist: the client is told under its tag, no record is left`,
      `${VLAN}\${engine}: the logical router takes no other tagged frames: they are dropped and counted`,
      `datapath/forwarding/tagged-routing › \${what}: to the byte, off on the way to the member and on again on the way back`,
      'datapath/forwarding/answers › tagged questions get tagged answers',
      'datapath/balancing/refusals › a tagged question gets a tagged answer',
      `${FRAGMENTS}under VLAN tags, forth and back`,
    ],
  },
  {
    source: 'RFC 5227 §3, RFC 4861 §7.2.6',
    requirement: 'Who knows the old MAC of a VM is told of the new one; nobody is told of VIPs and gateways',
    tests: [
      `e2e/announcements › a VM with another MAC, \${how}: its neighbour has the new one and reaches it at once`,
      'e2e/announcements › what is never announced: VIPs and gateways; nor anything as long as nothing changes',
      'e2e/announcements › a VM that moves to another host, and has another MAC there: all hosts’ VMs reach it at once',
      'datapath/forwarding/announcements › ARP twice, two seconds apart (RFC 5227); advertisements three times (RFC 4861); then silence',
      'datapath/forwarding/announcements › many at once: a few per millisecond, and no more than the share of a port',
    ],
  },
  {
    source: 'half-open',
    requirement: 'A flow that never reaches its member leaves no record',
    tests: [
      `datapath/forwarding/tagged-routing › \${how}: the member never answers: the client is told, under its tag, and no record is left`,
      `datapath/forwarding/tagged-routing › \${how}: no route, a hop limit used up, too large with DF, and a network without router`,
      'datapath/forwarding/tagged-routing › a late answer to a flow that was given up is not passed untranslated',
    ],
  },
  {
    source: 'property',
    requirement: 'Translation and its reverse restore the frame',
    tests: [`replay/nat-property › there and back, \${offloads ? 'offloads kept' : 'offloads finished'}`],
  },
  {
    source: 'property',
    requirement: 'Packets, rule changes, failures and time in any order: as a naive model says',
    tests: [MODEL],
  },
  {
    source: 'RFC 4291 §2.1, §2.6.1, RFC 4443 §4.2',
    requirement:
      'The logical router has a link-local address and answers at its anycast and all-routers addresses',
    tests: [
      `${ADVERTISEMENTS}a link-local address made of its MAC, and the anycast address of each subnet, answer ND`,
      `${ADVERTISEMENTS}echo: link-local, anycast of this and of another network, all routers`,
      'e2e/ipv6-router › link-local, anycast and all routers answer',
    ],
  },
  {
    source: 'RFC 4861 §6.1.1, §6.2.6',
    requirement:
      'Router solicitations are validated and answered by advertisements, within a limit, and flooded to nobody',
    tests: [
      `${ADVERTISEMENTS}the answer, to the asker alone: lifetime, MAC, MTU, prefixes`,
      `${ADVERTISEMENTS}what RFC 4861 §6.1.1 calls invalid is dropped as such`,
      `${ADVERTISEMENTS}without an address yet: to all nodes of its port, at most every 3 s (§6.2.6)`,
      `${ADVERTISEMENTS}a flood of them is answered within its limit, others are not affected`,
      'e2e/ipv6-router › a solicitation is answered to the asker alone, right to the last bit, and is heard by nobody else',
    ],
  },
  {
    source: 'RFC 4861 §6.2.1, §6.2.4, §6.2.5',
    requirement:
      'Unsolicited router advertisements come at random intervals, at once after a change, and end with lifetime 0',
    tests: [
      `${ADVERTISEMENTS}three within 16 s of each other, then at random within the interval (§6.2.1, §6.2.4)`,
      `${ADVERTISEMENTS}a change is told at once, and again; a router that ceases says so (§6.2.5)`,
      'e2e/ipv6-router › a kernel with accept_ra has its default route, an address, and reaches the other network',
    ],
  },
  {
    source: '802.1Q §6.9',
    requirement:
      'A frame tagged with VLAN 0 is an untagged frame with a priority: routed, balanced and answered as one',
    tests: [
      `${PRIORITY}under \${tags}: routed, balanced, answered, sent by an uplink and dropped as without`,
      `${PRIORITY}a second tag with a VLAN id is the VM’s own, and does not cross an uplink`,
    ],
  },
  ...CHAIN_ROWS,
  ...CHANGE_ROWS,
  ...GUARD_ROWS,
  ...MATCH_ROWS,
  ...PROTOCOL_ROWS,
  {
    source: 'RFC 1812 §5.2',
    requirement: 'A VIP is reached from other networks through the router, like any address of its own',
    tests: [
      'e2e/networks › a VIP is reached from another network through the router, at once: TCP, IPv4 and IPv6, ping, errors',
      `datapath/balancing/other-network › there and back, \${vip}: one hop less, and the client sees the VIP`,
      `datapath/balancing/other-network › ICMP errors, \${vip}: from the member, from the router, to the member`,
      `datapath/balancing/other-network › MAC redirect, \${vip}: routed to the member's MAC, address kept`,
    ],
  },
];
