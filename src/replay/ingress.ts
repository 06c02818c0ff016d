/**
 * Finds the port by which a frame of a capture came in, which the capture does not contain. In this order:
 *
 * 1. the port whose configured MAC is the frame's source MAC;
 * 2. the port that has the frame's source address (IPv4, IPv6, or ARP sender);
 * 3. the outside port of the network in which the source address is a member or next hop without a port;
 * 4. the port that the user named;
 * 5. the outside port of the first network whose subnets contain the source address, or else of the first network.
 */
import type { PortSpec } from '../datapath/snapshot.ts';
import { bytesToMac, wordsToAddress, wordToIpv4 } from '../wire/address.ts';
import * as arp from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { contains, type OutsideWorld } from './outside.ts';

const MAX_TAGS = 2;

export class IngressRule {
  private readonly world: OutsideWorld;
  private readonly byMac = new Map<string, number>();
  private readonly byAddress = new Map<string, number>();
  private readonly preferred: number | undefined;
  private readonly fallback: number;

  constructor(world: OutsideWorld, preferred?: PortSpec) {
    this.world = world;
    this.preferred = preferred?.id;
    const { ports, networks } = world.snapshot;
    for (const port of ports) {
      if (port.mac !== undefined && !this.byMac.has(port.mac)) this.byMac.set(port.mac, port.id);
      for (const address of port.addresses) {
        if (!this.byAddress.has(address)) this.byAddress.set(address, port.id);
      }
    }
    for (const { network, address } of world.stations) {
      if (!this.byAddress.has(address)) this.byAddress.set(address, world.portOf.get(network)!.id);
    }
    this.fallback = world.portOf.get(networks[0]!.id)!.id;
  }

  portOf(frame: Uint8Array): number {
    const mac = frame.length >= 12 ? this.byMac.get(bytesToMac(frame, 6)) : undefined;
    if (mac !== undefined) return mac;
    const address = sourceAddress(frame);
    const known = address === undefined ? undefined : this.byAddress.get(address);
    return known ?? this.preferred ?? this.outsideOf(address);
  }

  private outsideOf(address: string | undefined): number {
    if (address === undefined) return this.fallback;
    const network = this.world.snapshot.networks.find((one) => contains(one, address));
    return network === undefined ? this.fallback : this.world.portOf.get(network.id)!.id;
  }
}

/** Canonical text of the network-layer source; undefined if there is none or the frame is too short. */
export function sourceAddress(frame: Uint8Array): string | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (frame.length < ethernet.HEADER_BYTES) return undefined;
  let type = ethernet.etherType(view, 0);
  let l3: number = ethernet.HEADER_BYTES;
  for (let i = 0; i < MAX_TAGS && (type === ethernet.TYPE_VLAN || type === ethernet.TYPE_QINQ); i++) {
    if (frame.length < l3 + ethernet.TAG_BYTES) return undefined;
    type = ethernet.typeBehindTag(view, l3);
    l3 += ethernet.TAG_BYTES;
  }
  if (type === ethernet.TYPE_IPV6) {
    if (frame.length < l3 + ipv6.DESTINATION_OFFSET) return undefined;
    const words = Int32Array.from([0, 1, 2, 3], (word) => ipv6.sourceWord(view, l3, word));
    return wordsToAddress(words, 0);
  }
  if (type === ethernet.TYPE_IPV4) {
    return frame.length < l3 + ipv4.DESTINATION_OFFSET ? undefined : wordToIpv4(ipv4.source(view, l3));
  }
  if (type !== ethernet.TYPE_ARP || frame.length < l3 + arp.SENDER_END) return undefined;
  return wordToIpv4(arp.senderIp(view, l3));
}
