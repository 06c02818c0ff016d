/**
 * Builds frames from nothing but RFCs, with right checksums: what VMs send in the tests. Every builder takes the
 * way of the frame (`Way`) first; lengths are bytes, ports and addresses what one would write down.
 */
import { addressBytes, macBytes } from './addresses.ts';
import { checksum, pseudoHeaderSum } from './internet-checksum.ts';

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ICMPV6 = 58;
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/** A frame with the 12-byte virtio-net header that stands in front of it. */
export interface WireFrame {
  readonly bytes: Uint8Array;
  readonly vnet: Uint8Array;
}

export interface Way {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
  /** 802.1Q VLAN id. */
  readonly vlan?: number;
  /** TTL or hop limit. */
  readonly ttl?: number;
  readonly identification?: number;
  /** IPv4 don't-fragment; default true. */
  readonly df?: boolean;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly ipOptions?: Uint8Array;
  /** IPv6 extension headers, each a multiple of 8 bytes; the next-header byte is filled in. */
  readonly extensions?: readonly { readonly type: number; readonly bytes: Uint8Array }[];
  /** Fragment offset in bytes, and whether more follow. */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  /** Zero bytes behind the packet up to this frame length. */
  readonly padTo?: number;
}

/** Leave the transport checksum, and with `gsoSize` the segmentation, to the receiver. */
export interface Offload {
  readonly partial?: boolean;
  /** Payload bytes per segment. */
  readonly gsoSize?: number;
}

export interface TcpFields extends Offload {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Letters of FSRPAUEC. */
  readonly flags: string;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly window?: number;
  /** A multiple of 4 bytes. */
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

export interface UdpFields extends Offload {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload?: Uint8Array;
  /** Send 0, "not computed". */
  readonly noChecksum?: boolean;
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
const FLAG_LETTERS = 'FSRPAUEC';
const NEEDS_CSUM = 1;
const GSO = { tcp4: 1, tcp6: 4, udp: 5 };

export function tcpFrame(way: Way, fields: TcpFields): WireFrame {
  const { options = NO_BYTES, payload = NO_BYTES } = fields;
  const headerBytes = 20 + options.length;
  const segment = new Uint8Array(headerBytes + payload.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, fields.sourcePort);
  view.setUint16(2, fields.destinationPort);
  view.setUint32(4, fields.sequence ?? 0);
  view.setUint32(8, fields.acknowledgment ?? 0);
  view.setUint8(12, (headerBytes / 4) << 4);
  view.setUint8(13, flagBits(fields.flags));
  view.setUint16(14, fields.window ?? 0xfaf0);
  segment.set(options, 20);
  segment.set(payload, headerBytes);
  return transportFrame(way, TCP, segment, 16, headerBytes, fields);
}

export function udpFrame(way: Way, fields: UdpFields): WireFrame {
  const { payload = NO_BYTES } = fields;
  const datagram = new Uint8Array(8 + payload.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, fields.sourcePort);
  view.setUint16(2, fields.destinationPort);
  view.setUint16(4, datagram.length);
  datagram.set(payload, 8);
  if (fields.noChecksum === true) return plain(ethernetFrame(way, ipPacket(way, UDP, datagram)));
  return transportFrame(way, UDP, datagram, 6, 8, fields);
}

/** An ICMP or ICMPv6 message, by the family of the way: `rest` is the second word, `body` what follows. */
export function icmpFrame(way: Way, type: number, code: number, rest: number, body = NO_BYTES): WireFrame {
  const message = new Uint8Array(8 + body.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, type);
  view.setUint8(1, code);
  view.setUint32(4, rest);
  message.set(body, 8);
  const isIpv6 = addressBytes(way.from).length === 16;
  const protocol = isIpv6 ? ICMPV6 : ICMP;
  const pseudo = isIpv6 ? pseudoHeaderSum(way.from, way.to, ICMPV6, message.length) : 0;
  view.setUint16(2, checksum(message, pseudo));
  return plain(ethernetFrame(way, ipPacket(way, protocol, message)));
}

export const echoFrame = (way: Way, identifier: number, sequence: number, body = NO_BYTES): WireFrame =>
  icmpFrame(way, addressBytes(way.from).length === 16 ? 128 : 8, 0, identifier * 0x10000 + sequence, body);

/** Any upper-layer payload, as it is. */
export const rawFrame = (way: Way, protocol: number, payload: Uint8Array): WireFrame =>
  plain(ethernetFrame(way, ipPacket(way, protocol, payload)));

/** ARP; `targetMac` is zero in a request. */
export function arpFrame(
  way: Way,
  operation: 'request' | 'reply',
  fields: { senderMac?: string; targetMac?: string } = {},
): WireFrame {
  const message = new Uint8Array(28);
  message.set([0, 1, 8, 0, 6, 4, 0, operation === 'request' ? 1 : 2]);
  message.set(macBytes(fields.senderMac ?? way.fromMac), 8);
  message.set(addressBytes(way.from), 14);
  if (fields.targetMac !== undefined) message.set(macBytes(fields.targetMac), 18);
  message.set(addressBytes(way.to), 24);
  return plain(ethernetFrame(way, message, 0x0806));
}

/** Solicited-node group of an IPv6 address (RFC 4291 §2.7.1), and the MAC group for it (RFC 2464 §7). */
export function solicitedNode(target: string): { address: string; mac: string } {
  const last = Array.from(addressBytes(target).subarray(13), (byte) => byte.toString(16).padStart(2, '0'));
  return { address: `ff02::1:ff${last[0]}:${last[1]}${last[2]}`, mac: `33:33:ff:${last.join(':')}` };
}

/** Neighbour solicitation for `target`; with `linkAddress` in a source link-layer address option. */
export function solicitationFrame(way: Way, target: string, linkAddress?: string): WireFrame {
  const option = linkAddress === undefined ? NO_BYTES : linkOption(1, linkAddress);
  return icmpFrame({ ttl: 255, ...way }, 135, 0, 0, concat(addressBytes(target), option));
}

/** Neighbour advertisement for `target`; flags: the letters of RSO. */
export function advertisementFrame(way: Way, target: string, linkAddress: string, flags: string): WireFrame {
  const bits = (flags.includes('R') ? 4 : 0) | (flags.includes('S') ? 2 : 0) | (flags.includes('O') ? 1 : 0);
  const body = concat(addressBytes(target), linkOption(2, linkAddress));
  return icmpFrame({ ttl: 255, ...way }, 136, 0, bits * 0x2000_0000, body);
}

const linkOption = (type: number, mac: string): Uint8Array => concat(Uint8Array.of(type, 1), macBytes(mac));

/** An IP packet of the way's family around a payload. */
export function ipPacket(way: Way, protocol: number, payload: Uint8Array): Uint8Array {
  return addressBytes(way.from).length === 4
    ? ipv4Packet(way, protocol, payload)
    : ipv6Packet(way, protocol, payload);
}

function ipv4Packet(way: Way, protocol: number, payload: Uint8Array): Uint8Array {
  const { ipOptions = NO_BYTES, fragment } = way;
  const header = new Uint8Array(20 + ipOptions.length);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x40 | (header.length / 4));
  view.setUint16(2, header.length + payload.length);
  view.setUint16(4, way.identification ?? 0);
  const df = (way.df ?? fragment === undefined) ? 0x4000 : 0;
  const more = fragment?.more === true ? 0x2000 : 0;
  view.setUint16(6, df | more | ((fragment?.offset ?? 0) >>> 3));
  view.setUint8(8, way.ttl ?? 64);
  view.setUint8(9, protocol);
  header.set(addressBytes(way.from), 12);
  header.set(addressBytes(way.to), 16);
  header.set(ipOptions, 20);
  view.setUint16(10, checksum(header));
  return concat(header, payload);
}

function ipv6Packet(way: Way, protocol: number, payload: Uint8Array): Uint8Array {
  const extensions = [...(way.extensions ?? [])];
  if (way.fragment !== undefined) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint16(2, way.fragment.offset | (way.fragment.more ? 1 : 0));
    new DataView(bytes.buffer).setUint32(4, way.identification ?? 0);
    extensions.push({ type: 44, bytes });
  }
  const chain = extensions.map(({ bytes }, i) => {
    const filled = Uint8Array.from(bytes);
    filled[0] = extensions[i + 1]?.type ?? protocol;
    return filled;
  });
  const body = concat(...chain, payload);
  const header = new Uint8Array(40);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x6000_0000);
  view.setUint16(4, body.length);
  view.setUint8(6, extensions[0]?.type ?? protocol);
  view.setUint8(7, way.ttl ?? 64);
  header.set(addressBytes(way.from), 8);
  header.set(addressBytes(way.to), 24);
  return concat(header, body);
}

/** An Ethernet frame of the way around a packet; the type follows the packet's IP version unless given. */
export function ethernetFrame(way: Way, packet: Uint8Array, type?: number): Uint8Array {
  const etherType = type ?? (packet[0] >>> 4 === 4 ? 0x0800 : 0x86dd);
  const tag = way.vlan === undefined ? [] : [0x81, 0, way.vlan >>> 8, way.vlan & 0xff];
  const header = Uint8Array.from([
    ...macBytes(way.toMac),
    ...macBytes(way.fromMac),
    ...tag,
    etherType >>> 8,
    etherType & 0xff,
  ]);
  const padding = Math.max(0, (way.padTo ?? 0) - header.length - packet.length);
  return concat(header, packet, new Uint8Array(padding));
}

/** Fills the checksum of a transport segment in, or leaves its pseudo-header sum there, and wraps it up. */
function transportFrame(
  way: Way,
  protocol: number,
  segment: Uint8Array,
  checkAt: number,
  headerBytes: number,
  offload: Offload,
): WireFrame {
  const view = new DataView(segment.buffer);
  const pseudo = pseudoHeaderSum(way.from, way.to, protocol, segment.length);
  const isPartial = offload.partial === true || offload.gsoSize !== undefined;
  const check = checksum(segment, pseudo);
  view.setUint16(checkAt, isPartial ? pseudo : check === 0 && protocol === UDP ? 0xffff : check);
  const bytes = ethernetFrame(way, ipPacket(way, protocol, segment));
  if (!isPartial) return plain(bytes);
  const vnet = new Uint8Array(12);
  const header = new DataView(vnet.buffer);
  const start = bytes.length - segment.length - paddingOf(way, bytes);
  header.setUint8(0, NEEDS_CSUM);
  header.setUint16(6, start, true);
  header.setUint16(8, checkAt, true);
  if (offload.gsoSize !== undefined) {
    const family = addressBytes(way.from).length === 4 ? GSO.tcp4 : GSO.tcp6;
    header.setUint8(1, protocol === UDP ? GSO.udp : family);
    header.setUint16(2, start + headerBytes, true);
    header.setUint16(4, offload.gsoSize, true);
  }
  return { bytes, vnet };
}

/** Bytes behind the IP packet in a frame. */
function paddingOf(way: Way, bytes: Uint8Array): number {
  const l3 = way.vlan === undefined ? 14 : 18;
  const length =
    bytes[l3] >>> 4 === 4 ? bytes[l3 + 2] * 256 + bytes[l3 + 3] : 40 + bytes[l3 + 4] * 256 + bytes[l3 + 5];
  return bytes.length - l3 - length;
}

export const plain = (bytes: Uint8Array): WireFrame => ({ bytes, vnet: new Uint8Array(12) });

const flagBits = (letters: string): number =>
  [...letters].reduce((bits, letter) => bits | (1 << FLAG_LETTERS.indexOf(letter)), 0);

/** The letters of a TCP flag byte, in the order FSRPAUEC. */
export const flagLetters = (bits: number): string =>
  [...FLAG_LETTERS].filter((_, i) => (bits & (1 << i)) !== 0).join('');

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** `length` bytes that count up from `first`: a payload in which a lost or doubled byte shows. */
export function countingBytes(length: number, first = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = first + i;
  return bytes;
}

/** A frame under the given tags, TPID and TCI of each in hexadecimal, in place of none. */
export function under(tags: string, { bytes, vnet }: WireFrame): WireFrame {
  const more = Uint8Array.from(Buffer.from(tags, 'hex'));
  const moved = vnet.slice();
  const view = new DataView(moved.buffer);
  for (const at of [2, 6]) {
    if (view.getUint16(at, true) > 0) view.setUint16(at, view.getUint16(at, true) + more.length, true);
  }
  return { bytes: concat(bytes.subarray(0, 12), more, bytes.subarray(12)), vnet: moved };
}
