/**
 * Ethernet II (IEEE 802.3 §3.2) with 802.1Q tags. All fields big-endian.
 *
 *   0 destination (6) | 6 source (6) | 12 EtherType | 14 payload
 *   with a tag: 12 TPID 0x8100 or 0x88a8 | 14 TCI: PCP 3, DEI 1, VID 12 | 16 EtherType | 18 payload
 *
 * A MAC address is handled as two numbers: its high 16 bits and its low 32 bits (signed).
 */

export const HEADER_BYTES = 14;
/** Destination and source; behind them come tags, if any. */
export const ADDRESSES_BYTES = 12;
export const TAG_BYTES = 4;
/** Shortest frame without FCS. */
export const MIN_FRAME_BYTES = 60;

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_VLAN = 0x8100;
export const TYPE_QINQ = 0x88a8;
export const TYPE_IPV6 = 0x86dd;

export const destinationHigh = (view: DataView, at: number): number => view.getUint16(at);
export const destinationLow = (view: DataView, at: number): number => view.getInt32(at + 2);
export const sourceHigh = (view: DataView, at: number): number => view.getUint16(at + 6);
export const sourceLow = (view: DataView, at: number): number => view.getInt32(at + 8);
export const etherType = (view: DataView, at: number): number => view.getUint16(at + 12);

/** Group bit: multicast or broadcast. */
export const isGroup = (high16: number): boolean => (high16 & 0x0100) !== 0;

export function setDestination(view: DataView, at: number, high16: number, low32: number): void {
  view.setUint16(at, high16);
  view.setInt32(at + 2, low32);
}

export function setSource(view: DataView, at: number, high16: number, low32: number): void {
  view.setUint16(at + 6, high16);
  view.setInt32(at + 8, low32);
}

export function setEtherType(view: DataView, at: number, type: number): void {
  view.setUint16(at + 12, type);
}
