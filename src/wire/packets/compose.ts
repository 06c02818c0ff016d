/** A whole packet as a host would send it, from a description: for traces. */
import { addressFamily, addressToWords, macToBytes } from '../address.ts';
import * as ethernet from '../ethernet.ts';
import * as icmp from '../icmp.ts';
import * as icmpv6 from '../icmpv6.ts';
import * as ipv4 from '../ipv4.ts';
import * as ipv6 from '../ipv6.ts';
import * as tcp from '../tcp.ts';
import * as udp from '../udp.ts';
import { completeCheck } from './reply.ts';

export const COMPOSED_PROTOCOLS = ['tcp', 'udp', 'icmp'] as const;

export interface PacketDescription {
  /** `icmp`: an echo request of the addresses' family. */
  readonly protocol: (typeof COMPOSED_PROTOCOLS)[number];
  readonly sourceMac: string;
  readonly destinationMac: string;
  /** Two addresses of one family. */
  readonly source: string;
  readonly destination: string;
  /** With `icmp`: the source port is the identifier. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TCP flag bits. */
  readonly flags: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  readonly dscp: number;
  /** 802.1Q VLAN id; absent: untagged. */
  readonly vlan?: number;
  /** Bytes of the IP packet; shorter than its headers: as short as they allow. */
  readonly length?: number;
}

const WINDOW = 64_240;

/** With complete checksums; the payload is zeros. */
export function composePacket(packet: PacketDescription): Uint8Array {
  const { protocol, vlan, length = 0 } = packet;
  const isIpv4 = addressFamily(packet.source) === 4;
  const l3 = ethernet.HEADER_BYTES + (vlan === undefined ? 0 : ethernet.TAG_BYTES);
  const ipBytes = isIpv4 ? ipv4.MIN_HEADER_BYTES : ipv6.HEADER_BYTES;
  const l4 = l3 + ipBytes;
  const upperBytes = { tcp: tcp.MIN_HEADER_BYTES, udp: udp.HEADER_BYTES, icmp: icmp.HEADER_BYTES }[protocol];
  const total = Math.max(length, ipBytes + upperBytes);
  const bytes = new Uint8Array(l3 + total);
  const view = new DataView(bytes.buffer);
  macToBytes(packet.destinationMac, bytes, 0);
  macToBytes(packet.sourceMac, bytes, ethernet.SOURCE_OFFSET);
  if (vlan !== undefined) ethernet.setTag(view, ethernet.ADDRESSES_BYTES, (ethernet.TYPE_VLAN << 16) | vlan);
  view.setUint16(l3 - 2, isIpv4 ? ethernet.TYPE_IPV4 : ethernet.TYPE_IPV6);
  writeUpper(view, l4, packet, bytes.length - l4);
  const number = numberOf(protocol, isIpv4);
  const words = new Int32Array(8);
  addressToWords(packet.source, words, 0);
  addressToWords(packet.destination, words, 4);
  if (isIpv4) {
    ipv4.setSource(view, l3, words[3]!);
    ipv4.setDestination(view, l3, words[7]!);
    ipv4.write(view, l3, total, packet.ttl, number);
    ipv4.setDscpWithChecksum(view, l3, packet.dscp);
  } else {
    ipv6.writeFixed(view, l3, total - ipBytes, number, packet.ttl);
    view.setUint16(l3, 0x6000 | (packet.dscp << 6));
    for (const [i, word] of words.entries()) view.setInt32(l3 + ipv6.SOURCE_OFFSET + 4 * i, word);
  }
  completeCheck(view, l3, l4, number, isIpv4);
  return bytes;
}

function numberOf(protocol: PacketDescription['protocol'], isIpv4: boolean): number {
  if (protocol === 'tcp') return ipv4.PROTOCOL_TCP;
  if (protocol === 'udp') return ipv4.PROTOCOL_UDP;
  return isIpv4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6;
}

function writeUpper(view: DataView, l4: number, packet: PacketDescription, bytes: number): void {
  const { protocol, sourcePort, destinationPort, flags } = packet;
  const ports = (sourcePort << 16) | destinationPort;
  if (protocol === 'tcp') {
    tcp.write(view, l4, ports, 1, (flags & tcp.ACK) === 0 ? 0 : 1, flags);
    view.setUint16(l4 + 14, WINDOW);
  } else if (protocol === 'udp') {
    view.setInt32(l4, ports);
    udp.setLength(view, l4, bytes);
  } else {
    const isIpv4 = addressFamily(packet.source) === 4;
    icmp.writeHeader(view, l4, isIpv4 ? icmp.ECHO : icmpv6.ECHO, 0, (sourcePort << 16) | 1);
  }
}

const FLAG_LETTERS: Readonly<Record<string, number>> = {
  F: tcp.FIN,
  S: tcp.SYN,
  R: tcp.RST,
  P: tcp.PSH,
  A: tcp.ACK,
  '.': tcp.ACK,
  U: tcp.URG,
  E: tcp.ECE,
  W: tcp.CWR,
};

/** Bits of TCP flags in tcpdump's letters, `A` and `.` for ACK; undefined: another letter is among them. */
export function parseFlags(text: string): number | undefined {
  let bits = 0;
  for (const letter of text) {
    const bit = FLAG_LETTERS[letter];
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}
