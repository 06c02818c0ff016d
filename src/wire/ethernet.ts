/**
 * Ethernet II (IEEE 802.3 §3.2) with 802.1Q tags. All fields big-endian.
 *
 *   0 destination (6) | 6 source (6) | 12 EtherType | 14 payload
 *   with a tag: 12 TPID 0x8100 or 0x88a8 | 14 TCI: PCP 3, DEI 1, VID 12 | 16 EtherType | 18 payload
 *
 * A MAC address is handled as two numbers: its high 16 bits and its low 32 bits (signed).
 */

export const HEADER_BYTES = 14;
export const SOURCE_OFFSET = 6;
/** Destination and source; behind them come tags, if any. */
export const ADDRESSES_BYTES = 12;
export const TAG_BYTES = 4;
/** Shortest frame without FCS. */
export const MIN_FRAME_BYTES = 60;

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_RARP = 0x8035;
export const TYPE_VLAN = 0x8100;
export const TYPE_QINQ = 0x88a8;
export const TYPE_IPV6 = 0x86dd;

export const destinationHigh = (view: DataView, at: number): number => view.getUint16(at);
export const destinationLow = (view: DataView, at: number): number => view.getInt32(at + 2);
export const sourceHigh = (view: DataView, at: number): number => view.getUint16(at + 6);
export const sourceLow = (view: DataView, at: number): number => view.getInt32(at + 8);
export const etherType = (view: DataView, at: number): number => view.getUint16(at + 12);

/** A MAC wherever it stands, e.g. in an option of ND: its upper 16 bits, and its lower 32. */
export const macHigh = (view: DataView, at: number): number => view.getUint16(at);
export const macLow = (view: DataView, at: number): number => view.getInt32(at + 2);

export function setMac(view: DataView, at: number, high16: number, low32: number): void {
  view.setUint16(at, high16);
  view.setInt32(at + 2, low32);
}

/** A VLAN tag as TPID << 16 | TCI (IEEE 802.1Q §9.3); `at` is its first byte. */
export const tag = (view: DataView, at: number): number => view.getInt32(at);

export function setTag(view: DataView, at: number, tagWord: number): void {
  view.setInt32(at, tagWord);
}

/** Priority (PCP) of the tag behind an Ethernet header's addresses, 0 … 7. */
export const tagPriority = (view: DataView, at: number): number => view.getUint8(at + HEADER_BYTES) >>> 5;
/** VLAN id of the tag behind an Ethernet header's addresses; and the type behind a tag whose TCI is at `tci`. */
export const vlanId = (view: DataView, at: number): number => view.getUint16(at + HEADER_BYTES) & 0xfff;
export const typeBehindTag = (view: DataView, tci: number): number => view.getUint16(tci + 2);

/** Whether an EtherType is a VLAN tag's TPID. */
export const isTag = (type: number): boolean => type === TYPE_VLAN || type === TYPE_QINQ;

/** Group bit: multicast or broadcast. */
export const isGroup = (high16: number): boolean => (high16 & 0x0100) !== 0;

/** Whether source or destination is a group. */
export const hasGroup = (view: DataView, at: number): boolean =>
  ((view.getUint8(at) | view.getUint8(at + 6)) & 1) !== 0;

/**
 * Whether a frame goes to a group address that switches keep for themselves: IEEE 802.1Q table 8-1 (STP, PAUSE, LACP,
 * EAPOL, LLDP), and what vendors use likewise (Cisco's CDP, VTP, PVST+, CFM, uplink fast and ISL; Foundry's FDP).
 */
export function isForReservedGroup(view: DataView, at: number): boolean {
  const high = destinationHigh(view, at);
  if (!isGroup(high)) return false;
  const low = destinationLow(view, at);
  switch (high) {
    case 0x0180:
      return low >>> 4 === 0x0c20_0000;
    case 0x0100:
      return low >>> 4 === 0x00cc_cccc || low === 0x0ccd_cdcd || low === 0x0c00_0000;
    case 0x01e0:
      return low === 0x52cc_cccc;
    default:
      return false;
  }
}

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
