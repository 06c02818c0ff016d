/**
 * The naive twin of the datapath's rewriting: a packet is described, and its bytes are made from the description,
 * every checksum summed up from nothing. A translated packet is another description. No deltas, no offsets kept.
 */

/** How a transport checksum is given: right, left to the hardware, absent (UDP over IPv4), or off by some amount. */
export type ChecksumKind = 'complete' | 'partial' | 'absent' | { readonly wrongBy: number };

export interface Description {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly sourceMac: string;
  readonly destinationMac: string;
  /** VLAN tags, outermost first: TPID << 16 | TCI. */
  readonly tags: readonly number[];
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly hops: number;
  /** IPv4 options, or IPv6 extension headers as 60 (destination options) with this content; a multiple of 4 or 8 bytes. */
  readonly options: Uint8Array;
  /** TCP: everything but ports and checksum that the header holds. */
  readonly sequence: number;
  readonly flags: number;
  readonly tcpOptions: Uint8Array;
  readonly payload: Uint8Array;
  /** Bytes behind the IP packet. */
  readonly trailer: Uint8Array;
  readonly checksum: ChecksumKind;
}

const PROTOCOL_NUMBER = { tcp: 6, udp: 17 };

export const macBytes = (text: string): number[] =>
  text.split(':').map((octet) => Number.parseInt(octet, 16));

/** IPv4 dotted, or IPv6 with at most one `::`. */
export function addressBytes(text: string): number[] {
  if (text.includes('.')) return text.split('.').map(Number);
  const [head, tail] = text
    .split('::')
    .map((side) => side.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)])));
  const groups =
    tail === undefined ? head! : [...head!, ...new Array(8 - head!.length - tail.length).fill(0), ...tail];
  return groups.flatMap((group) => [group >> 8, group & 255]);
}

/** One's-complement sum, carry by carry. */
export function onesSum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const be16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const be32 = (value: number): number[] => [...be16(value >>> 16), ...be16(value)];

/** Bytes of the transport header and payload, with the checksum field as the description wants it. */
function transport(d: Description): number[] {
  const ports = [...be16(d.sourcePort), ...be16(d.destinationPort)];
  const tcpWords = 5 + d.tcpOptions.length / 4;
  const segment =
    d.protocol === 'tcp'
      ? [
          ...ports,
          ...be32(d.sequence),
          ...be32(0x01020304),
          tcpWords << 4,
          d.flags,
          ...be16(0x2000),
          0,
          0,
          0,
          0,
          ...d.tcpOptions,
          ...d.payload,
        ]
      : [...ports, ...be16(8 + d.payload.length), 0, 0, ...d.payload];
  const pseudo = [...addressBytes(d.source), ...addressBytes(d.destination)];
  pseudo.push(...be32(segment.length), ...be32(PROTOCOL_NUMBER[d.protocol]));
  const at = d.protocol === 'tcp' ? 16 : 6;
  const check = checkField(d, onesSum(pseudo), onesSum([...pseudo, ...segment]));
  segment.splice(at, 2, ...be16(check));
  return segment;
}

function checkField(d: Description, pseudoSum: number, wholeSum: number): number {
  if (d.checksum === 'absent') return 0;
  if (d.checksum === 'partial') return pseudoSum;
  const right = 0xffff - wholeSum;
  if (d.checksum === 'complete') return d.protocol === 'udp' && right === 0 ? 0xffff : right;
  const wrong = (right + d.checksum.wrongBy) % 0xffff;
  return d.protocol === 'udp' && wrong === 0 ? 0xffff : wrong;
}

function network(d: Description): number[] {
  const segment = transport(d);
  if (d.family === 6) {
    const extension = d.options.length === 0 ? [] : [PROTOCOL_NUMBER[d.protocol], d.options.length / 8 - 1];
    extension.push(...d.options.slice(2));
    const next = d.options.length === 0 ? PROTOCOL_NUMBER[d.protocol] : 60;
    const length = be16(extension.length + segment.length);
    const addresses = [...addressBytes(d.source), ...addressBytes(d.destination)];
    return [0x60, 0x0b, 0xcd, 0xef, ...length, next, d.hops, ...addresses, ...extension, ...segment];
  }
  const headerBytes = 20 + d.options.length;
  const header = [0x40 | (headerBytes / 4), 0xb8, ...be16(headerBytes + segment.length), 0x12, 0x34, 0x40, 0];
  header.push(d.hops, PROTOCOL_NUMBER[d.protocol], 0, 0, ...addressBytes(d.source));
  header.push(...addressBytes(d.destination), ...d.options);
  header.splice(10, 2, ...be16(0xffff - onesSum(header)));
  return [...header, ...segment];
}

export function frameOf(d: Description): Uint8Array {
  const type = d.family === 4 ? 0x0800 : 0x86dd;
  return Uint8Array.from([
    ...macBytes(d.destinationMac),
    ...macBytes(d.sourceMac),
    ...d.tags.flatMap(be32),
    ...be16(type),
    ...network(d),
    ...d.trailer,
  ]);
}

/** The 12 bytes in front of a frame: NEEDS_CSUM with its two offsets where the checksum is partial, else nothing. */
export function vnetHeaderOf(d: Description): Uint8Array {
  const header = new Uint8Array(12);
  if (d.checksum !== 'partial') return header;
  const start = 14 + 4 * d.tags.length + (d.family === 4 ? 20 : 40) + d.options.length;
  header.set([1, 0, 0, 0, 0, 0, start & 255, start >> 8, d.protocol === 'tcp' ? 16 : 6, 0]);
  return header;
}

/** Where both ends of a packet change places: what the other side would send back with the same contents. */
export const mirrored = (d: Description, sourceMac: string, destinationMac: string): Description => ({
  ...d,
  sourceMac,
  destinationMac,
  source: d.destination,
  destination: d.source,
  sourcePort: d.destinationPort,
  destinationPort: d.sourcePort,
});
