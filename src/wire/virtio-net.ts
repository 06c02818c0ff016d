/**
 * virtio_net_hdr_v1 (linux/virtio_net.h), 12 bytes, little-endian on the machines that Node runs on:
 *
 *   0 flags u8 | 1 gso_type u8 | 2 hdr_len u16 | 4 gso_size u16 | 6 csum_start u16 | 8 csum_offset u16 |
 *   10 num_buffers u16
 *
 * `at` is the offset of the Ethernet header; the vnet header stands in the 12 bytes before it.
 * csum_start counts from the Ethernet header, csum_offset from csum_start.
 */

export const HEADER_BYTES = 12;

export const FLAG_NEEDS_CSUM = 1;
export const FLAG_DATA_VALID = 2;

export const GSO_NONE = 0;
export const GSO_TCPV4 = 1;
export const GSO_UDP_FRAGMENTS = 3;
export const GSO_TCPV6 = 4;
export const GSO_UDP_L4 = 5;
export const GSO_ECN = 0x80;

export const flags = (view: DataView, at: number): number => view.getUint8(at - 12);
export const gsoType = (view: DataView, at: number): number => view.getUint8(at - 11) & ~GSO_ECN;
export const hasEcn = (view: DataView, at: number): boolean => (view.getUint8(at - 11) & GSO_ECN) !== 0;
/** No flags and no GSO: the frame is complete. */
export const isEmpty = (view: DataView, at: number): boolean => view.getUint16(at - 12) === 0;
/** A super-segment, or an ECN bit without one. */
export const isGso = (view: DataView, at: number): boolean => view.getUint8(at - 11) !== GSO_NONE;
/** Payload bytes per segment. */
export const gsoSize = (view: DataView, at: number): number => view.getUint16(at - 8, true);
export const csumStart = (view: DataView, at: number): number => view.getUint16(at - 6, true);
export const csumOffset = (view: DataView, at: number): number => view.getUint16(at - 4, true);

/** No offload: the frame is complete. */
export function clear(view: DataView, at: number): void {
  view.setUint32(at - 12, 0);
  view.setUint32(at - 8, 0);
  view.setUint32(at - 4, 0);
}

/** Moves csum_start and hdr_len when the Ethernet header grows or shrinks by `bytes` (a VLAN tag). */
export function shift(view: DataView, at: number, bytes: number): void {
  if ((view.getUint8(at - 12) & FLAG_NEEDS_CSUM) !== 0)
    view.setUint16(at - 6, view.getUint16(at - 6, true) + bytes, true);
  const headerLength = view.getUint16(at - 10, true);
  if (headerLength !== 0) view.setUint16(at - 10, headerLength + bytes, true);
}
