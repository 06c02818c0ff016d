/** SCTP packets, with a CRC32c of their own (RFC 9260 §6.8, appendix A). */

export const SCTP = 132;

/** Bit by bit, least significant first: the polynomial 0x1EDC6F41 reflected. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f6_3b78);
  }
  return ~crc >>> 0;
}

/** A packet with one chunk; the checksum stands in the header least significant byte first. */
export function sctpPacket(sourcePort: number, destinationPort: number, chunk: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + chunk.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint32(4, 0x1234_5678);
  bytes.set(chunk, 12);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}
