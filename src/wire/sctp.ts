/**
 * SCTP common header (RFC 9260 §3.1). All fields big-endian, but for the checksum: CRC32c over the whole packet with
 * the field zero, stored in little-endian byte order (appendix A).
 *
 *   0 source port | 2 destination port | 4 verification tag | 8 checksum | 12 chunks
 *
 * The checksum does not cover the IP addresses: only a changed port asks for a new one.
 */

export const HEADER_BYTES = 12;

/** source port << 16 | destination port, signed. */
export const ports = (view: DataView, at: number): number => view.getInt32(at);

/** Castagnoli polynomial 0x1edc6f41, reflected. */
const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** CRC32c of `bytes` bytes from `at` on, the checksum field taken as zero. */
export function checksum(view: DataView, at: number, bytes: number): number {
  let crc = -1;
  for (let i = 0; i < bytes; i++) {
    const byte = i >= 8 && i < 12 ? 0 : view.getUint8(at + i);
    crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

/**
 * What the checksum of a packet of `bytes` bytes changes by (exclusive or) when its first word, the ports, changes by
 * `difference` (exclusive or): a CRC is linear, so a right checksum stays right and a wrong one as wrong as it was.
 */
export function checksumChange(difference: number, bytes: number): number {
  let crc = 0;
  for (let i = 0; i < bytes; i++) {
    const byte = i < 4 ? (difference >>> (24 - 8 * i)) & 0xff : 0;
    crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  return crc >>> 0;
}

/** Brings the checksum of a packet up to date after its ports have changed by `difference` (exclusive or). */
export function applyPortChange(view: DataView, at: number, bytes: number, difference: number): void {
  view.setUint32(at + 8, view.getUint32(at + 8, true) ^ checksumChange(difference, bytes), true);
}
