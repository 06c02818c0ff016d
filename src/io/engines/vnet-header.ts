/** struct virtio_net_hdr_v1 (linux/virtio_net.h), little-endian, in front of every frame in the arena. */
export const VNET_HEADER_BYTES = 12;

/**
 * After a receive whose device wrote `headerBytes` of header right in front of the Ethernet header at `offset`:
 * make the 12 bytes there a whole virtio_net_hdr_v1. The 10-byte form lacks the last field, num_buffers, and so
 * has to start two bytes earlier; the kernel leaves num_buffers of the 12-byte form as it was.
 */
export function completeVnetHeader(bytes: Uint8Array, offset: number, headerBytes: 0 | 10 | 12): void {
  const start = offset - VNET_HEADER_BYTES;
  if (headerBytes === 10) bytes.copyWithin(start, start + 2, offset);
  else if (headerBytes === 0) bytes.fill(0, start, offset);
  bytes[offset - 2] = 0;
  bytes[offset - 1] = 0;
}
