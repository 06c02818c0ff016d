/** Rows about protocols beside TCP and UDP flows, and how their flows are scheduled. */
import type { Row } from './row.ts';

const ERRORS = 'datapath/forwarding/icmp-errors › ';
const FRAGMENTS = 'datapath/forwarding/fragments › ';
const PACKETS = 'e2e/conformance/packets › ';
const ECHO = 'datapath/balancing/echo › ';
const CUT_OFF = 'datapath/balancing/remembered-flows/cut-off-flows › ';
const UNTRANSLATABLE = 'datapath/balancing/untranslatable › ';

export const PROTOCOL_ROWS: readonly Row[] = [
  {
    source: 'RFC 5508 REQ-4',
    requirement:
      'Errors about every protocol that is balanced are translated, both ways: GRE, ESP, SCTP and others',
    tests: [
      `${ERRORS}protocols without ports over IPv\${family}: every error reads well at both ends`,
      `${ERRORS}SCTP over IPv\${family}: ports are those of the reader, and a whole quote has a right checksum`,
    ],
  },
  {
    source: "a VM's own address",
    requirement:
      "A group on it (`rewrite: port`) takes its protocol and port alone: other services and all ICMP are the VM's",
    tests: [
      'datapath/balancing/own-address › pings of the VM reach it, and answers to its own pings come back; whole and in fragments',
      'datapath/balancing/own-address › errors about its other services reach it unchanged, from anybody',
      'datapath/balancing/own-address › errors about the balanced service are translated: the VM reads about the port that it has',
    ],
  },
  {
    source: 'RFC 5508 REQ-1, REQ-2, §3',
    requirement:
      'Echo is balanced by identifier, there and back, whole and in fragments, with the errors about it',
    tests: [
      `e2e/echo › IPv\${family}: a group of protocol icmp spreads pings by weight, whole and in fragments`,
      `${ECHO}each identifier is a flow: exact shares, its later requests to the same member, replies from the VIP`,
      `${ECHO}in fragments, there and back, in any order`,
      `${ECHO}errors about a request and about a reply are read by each end about its own packet`,
      `${ECHO}one identifier to two VIPs of one member, and to the member itself: three flows, never mixed up`,
      `${ECHO}a VM that is the member of its own VIP pings itself, and sees the VIP`,
      `${ECHO}an identifier that is silent for as long as a UDP flow may be is forgotten (RFC 5508 REQ-2: a minute at least)`,
    ],
  },
  {
    source: 'echo',
    requirement: 'A VIP is reachable to ping only as long as something behind it serves',
    tests: [
      'e2e/echo › a VIP whose group has no usable member is unreachable to ping, and answers again with one',
      'e2e/echo › what answers for the VIP is the member: with its interface down nobody does',
      `${ECHO}while a member is usable: not with all of them failed, draining, of weight 0, or between periods`,
      `${ECHO}by several groups as long as one of them serves the one who asks`,
      `${ECHO}with no usable member: host unreachable in the name of the VIP, or silence; whether VIPs answer plays no part`,
    ],
  },
  {
    source: 'echo',
    requirement: 'A VIP answers echo requests, by setting',
    tests: [
      `${PACKETS}a ping of the VIP is answered, large ones too`,
      'datapath/forwarding/answers › a setting makes VIPs silent, not gateways',
    ],
  },
  {
    source: 'UDP scheduling',
    requirement:
      'By setting, each datagram of a flow finds a member anew; replies and fragments find their way',
    tests: [
      'e2e/scheduling › UDP from one socket: every datagram finds a member anew, in exact shares, and every reply comes back',
      'datapath/balancing/per-datagram › one port of one client: exact shares by datagram, and replies in any order come from the VIP',
      'datapath/balancing/per-datagram › a datagram in fragments stays together, in any order, beside others of the same port',
    ],
  },
  {
    source: 'drain',
    requirement:
      'By setting, new flows go to the draining members while no active one is left, never to failed ones',
    tests: [
      'e2e/scheduling › all members drain: new connections go on, and the listings say who serves',
      `datapath/balancing/drain-fallback › \${algorithm ?? 'weighted-round-robin'}: from the last active one to all that drain, and back`,
    ],
  },
  {
    source: 'SCTP',
    requirement: 'Balanced, ports translated, with its CRC32c made right',
    tests: [
      'datapath/balancing/sctp › ports are translated there and back, and the checksum is that of the whole packet, at any length',
      'datapath/balancing/sctp › associations are spread by weight, and each stays with its member',
      `${FRAGMENTS}SCTP in fragments: addresses are translated, ports cannot be`,
    ],
  },
  {
    source: 'RFC 1122 §3.2.2.1, RFC 4443 §3.4',
    requirement: 'A protocol that a VIP does not serve is unreachable, where it has no ports',
    tests: [
      'datapath/balancing/refusals › protocols without ports hear that there is no such protocol (RFC 1122 §3.2.2.1, RFC 4443 §3.4)',
      'datapath/balancing/refusals › UDP hears "port unreachable" from the VIP itself, with its own packet quoted',
    ],
  },
  {
    source: 'RFC 1122 §3.2.2.6, RFC 4443 §2.3',
    requirement: 'An echo request with a wrong checksum is not answered',
    tests: [
      'datapath/forwarding/answers › a request with a wrong checksum is not answered, by VIPs and gateways',
    ],
  },
  {
    source: 'RFC 5508 REQ-3',
    requirement: 'No ICMP error about a balanced flow passes in fragments: its checksum cannot be verified',
    tests: [
      `${ERRORS}an error in fragments is dropped, whoever complains and in whichever order they come`,
      `${ERRORS}an error in fragments is dropped`,
      `${ERRORS}an error in fragments about another packet passes as it is`,
    ],
  },
  {
    source: 'RFC 8200 §8.1',
    requirement: 'Packets behind a routing header with segments left are not balanced, and counted',
    tests: [
      `${UNTRANSLATABLE}to a VIP with segments left: dropped, counted and answered, whatever it carries, whole or in fragments`,
      `${UNTRANSLATABLE}a segment of a running flow is no exception, from either end`,
      `${UNTRANSLATABLE}with no segment left it is an extension header like any other`,
    ],
  },
  {
    source: 'transparency',
    requirement:
      'What a member sends on a flow whose record has gone is not passed untranslated; its own conversations are',
    tests: [
      `${CUT_OFF}a half-open flow that gave way to another: the late answer is dropped`,
      `${CUT_OFF}a datagram flow that found another member: the previous one is not heard any more`,
      `${CUT_OFF}a flow that counts as reset, and is not: its data are dropped once the record has gone`,
      `${CUT_OFF}a connection that the member itself opens with the same ports passes, data and all`,
    ],
  },
  {
    source: 'RFC 5095 §3, RFC 8200 §4.4',
    requirement:
      'A routing header with segments left is not followed, and answered by a parameter problem within the error budget',
    tests: [
      `${UNTRANSLATABLE}to a VIP with segments left: dropped, counted and answered, whatever it carries, whole or in fragments`,
      `${UNTRANSLATABLE}an error budget bounds the answers`,
    ],
  },
  {
    source: 'RFC 7126 §4.3, §4.4',
    requirement:
      'IPv4 packets with a source route that has hops left are neither balanced nor routed, and counted',
    tests: [
      `${UNTRANSLATABLE}option \${type} with hops left: neither balanced nor routed, switched as it is`,
    ],
  },
  {
    source: 'RFC 6275 §6.3',
    requirement:
      'A home address option is not balanced, and anti-spoofing lets no VM name another source by it',
    tests: [
      `${UNTRANSLATABLE}a home address is balanced in no direction, and passes the router`,
      `${UNTRANSLATABLE}under anti-spoofing a VM names no other source`,
    ],
  },
  {
    source: 'RFC 4302 §3.3.3',
    requirement: 'Packets that AH signs are balanced by MAC alone; address rewriting drops and counts them',
    tests: [
      `${UNTRANSLATABLE}its check would not hold for another address: dropped and counted, no member is charged`,
      `${UNTRANSLATABLE}a running flow does not carry it through either, nor an error about one`,
      `${UNTRANSLATABLE}where only the MAC is rewritten it arrives as it was sent`,
    ],
  },
  {
    source: 'RFC 9293 §3.10.7.2',
    requirement: "A connection of a member's own is its own, whatever ports it has",
    tests: [
      "datapath/balancing/tcp-odd-segments › a SYN of the member's own, to the port of a flow that has ended, is a new connection: nothing of it is translated",
      "datapath/balancing/tcp-odd-segments › a SYN of the member's own is none while the flow runs: it is the VIP's",
    ],
  },
];
