/** What a port does not let its VM send, and what it is not believed. */
import type { Row } from './row.ts';

const PACKETS = 'e2e/conformance/packets › ';
const GUARDS = 'datapath/operators/source-guards › ';

export const GUARD_ROWS: readonly Row[] = [
  {
    source: 'anti-spoofing',
    requirement: "Source MAC, IP, ARP and ND must be the port's; nobody claims a VIP or a gateway",
    tests: [
      `${PACKETS}a VM that claims a VIP, a gateway or another VM is not heard, IPv4 and IPv6`,
      'datapath/operators/anti-spoofing › another MAC, another address, another family’s address',
      'datapath/operators/anti-spoofing › a gateway or a VIP is nobody’s to claim, also where anything may be a source',
    ],
  },
  {
    source: 'anti-spoofing',
    requirement: "Nothing carries another's packet past it, or speaks for another's link-local address",
    tests: [
      'datapath/operators/smuggled-frames › by default: nothing but the VM’s own IP, ARP and RARP',
      "datapath/operators/anti-spoofing › another's link-local address: neither as source, nor advertised, nor claimed before it has one",
    ],
  },
  {
    source: 'learning',
    requirement: "A frame that a port's guards drop teaches nothing: no station moves by it",
    tests: [
      'datapath/forwarding/switch › a frame that a guard drops moves nobody: neither as spoofed nor as one that came back from the wire',
    ],
  },
  {
    source: '802.1Q §8.6.3',
    requirement:
      'Frames to reserved group addresses (STP, PAUSE, LACP, LLDP; CDP) are never forwarded unless asked to',
    tests: [
      `${GUARDS}what switches say to each other ends at the port, from a VM and from the wire; other groups do not`,
      `${GUARDS}with the guard off it passes between the ports that have it off, and nobody else gets it`,
    ],
  },
  {
    source: 'RFC 6105, 7112, 7113, 6980',
    requirement: 'Router advertisements of VMs are dropped, also in fragments and behind extension headers',
    tests: [
      `${GUARDS}a VM is no router: advertisements and redirects, also in fragments and behind extension headers`,
      `${GUARDS}a first fragment that ends before the upper layer hides what follows, and is dropped`,
    ],
  },
  {
    source: 'RFC 7610, DHCP snooping',
    requirement: 'A VM does not answer as a DHCP or DHCPv6 server, unless it is one',
    tests: [
      `${GUARDS}a VM may ask, and may not answer: DHCP and DHCPv6, broadcast and unicast, whole and in fragments`,
    ],
  },
  {
    source: 'RFC 1812 §3.3.2',
    requirement: 'An ARP or ND message whose MAC is a group, the router or the host itself is not believed',
    tests: [
      'datapath/forwarding/neighbours › a MAC that no single station can have is never believed, from a VM or from the wire',
    ],
  },
];
