/** A frame in fields, for people and as data; and what differs between two states of one frame. */
import { addressText, wordsToMac, wordToIpv4 } from '../address.ts';
import * as arp from '../arp.ts';
import * as ethernet from '../ethernet.ts';
import { formatFrame } from '../format.ts';
import * as icmp from '../icmp.ts';
import * as ipv4 from '../ipv4.ts';
import * as ipv6 from '../ipv6.ts';
import * as sctp from '../sctp.ts';
import * as tcp from '../tcp.ts';
import * as udp from '../udp.ts';

/** Absent: the frame has no such header. Numbers as on the wire, lengths in bytes. */
export interface DecodedFrame {
  /** As tcpdump prints it. */
  readonly summary: string;
  readonly length: number;
  readonly ethernet?: { readonly source: string; readonly destination: string; readonly type: number };
  /** VLAN ids, outermost first. */
  readonly vlan?: readonly number[];
  readonly arp?: { readonly operation: number; readonly sender: string; readonly target: string };
  readonly ip?: {
    readonly version: 4 | 6;
    readonly source: string;
    readonly destination: string;
    readonly ttl: number;
    readonly dscp: number;
    readonly protocol: number;
    readonly length: number;
  };
  readonly transport?: { readonly sourcePort: number; readonly destinationPort: number };
  readonly tcp?: {
    readonly flags: string;
    readonly sequence: number;
    readonly acknowledgment: number;
    readonly mss?: number;
  };
  readonly icmp?: { readonly type: number; readonly code: number; readonly identifier: number };
}

export function decodeFrame(bytes: Uint8Array): DecodedFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const summary = formatFrame(view, 0, bytes.length);
  if (bytes.length < ethernet.HEADER_BYTES) return { summary, length: bytes.length };
  const vlan: number[] = [];
  let l3 = ethernet.HEADER_BYTES;
  let type = ethernet.etherType(view, 0);
  while (ethernet.isTag(type) && l3 + ethernet.TAG_BYTES <= bytes.length) {
    vlan.push(view.getUint16(l3) & 0xfff);
    type = view.getUint16(l3 + 2);
    l3 += ethernet.TAG_BYTES;
  }
  const source = wordsToMac(ethernet.sourceHigh(view, 0), ethernet.sourceLow(view, 0));
  const destination = wordsToMac(ethernet.destinationHigh(view, 0), ethernet.destinationLow(view, 0));
  return {
    summary,
    length: bytes.length,
    ethernet: { source, destination, type },
    ...(vlan.length > 0 && { vlan }),
    ...decodePayload(view, l3, type),
  };
}

function decodePayload(view: DataView, l3: number, type: number): Partial<DecodedFrame> {
  const left = view.byteLength - l3;
  if (type === ethernet.TYPE_ARP && left >= arp.BYTES) {
    const sender = wordToIpv4(arp.senderIp(view, l3));
    const target = wordToIpv4(arp.targetIp(view, l3));
    return { arp: { operation: arp.operation(view, l3), sender, target } };
  }
  if (type === ethernet.TYPE_IPV4 && left >= ipv4.MIN_HEADER_BYTES) {
    const protocol = ipv4.protocol(view, l3);
    const ip = {
      version: 4 as const,
      source: wordToIpv4(ipv4.source(view, l3)),
      destination: wordToIpv4(ipv4.destination(view, l3)),
      ttl: ipv4.ttl(view, l3),
      dscp: view.getUint8(l3 + 1) >>> 2,
      protocol,
      length: ipv4.totalLength(view, l3),
    };
    const isFirst = (ipv4.fragmentWord(view, l3) & 0x1fff) === 0;
    return { ip, ...(isFirst && decodeUpper(view, l3 + ipv4.headerBytes(view, l3), protocol)) };
  }
  if (type !== ethernet.TYPE_IPV6 || left < ipv6.HEADER_BYTES) return {};
  const protocol = ipv6.nextHeader(view, l3);
  const ip = {
    version: 6 as const,
    source: addressText(view, l3 + ipv6.SOURCE_OFFSET),
    destination: addressText(view, l3 + ipv6.SOURCE_OFFSET + 16),
    ttl: ipv6.hopLimit(view, l3),
    dscp: (view.getUint16(l3) >>> 6) & 0x3f,
    protocol,
    length: ipv6.HEADER_BYTES + ipv6.payloadLength(view, l3),
  };
  return { ip, ...decodeUpper(view, l3 + ipv6.HEADER_BYTES, protocol) };
}

function decodeUpper(view: DataView, l4: number, protocol: number): Partial<DecodedFrame> {
  const left = view.byteLength - l4;
  const ports = () => ({ sourcePort: view.getUint16(l4), destinationPort: view.getUint16(l4 + 2) });
  if (protocol === ipv4.PROTOCOL_TCP && left >= tcp.MIN_HEADER_BYTES) {
    const end = Math.min(view.byteLength, l4 + tcp.headerBytes(view, l4));
    const option = tcp.optionAt(view, l4, end, tcp.OPTION_MSS, tcp.MSS_OPTION_BYTES);
    return {
      transport: ports(),
      tcp: {
        flags: tcp.formatFlags(tcp.flags(view, l4)),
        sequence: tcp.sequence(view, l4) >>> 0,
        acknowledgment: tcp.acknowledgment(view, l4) >>> 0,
        ...(option !== 0 && { mss: tcp.mss(view, option) }),
      },
    };
  }
  if (protocol === ipv4.PROTOCOL_UDP && left >= udp.HEADER_BYTES) return { transport: ports() };
  if (protocol === ipv4.PROTOCOL_SCTP && left >= sctp.HEADER_BYTES) return { transport: ports() };
  if ((protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMPV6) && left >= icmp.HEADER_BYTES) {
    const identifier = icmp.identifier(view, l4);
    return { icmp: { type: icmp.type(view, l4), code: icmp.code(view, l4), identifier } };
  }
  return {};
}

/** Fields that differ, e.g. `destination 10.1.0.100 → 10.1.0.21`; empty: none that is decoded. */
export function changesBetween(before: Uint8Array, after: Uint8Array): string[] {
  const [was, now] = [fieldsOf(before), fieldsOf(after)];
  const names = new Set([...was.keys(), ...now.keys()]);
  return [...names].flatMap((name) => {
    const [one, other] = [was.get(name) ?? 'none', now.get(name) ?? 'none'];
    return one === other ? [] : [`${name} ${one} → ${other}`];
  });
}

function fieldsOf(bytes: Uint8Array): Map<string, string> {
  const { ethernet: mac, vlan, ip, transport, tcp: segment, icmp: message } = decodeFrame(bytes);
  const fields = new Map<string, string>();
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) fields.set(name, String(value));
  };
  const end = (address: string | undefined, port: number | undefined): string | undefined => {
    if (address === undefined || port === undefined) return address;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  };
  add('source', end(ip?.source, transport?.sourcePort));
  add('destination', end(ip?.destination, transport?.destinationPort));
  add('source MAC', mac?.source);
  add('destination MAC', mac?.destination);
  add('VLAN', vlan?.join(', '));
  add('TTL', ip?.ttl);
  add('DSCP', ip?.dscp);
  add('MSS', segment?.mss);
  add('identifier', message?.identifier);
  return fields;
}
