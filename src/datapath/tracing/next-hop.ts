/** The MAC to which a VM sends a packet, as ARP or ND would have told it. */
import { ROLE_ANSWERED } from '../../tables/balancing/endpoint-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import { NetworkAddress } from '../../tables/common/network-address.ts';
import { NEIGHBOUR } from '../../tables/forwarding/neighbour-table.ts';
import type { Tables } from '../../tables/tables.ts';
import { isIpv4Mapped, MAPPED_WORD } from '../../wire/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { AddressWords, MacWords } from '../frame/trace-sink.ts';
import type { Network } from '../ports/networks.ts';

/** Undefined: nobody is known to have the destination's address, or the frame is no IP packet. */
export function nextHopMac(network: Network, tables: Tables, frame: Uint8Array): MacWords | undefined {
  const to = destinationOf(new DataView(frame.buffer, frame.byteOffset, frame.length));
  if (to === undefined) return undefined;
  const group = groupMac(to);
  if (group !== undefined) return group;
  const routerMac: MacWords = [network.routerMacHigh, network.routerMacLow];
  if (!network.isOnLink(...to)) return network.isRouted ? routerMac : undefined;
  const { endpoints, neighbours } = tables;
  const endpoint = endpoints.find(network.id, ...to);
  const isAnswered = endpoint !== NONE && endpoints.hasRole(endpoint, ROLE_ANSWERED);
  if (isAnswered || network.isGateway(...to)) return routerMac;
  const id = neighbours.find(new NetworkAddress().set(network.id, ...to));
  if (id === NONE) return undefined;
  const state = neighbours.state(id);
  const isKnown = state === NEIGHBOUR.fixed || state === NEIGHBOUR.reachable || state === NEIGHBOUR.stale;
  return isKnown ? [neighbours.macHigh(id), neighbours.macLow(id)] : undefined;
}

function destinationOf(view: DataView): AddressWords | undefined {
  if (view.byteLength < ethernet.HEADER_BYTES) return undefined;
  let l3 = ethernet.HEADER_BYTES;
  let type = ethernet.etherType(view, 0);
  while (ethernet.isTag(type) && l3 + ethernet.TAG_BYTES <= view.byteLength) {
    type = view.getUint16(l3 + 2);
    l3 += ethernet.TAG_BYTES;
  }
  if (type === ethernet.TYPE_IPV4 && l3 + ipv4.MIN_HEADER_BYTES <= view.byteLength)
    return [0, 0, MAPPED_WORD, ipv4.destination(view, l3)];
  if (type !== ethernet.TYPE_IPV6 || l3 + ipv6.HEADER_BYTES > view.byteLength) return undefined;
  const word = (i: number): number => ipv6.destinationWord(view, l3, i);
  return [word(0), word(1), word(2), word(3)];
}

/** RFC 1112 §6.4, RFC 2464 §7; undefined: the address is one station's. */
function groupMac([w0, w1, w2, w3]: AddressWords): MacWords | undefined {
  if (isIpv4Mapped(w0, w1, w2)) {
    if (w3 === -1) return [0xffff, -1];
    return ipv4.isGroup(w3) ? [0x0100, 0x5e00_0000 | (w3 & 0x7f_ffff)] : undefined;
  }
  return ipv6.isGroup(w0) ? [0x3333, w3] : undefined;
}
