/**
 * IPv4 (RFC 791 §3.1). All fields big-endian; `at` is the first byte of the header.
 *
 *    0                   1                   2                   3
 *   |Version|  IHL  |    DSCP/ECN   |          Total Length         |  0
 *   |         Identification        |Flags|     Fragment Offset     |  4
 *   |      TTL      |    Protocol   |        Header Checksum        |  8
 *   |                        Source Address                         | 12
 *   |                     Destination Address                       | 16
 *   |                   Options (0 … 40 bytes)                      | 20
 */
import { checkOf, delta16, replace } from './checksum.ts';

export const MIN_HEADER_BYTES = 20;
export const CHECK_OFFSET = 10;
export const SOURCE_OFFSET = 12;
export const DESTINATION_OFFSET = 16;
export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_SCTP = 132;

export const FLAG_DF = 0x4000;
export const FLAG_MF = 0x2000;

/** Options: one byte each for these two; all others are type, length of the whole option, data. */
export const OPTION_END = 0;
export const OPTION_NO_OPERATION = 1;
/** Flag of an option's type: it is copied into every fragment. */
export const OPTION_COPIED = 0x80;

/** Loose and strict source route (RFC 791 §3.1); their third byte points at the next hop, counted from 1. */
const OPTION_LOOSE_ROUTE = 131;
const OPTION_STRICT_ROUTE = 137;

/** Whether options from `at` to `end` name hops that the packet has not reached yet; malformed ones end the list. */
export function hasHopsLeft(view: DataView, at: number, end: number): boolean {
  while (at < end) {
    const type = view.getUint8(at);
    if (type === OPTION_END) return false;
    const isNoOperation = type === OPTION_NO_OPERATION;
    const bytes = isNoOperation ? 1 : at + 1 < end ? view.getUint8(at + 1) : 0;
    if (at + bytes > end || (!isNoOperation && bytes < 2)) return false;
    const isRoute = type === OPTION_LOOSE_ROUTE || type === OPTION_STRICT_ROUTE;
    if (isRoute && bytes >= 3 && view.getUint8(at + 2) <= bytes) return true;
    at += bytes;
  }
  return false;
}

export const version = (view: DataView, at: number): number => view.getUint8(at) >>> 4;
export const headerBytes = (view: DataView, at: number): number => (view.getUint8(at) & 15) << 2;
export const totalLength = (view: DataView, at: number): number => view.getUint16(at + 2);
export const identification = (view: DataView, at: number): number => view.getUint16(at + 4);
/** Flags and fragment offset in 8-byte units. */
export const fragmentWord = (view: DataView, at: number): number => view.getUint16(at + 6);
export const ttl = (view: DataView, at: number): number => view.getUint8(at + 8);
export const protocol = (view: DataView, at: number): number => view.getUint8(at + 9);
export const headerCheck = (view: DataView, at: number): number => view.getUint16(at + CHECK_OFFSET);
export const source = (view: DataView, at: number): number => view.getInt32(at + SOURCE_OFFSET);
export const destination = (view: DataView, at: number): number => view.getInt32(at + DESTINATION_OFFSET);
/** Words 0 … 4 of the fixed header, for callers that check all of it at once. */
export const headerWord = (view: DataView, at: number, word: number): number => view.getInt32(at + 4 * word);

export function setHeaderCheck(view: DataView, at: number, check: number): void {
  view.setUint16(at + 10, check);
}

export function setTotalLength(view: DataView, at: number, bytes: number): void {
  view.setUint16(at + 2, bytes);
}

/** Flags and fragment offset in 8-byte units. */
export function setFragmentWord(view: DataView, at: number, word: number): void {
  view.setUint16(at + 6, word);
}

export function setSource(view: DataView, at: number, address: number): void {
  view.setInt32(at + 12, address);
}

export function setDestination(view: DataView, at: number, address: number): void {
  view.setInt32(at + 16, address);
}

/** Differentiated services code point, 0 … 63 (RFC 2474 §3). */
export const dscp = (view: DataView, at: number): number => view.getUint8(at + 1) >>> 2;

/** Sets the differentiated services code point (RFC 2474 §3), 0 … 63; ECN bits stay, checksum by delta. */
export function setDscpWithChecksum(view: DataView, at: number, dscp: number): void {
  const was = view.getUint16(at);
  const now = (was & 0xff03) | (dscp << 2);
  view.setUint16(at, now);
  view.setUint16(at + 10, replace(view.getUint16(at + 10), delta16(was, now)));
}

export function setIdentification(view: DataView, at: number, value: number): void {
  view.setUint16(at + 4, value);
}

export function setTtlWithChecksum(view: DataView, at: number, timeToLive: number): void {
  const was = view.getUint16(at + 8);
  const now = (timeToLive << 8) | (was & 0xff);
  view.setUint16(at + 8, now);
  setHeaderCheck(view, at, replace(headerCheck(view, at), delta16(was, now)));
}

/** One hop: TTL - 1, checksum by delta. */
export function decrementTtlWithChecksum(view: DataView, at: number): void {
  const was = view.getUint16(at + 8);
  view.setUint16(at + 8, was - 0x100);
  view.setUint16(at + 10, replace(view.getUint16(at + 10), delta16(was, was - 0x100)));
}

/**
 * Writes a header without options and with its checksum; the addresses are in place. DF set, identification 0 (RFC 6864
 * §4.1).
 */
export function write(
  view: DataView,
  at: number,
  totalBytes: number,
  timeToLive: number,
  protocolNumber: number,
): void {
  view.setUint16(at, 0x4500);
  view.setUint16(at + 2, totalBytes);
  view.setUint32(at + 4, FLAG_DF);
  view.setUint8(at + 8, timeToLive);
  view.setUint8(at + 9, protocolNumber);
  view.setUint16(at + 10, 0);
  view.setUint16(at + 10, checkOf(view, at, MIN_HEADER_BYTES, 0));
}

/** True for addresses that no packet may come from: multicast, limited broadcast, loopback, "this network" other than 0.0.0.0. */
export function isBadSource(address: number): boolean {
  const first = address >>> 24;
  return first >= 224 || first === 127 || (first === 0 && address !== 0);
}

/** 224.0.0.0/4 or 255.255.255.255. */
export const isGroup = (address: number): boolean => address >>> 28 === 14 || address === -1;
