/**
 * UDP (RFC 768). All fields big-endian: 0 source port | 2 destination port | 4 length | 6 checksum.
 * A checksum of 0 means "not computed", allowed over IPv4 only (RFC 8200 §8.1).
 */

export const HEADER_BYTES = 8;
export const CHECK_OFFSET = 6;

/** source port << 16 | destination port, signed. */
export const ports = (view: DataView, at: number): number => view.getInt32(at);
export const destinationPort = (view: DataView, at: number): number => view.getUint16(at + 2);
export const length = (view: DataView, at: number): number => view.getUint16(at + 4);
export const check = (view: DataView, at: number): number => view.getUint16(at + CHECK_OFFSET);

export function setLength(view: DataView, at: number, bytes: number): void {
  view.setUint16(at + 4, bytes);
}

export function setCheck(view: DataView, at: number, value: number): void {
  view.setUint16(at + CHECK_OFFSET, value);
}

/** One line, as tcpdump prints a datagram of a port that it does not know. */
export const format = (view: DataView, at: number): string =>
  `UDP, length ${length(view, at) - HEADER_BYTES}`;
