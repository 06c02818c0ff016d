/**
 * IPv6 (RFC 8200 §3). All fields big-endian; `at` is the first byte of the header.
 *
 *    0                   1                   2                   3
 *   |Version| Traffic Class |           Flow Label                  |  0
 *   |         Payload Length        |  Next Header  |   Hop Limit   |  4
 *   |                     Source Address (16)                       |  8
 *   |                  Destination Address (16)                     | 24
 */

export const HEADER_BYTES = 40;
export const SOURCE_OFFSET = 8;
export const DESTINATION_OFFSET = 24;
export const FRAGMENT_HEADER_BYTES = 8;

export const NEXT_HOP_BY_HOP = 0;
export const NEXT_ROUTING = 43;
export const NEXT_FRAGMENT = 44;
export const NEXT_AUTHENTICATION = 51;
export const NEXT_NONE = 59;
export const NEXT_DESTINATION = 60;
export const NEXT_MOBILITY = 135;
export const NEXT_ICMPV6 = 58;

export const version = (view: DataView, at: number): number => view.getUint8(at) >>> 4;
export const payloadLength = (view: DataView, at: number): number => view.getUint16(at + 4);
export const nextHeader = (view: DataView, at: number): number => view.getUint8(at + 6);
export const hopLimit = (view: DataView, at: number): number => view.getUint8(at + 7);
/** Word 0 … 3 of an address, signed. */
export const sourceWord = (view: DataView, at: number, word: number): number =>
  view.getInt32(at + 8 + 4 * word);
export const destinationWord = (view: DataView, at: number, word: number): number =>
  view.getInt32(at + 24 + 4 * word);

export function setSource(view: DataView, at: number, w0: number, w1: number, w2: number, w3: number): void {
  view.setInt32(at + 8, w0);
  view.setInt32(at + 12, w1);
  view.setInt32(at + 16, w2);
  view.setInt32(at + 20, w3);
}

export function setDestination(
  view: DataView,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): void {
  view.setInt32(at + 24, w0);
  view.setInt32(at + 28, w1);
  view.setInt32(at + 32, w2);
  view.setInt32(at + 36, w3);
}

/** Differentiated services code point, 0 … 63 (RFC 2474 §3). */
export const dscp = (view: DataView, at: number): number => (view.getUint16(at) >>> 6) & 0x3f;

/** Sets the differentiated services code point (RFC 2474 §3), 0 … 63; ECN bits stay. */
export function setDscp(view: DataView, at: number, dscp: number): void {
  view.setUint16(at, (view.getUint16(at) & 0xf03f) | (dscp << 6));
}

/**
 * Fragment header (RFC 8200 §4.5), 8 bytes: 0 next header | 1 reserved | 2 offset in 8-byte units << 3 | M flag |
 * 4 identification. `at` is its first byte. The offset is in bytes.
 */
export const fragmentOffset = (view: DataView, at: number): number => view.getUint16(at + 2) & 0xfff8;
export const hasMoreFragments = (view: DataView, at: number): boolean => (view.getUint16(at + 2) & 1) !== 0;
export const fragmentIdentification = (view: DataView, at: number): number => view.getInt32(at + 4);

/** Next header that an extension header names. */
export const nextOfExtension = (view: DataView, at: number): number => view.getUint8(at);

export function setPayloadLength(view: DataView, at: number, bytes: number): void {
  view.setUint16(at + 4, bytes);
}

export function setHopLimit(view: DataView, at: number, hops: number): void {
  view.setUint8(at + 7, hops);
}

export function decrementHopLimit(view: DataView, at: number): void {
  view.setUint8(at + 7, view.getUint8(at + 7) - 1);
}

/** Writes version, lengths, next header and hop limit; the addresses are set apart. */
export function writeFixed(
  view: DataView,
  at: number,
  payloadBytes: number,
  next: number,
  hops: number,
): void {
  view.setUint32(at, 0x6000_0000);
  view.setUint16(at + 4, payloadBytes);
  view.setUint8(at + 6, next);
  view.setUint8(at + 7, hops);
}

/** ff00::/8. */
export const isGroup = (w0: number): boolean => w0 >>> 24 === 0xff;
/** fe80::/10. */
export const isLinkLocal = (w0: number): boolean => w0 >>> 22 === 0x3fa;
export const isUnspecified = (w0: number, w1: number, w2: number, w3: number): boolean =>
  (w0 | w1 | w2 | w3) === 0;
export const isLoopback = (w0: number, w1: number, w2: number, w3: number): boolean =>
  (w0 | w1 | w2) === 0 && w3 === 1;

/** fe80:: with the modified EUI-64 of a MAC (RFC 4291 appendix A). */
export function writeLinkLocal(view: DataView, at: number, macHigh: number, macLow: number): void {
  view.setUint32(at, 0xfe80_0000);
  view.setUint32(at + 4, 0);
  view.setUint16(at + 8, macHigh ^ 0x0200);
  view.setUint8(at + 10, macLow >>> 24);
  view.setUint16(at + 11, 0xfffe);
  view.setUint8(at + 13, macLow >>> 16);
  view.setUint16(at + 14, macLow);
}

/** Headers that may stand between the IPv6 header and the upper layer (RFC 8200 §4); ESP hides what follows. */
export const isExtension = (next: number): boolean =>
  next === NEXT_HOP_BY_HOP ||
  next === NEXT_ROUTING ||
  next === NEXT_FRAGMENT ||
  next === NEXT_DESTINATION ||
  next === NEXT_AUTHENTICATION ||
  next === NEXT_MOBILITY;

/** Of a routing header (RFC 8200 §4.4): hops of its path that the packet has not reached yet. */
export const segmentsLeft = (view: DataView, at: number): number => view.getUint8(at + 3);

/** Bytes of the extension header at `at`, at least 8; its first two bytes are within the packet. */
export function extensionBytes(view: DataView, at: number, next: number): number {
  if (next === NEXT_FRAGMENT) return 8;
  const units = view.getUint8(at + 1);
  return next === NEXT_AUTHENTICATION ? Math.max(8, (units + 2) * 4) : (units + 1) * 8;
}

/** Home address (RFC 6275 §6.3), an option of destination options. */
const OPTION_PAD1 = 0;
const OPTION_HOME_ADDRESS = 0xc9;

/** Whether the destination options header at `at` names another source address; malformed options end the list. */
export function hasHomeAddress(view: DataView, at: number, bytes: number): boolean {
  const end = at + bytes;
  for (let option = at + 2; option < end; ) {
    const type = view.getUint8(option);
    if (type === OPTION_HOME_ADDRESS) return true;
    if (type === OPTION_PAD1) option++;
    else if (option + 1 < end) option += 2 + view.getUint8(option + 1);
    else return false;
  }
  return false;
}

/** The type of the first routing header with segments left, of a packet that has one. */
export function routingTypeAt(view: DataView, l3: number, l4: number): number {
  let next = nextHeader(view, l3);
  for (let at = l3 + HEADER_BYTES; at < l4; ) {
    if (next === NEXT_ROUTING && segmentsLeft(view, at) !== 0) return at + 2;
    const bytes = extensionBytes(view, at, next);
    next = view.getUint8(at);
    at += bytes;
  }
  return l3;
}

/** Where the number of the upper layer stands, in the header before it. `l3`: the IPv6 header; `l4`: the upper layer. */
export function upperLayerFieldAt(view: DataView, l3: number, l4: number): number {
  let field = l3 + 6;
  for (let at = l3 + HEADER_BYTES; at < l4; ) {
    const bytes = extensionBytes(view, at, view.getUint8(field));
    field = at;
    at += bytes;
  }
  return field;
}
