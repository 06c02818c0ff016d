/**
 * Reads a frame that the datapath has sent and judges it, without the code under test: every length, version and
 * checksum of every layer, of quoted packets in ICMP errors too, and the virtio-net header where work is left to
 * the receiver. Throws BadFrame at the first thing that is wrong, saying what was found and what was expected.
 */
import { addressText, hexOf, macText } from './addresses.ts';
import { onesSum, pseudoHeaderSum } from './internet-checksum.ts';
import { flagLetters, ICMP, ICMPV6, TCP, UDP } from './packets.ts';

export class BadFrame extends Error {}

export interface ParsedTcp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** Letters in the order FSRPAUEC. */
  readonly flags: string;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

export interface ParsedUdp {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The field was 0: not computed. */
  readonly noChecksum: boolean;
  readonly payload: Uint8Array;
}

export interface ParsedIcmp {
  readonly type: number;
  readonly code: number;
  /** Second word of the header. */
  readonly rest: number;
  readonly body: Uint8Array;
  /** The packet that an error is about. */
  readonly quoted?: ParsedPacket;
}

export interface ParsedPacket {
  readonly version: 4 | 6;
  readonly from: string;
  readonly to: string;
  readonly ttl: number;
  readonly protocol: number;
  /** IPv4 only. */
  readonly identification: number;
  readonly df: boolean;
  /** Bytes from the IP header to the transport header. */
  readonly headerBytes: number;
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  readonly tcp?: ParsedTcp;
  readonly udp?: ParsedUdp;
  readonly icmp?: ParsedIcmp;
  /** The IP packet, without padding. */
  readonly bytes: Uint8Array;
}

export interface ParsedArp {
  readonly operation: 'request' | 'reply';
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

export interface ParsedFrame {
  readonly toMac: string;
  readonly fromMac: string;
  readonly vlan?: number;
  readonly etherType: number;
  readonly arp?: ParsedArp;
  readonly packet?: ParsedPacket;
  /** The receiver completes the transport checksum. */
  readonly isPartial: boolean;
  /** Payload bytes per segment that the receiver cuts; 0: one wire packet. */
  readonly gsoSize: number;
  readonly bytes: Uint8Array;
}

/** What the virtio-net header leaves to the receiver; `start` counts from the packet. */
interface Offload {
  readonly start: number;
  readonly checkAt: number;
  readonly gsoType: number;
  readonly gsoSize: number;
}

const ERROR_TYPES = [3, 4, 5, 11, 12];

export function parseFrame(bytes: Uint8Array, vnet: Uint8Array): ParsedFrame {
  expect('frame length', bytes.length, bytes.length >= 14, 'at least 14');
  const view = viewOf(bytes);
  let etherType = view.getUint16(12);
  let l3 = 14;
  let vlan: number | undefined;
  if (etherType === 0x8100) {
    vlan = view.getUint16(14) & 0xfff;
    etherType = view.getUint16(16);
    l3 = 18;
  }
  const offload = parseVnet(viewOf(vnet), l3);
  const payload = bytes.subarray(l3);
  const isIp = etherType === 0x0800 || etherType === 0x86dd;
  if (!isIp) expect('offload of a frame that is not IP', vnet[0], offload === undefined, 'none');
  return {
    toMac: macText(bytes.subarray(0, 6)),
    fromMac: macText(bytes.subarray(6, 12)),
    vlan,
    etherType,
    arp: etherType === 0x0806 ? parseArp(payload) : undefined,
    packet: isIp ? parsePacket(payload, etherType === 0x0800 ? 4 : 6, { offload }) : undefined,
    isPartial: offload !== undefined,
    gsoSize: offload?.gsoSize ?? 0,
    bytes,
  };
}

function parseVnet(view: DataView, l3: number): Offload | undefined {
  const flags = view.getUint8(0);
  const gsoType = view.getUint8(1) & 0x7f;
  if ((flags & 1) === 0) {
    expect('GSO type without NEEDS_CSUM', gsoType, gsoType === 0, '0');
    return undefined;
  }
  const gsoSize = gsoType === 0 ? 0 : view.getUint16(4, true);
  if (gsoType !== 0) expect('GSO size', gsoSize, gsoSize > 0, 'more than 0');
  return { start: view.getUint16(6, true) - l3, checkAt: view.getUint16(8, true), gsoType, gsoSize };
}

function parseArp(bytes: Uint8Array): ParsedArp {
  expect('ARP length', bytes.length, bytes.length >= 28, 'at least 28');
  expect(
    'ARP header',
    hexOf(bytes.subarray(0, 6)),
    hexOf(bytes.subarray(0, 6)) === '000108000604',
    '000108000604',
  );
  expect('ARP operation', bytes[7], bytes[7] === 1 || bytes[7] === 2, '1 or 2');
  return {
    operation: bytes[7] === 1 ? 'request' : 'reply',
    senderMac: macText(bytes.subarray(8, 14)),
    senderIp: addressText(bytes.subarray(14, 18)),
    targetMac: macText(bytes.subarray(18, 24)),
    targetIp: addressText(bytes.subarray(24, 28)),
  };
}

interface PacketContext {
  readonly offload?: Offload;
  /** The packet may be cut off anywhere behind its IP header. */
  readonly isQuoted?: boolean;
}

/** Network layer; `available` may be longer than the packet (padding). */
export function parsePacket(
  available: Uint8Array,
  version: 4 | 6,
  context: PacketContext = {},
): ParsedPacket {
  expect('IP version', available[0] >>> 4, available[0] >>> 4 === version, `${version}`);
  return version === 4 ? parseIpv4(available, context) : parseIpv6(available, context);
}

function parseIpv4(available: Uint8Array, context: PacketContext): ParsedPacket {
  const view = viewOf(available);
  const ihl = (available[0] & 15) * 4;
  expect('IPv4 header length', ihl, ihl >= 20 && ihl <= available.length, '20 … 60, and there');
  expectCheck('IPv4 header checksum', onesSum(available.subarray(0, ihl)));
  const total = view.getUint16(2);
  const isWhole = total <= available.length;
  expect(
    'IPv4 total length',
    total,
    total >= ihl && (isWhole || context.isQuoted === true),
    `≤ ${available.length}`,
  );
  const flags = view.getUint16(6);
  const offset = (flags & 0x1fff) * 8;
  const more = (flags & 0x2000) !== 0;
  const packet = {
    version: 4 as const,
    from: addressText(available.subarray(12, 16)),
    to: addressText(available.subarray(16, 20)),
    ttl: available[8],
    protocol: available[9],
    identification: view.getUint16(4),
    df: (flags & 0x4000) !== 0,
    headerBytes: ihl,
    fragment: offset === 0 && !more ? undefined : { offset, more },
    bytes: available.subarray(0, Math.min(total, available.length)),
  };
  return { ...packet, ...parseTransport(packet, total - ihl, context) };
}

function parseIpv6(available: Uint8Array, context: PacketContext): ParsedPacket {
  const view = viewOf(available);
  expect('IPv6 length', available.length, available.length >= 40, 'at least 40');
  const total = 40 + view.getUint16(4);
  const isWhole = total <= available.length;
  expect(
    'IPv6 payload length',
    total - 40,
    isWhole || context.isQuoted === true,
    `≤ ${available.length - 40}`,
  );
  let next = available[6];
  let at = 40;
  let fragment: { offset: number; more: boolean } | undefined;
  while ([0, 43, 44, 60].includes(next) && at + 8 <= available.length) {
    if (next === 44) {
      const word = view.getUint16(at + 2);
      fragment = { offset: word & 0xfff8, more: (word & 1) !== 0 };
    }
    const bytes = next === 44 ? 8 : available[at + 1] * 8 + 8;
    next = available[at];
    at += bytes;
  }
  const packet = {
    version: 6 as const,
    from: addressText(available.subarray(8, 24)),
    to: addressText(available.subarray(24, 40)),
    ttl: available[7],
    protocol: next,
    identification: 0,
    df: true,
    headerBytes: at,
    fragment,
    bytes: available.subarray(0, Math.min(total, available.length)),
  };
  return { ...packet, ...parseTransport(packet, total - at, context) };
}

type Network = Omit<ParsedPacket, 'tcp' | 'udp' | 'icmp'>;
type Transport = Pick<ParsedPacket, 'tcp' | 'udp' | 'icmp'>;

/** `length`: transport bytes that the IP header announces; fewer may be there in a quoted packet. */
function parseTransport(packet: Network, length: number, context: PacketContext): Transport {
  const { offload } = context;
  const segment = packet.bytes.subarray(packet.headerBytes);
  if ((packet.fragment?.offset ?? 0) > 0) return {};
  if (offload !== undefined) expectOffload(packet, offload);
  const isWhole = segment.length === length && packet.fragment === undefined;
  // The header may go on in the next fragment.
  if (packet.fragment !== undefined && segment.length < 20) return {};
  if (packet.protocol === TCP) return parseTcp(packet, segment, isWhole, context);
  if (packet.protocol === UDP) return parseUdp(packet, segment, isWhole, context);
  const isIcmp = packet.protocol === (packet.version === 4 ? ICMP : ICMPV6);
  if (isIcmp && segment.length >= 8) return parseIcmp(packet, segment, isWhole);
  return {};
}

function parseTcp(packet: Network, segment: Uint8Array, isWhole: boolean, context: PacketContext): Transport {
  const quotedShort = context.isQuoted === true && segment.length < 20;
  if (quotedShort) return segment.length < 8 ? {} : { tcp: shortTcp(segment) };
  const view = viewOf(segment);
  expect('TCP length', segment.length, segment.length >= 20, 'at least 20');
  const headerBytes = (segment[12] >>> 4) * 4;
  expect('TCP header length', headerBytes, headerBytes >= 20, 'at least 20');
  if (isWhole) expectTransportCheck('TCP checksum', packet, segment, 16, context);
  return {
    tcp: {
      ...shortTcp(segment),
      acknowledgment: view.getUint32(8),
      flags: flagLetters(segment[13]),
      window: view.getUint16(14),
      options: segment.subarray(20, headerBytes),
      payload: segment.subarray(headerBytes),
    },
  };
}

/** What the first eight bytes tell (RFC 792 quotes no more). */
function shortTcp(segment: Uint8Array): ParsedTcp {
  const view = viewOf(segment);
  const nothing = segment.subarray(0, 0);
  return {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    sequence: view.getUint32(4),
    acknowledgment: 0,
    flags: '',
    window: 0,
    options: nothing,
    payload: nothing,
  };
}

function parseUdp(packet: Network, segment: Uint8Array, isWhole: boolean, context: PacketContext): Transport {
  if (context.isQuoted === true && segment.length < 8) return {};
  const view = viewOf(segment);
  expect('UDP length', segment.length, segment.length >= 8, 'at least 8');
  const length = view.getUint16(4);
  if (isWhole) expect('UDP length field', length, length === segment.length, `${segment.length}`);
  const noChecksum = view.getUint16(6) === 0 && context.offload === undefined;
  if (noChecksum) expect('UDP checksum over IPv6', 0, packet.version === 4, 'not 0');
  else if (isWhole) expectTransportCheck('UDP checksum', packet, segment, 6, context);
  return {
    udp: {
      sourcePort: view.getUint16(0),
      destinationPort: view.getUint16(2),
      noChecksum,
      payload: segment.subarray(8),
    },
  };
}

function parseIcmp(packet: Network, message: Uint8Array, isWhole: boolean): Transport {
  const { version, from, to } = packet;
  const pseudo = version === 4 ? 0 : pseudoHeaderSum(from, to, ICMPV6, message.length);
  if (isWhole) expectCheck(version === 4 ? 'ICMP checksum' : 'ICMPv6 checksum', onesSum(message, pseudo));
  const isError = version === 4 ? ERROR_TYPES.includes(message[0]) : message[0] < 128;
  const body = message.subarray(8);
  return {
    icmp: {
      type: message[0],
      code: message[1],
      rest: viewOf(message).getUint32(4),
      body,
      quoted: isError && isWhole ? parsePacket(body, version, { isQuoted: true }) : undefined,
    },
  };
}

/** The virtio-net header speaks of this very packet's transport header, and of its kind. */
function expectOffload(packet: Network, offload: Offload): void {
  expect('csum_start', offload.start, offload.start === packet.headerBytes, `${packet.headerBytes}`);
  const checkAt = packet.protocol === TCP ? 16 : packet.protocol === UDP ? 6 : 2;
  expect('csum_offset', offload.checkAt, offload.checkAt === checkAt, `${checkAt}`);
  if (offload.gsoType === 0) return;
  const type = packet.protocol === UDP ? 5 : packet.version === 4 ? 1 : 4;
  expect('GSO type', offload.gsoType, offload.gsoType === type, `${type}`);
}

function expectTransportCheck(
  what: string,
  packet: Network,
  segment: Uint8Array,
  checkAt: number,
  { offload, isQuoted }: PacketContext,
): void {
  const pseudo = pseudoHeaderSum(packet.from, packet.to, packet.protocol, segment.length);
  // Zero has two forms in one's complement: both complete to the same checksum.
  const found = viewOf(segment).getUint16(checkAt);
  const isRight = found % 0xffff === pseudo % 0xffff;
  // A packet is quoted as its sender gave it away, which may be before its checksum was completed.
  if (isQuoted === true && isRight) return;
  if (offload === undefined) return expectCheck(what, onesSum(segment, pseudo));
  expect(`${what}, partial`, found, isRight, `the pseudo-header sum ${pseudo}`);
}

/** A sum over bytes that include their checksum is all ones. */
const expectCheck = (what: string, sum: number): void =>
  expect(what, `sum 0x${sum.toString(16)}`, sum === 0xffff, '0xffff');

function expect(what: string, found: unknown, isRight: boolean, expected: string): void {
  if (!isRight) throw new BadFrame(`${what}: found ${found}, expected ${expected}`);
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
