/**
 * Packets that the datapath generates: ARP requests, neighbour solicitations and announcements of addresses. Functions
 * that return a length in bytes write a whole frame with an empty vnet header at `at`.
 */

import { NONE } from '../../tables/common/bucket-index.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { setIcmpv6Check } from '../../wire/pseudo-header.ts';
import * as virtio from '../../wire/virtio-net.ts';
import type { Network } from '../ports/networks.ts';

/**
 * An ARP request for `target` from the station with this MAC; `sender` is its address, or 0 for a probe. With `target` as
 * sender it is an announcement (RFC 5227 §1.1).
 */
export function writeArpRequest(
  view: DataView,
  at: number,
  macHigh: number,
  macLow: number,
  sender: number,
  target: number,
): number {
  virtio.clear(view, at);
  ethernet.setDestination(view, at, 0xffff, -1);
  ethernet.setSource(view, at, macHigh, macLow);
  ethernet.setEtherType(view, at, ethernet.TYPE_ARP);
  const l3 = at + ethernet.HEADER_BYTES;
  arp.write(view, l3, arp.REQUEST);
  arp.setSender(view, l3, macHigh, macLow, sender);
  arp.setTarget(view, l3, 0, 0, target);
  return ethernet.HEADER_BYTES + arp.BYTES;
}

/**
 * A neighbour solicitation for the address at words[target …], to its solicited-node group (RFC 4291 §2.7.1), from
 * the gateway at `gateway` in the network's list, or from the router's link-local address if that is NONE.
 */
export function writeNeighbourSolicitation(
  view: DataView,
  at: number,
  network: Network,
  gateway: number,
  words: Int32Array,
  target: number,
): number {
  virtio.clear(view, at);
  const group = 0xff00_0000 | (words[target + 3]! & 0xff_ffff);
  ethernet.setDestination(view, at, 0x3333, group);
  ethernet.setSource(view, at, network.routerMacHigh, network.routerMacLow);
  ethernet.setEtherType(view, at, ethernet.TYPE_IPV6);
  const l3 = at + ethernet.HEADER_BYTES;
  ipv6.writeFixed(view, l3, icmpv6.ND_WITH_ADDRESS_BYTES, ipv6.NEXT_ICMPV6, 255);
  if (gateway === NONE) {
    ipv6.writeLinkLocal(view, l3 + ipv6.SOURCE_OFFSET, network.routerMacHigh, network.routerMacLow);
  } else {
    const g = network.gateways;
    ipv6.setSource(view, l3, g[gateway]!, g[gateway + 1]!, g[gateway + 2]!, g[gateway + 3]!);
  }
  ipv6.setDestination(view, l3, 0xff02_0000 | 0, 0, 1, group);
  const l4 = l3 + ipv6.HEADER_BYTES;
  icmp.writeHeader(view, l4, icmpv6.NEIGHBOUR_SOLICITATION, 0, 0);
  icmpv6.setTarget(view, l4, words[target]!, words[target + 1]!, words[target + 2]!, words[target + 3]!);
  const option = l4 + icmpv6.ND_BYTES;
  const { routerMacHigh, routerMacLow } = network;
  icmpv6.writeLinkAddressOption(view, option, icmpv6.OPTION_SOURCE_LINK_ADDRESS, routerMacHigh, routerMacLow);
  setIcmpv6Check(view, l3, l4, icmpv6.ND_WITH_ADDRESS_BYTES);
  return ethernet.HEADER_BYTES + ipv6.HEADER_BYTES + icmpv6.ND_WITH_ADDRESS_BYTES;
}

/** An unsolicited neighbour advertisement to all nodes (RFC 4861 §7.2.6): the address in `words` has this MAC now. */
export function writeNeighbourAdvertisement(
  view: DataView,
  at: number,
  macHigh: number,
  macLow: number,
  words: Int32Array,
): number {
  virtio.clear(view, at);
  ethernet.setDestination(view, at, 0x3333, 1);
  ethernet.setSource(view, at, macHigh, macLow);
  ethernet.setEtherType(view, at, ethernet.TYPE_IPV6);
  const l3 = at + ethernet.HEADER_BYTES;
  ipv6.writeFixed(view, l3, icmpv6.ND_WITH_ADDRESS_BYTES, ipv6.NEXT_ICMPV6, 255);
  ipv6.setDestination(view, l3, 0xff02_0000 | 0, 0, 0, 1);
  ipv6.setSource(view, l3, words[0]!, words[1]!, words[2]!, words[3]!);
  advertise(view, l3, icmpv6.FLAG_OVERRIDE, macHigh, macLow);
  return ethernet.HEADER_BYTES + ipv6.HEADER_BYTES + icmpv6.ND_WITH_ADDRESS_BYTES;
}

/**
 * Writes a neighbour advertisement behind a fixed IPv6 header, whose source is the advertised address; that has this MAC
 * (RFC 4861 §4.4). `flags`: icmpv6.FLAG_….
 */
export function advertise(view: DataView, l3: number, flags: number, macHigh: number, macLow: number): void {
  const l4 = l3 + ipv6.HEADER_BYTES;
  const w0 = ipv6.sourceWord(view, l3, 0);
  const w1 = ipv6.sourceWord(view, l3, 1);
  const w2 = ipv6.sourceWord(view, l3, 2);
  const w3 = ipv6.sourceWord(view, l3, 3);
  icmp.writeHeader(view, l4, icmpv6.NEIGHBOUR_ADVERTISEMENT, 0, flags);
  icmpv6.setTarget(view, l4, w0, w1, w2, w3);
  const option = l4 + icmpv6.ND_BYTES;
  icmpv6.writeLinkAddressOption(view, option, icmpv6.OPTION_TARGET_LINK_ADDRESS, macHigh, macLow);
  setIcmpv6Check(view, l3, l4, icmpv6.ND_WITH_ADDRESS_BYTES);
}
