/**
 * ARP for IPv4 over Ethernet (RFC 826). All fields big-endian.
 *
 *   0 hardware type 1 | 2 protocol type 0x0800 | 4 hlen 6 | 5 plen 4 | 6 operation |
 *   8 sender MAC (6) | 14 sender IP (4) | 18 target MAC (6) | 24 target IP (4)
 */
import { wordsToMac, wordToIpv4 } from './address.ts';

export const BYTES = 28;
/** Behind the sender's address. */
export const SENDER_END = 18;
export const REQUEST = 1;
export const REPLY = 2;
/** "Who am I?", in RARP (RFC 903), which has ARP's format. */
export const REVERSE_REQUEST = 3;

/** True for Ethernet/IPv4 ARP with operation request or reply. */
export const isValid = (view: DataView, at: number): boolean =>
  view.getUint32(at) === 0x0001_0800 &&
  view.getUint16(at + 4) === 0x0604 &&
  (operation(view, at) - 1) >>> 0 < 2;

export const operation = (view: DataView, at: number): number => view.getUint16(at + 6);
export const senderMacHigh = (view: DataView, at: number): number => view.getUint16(at + 8);
export const senderMacLow = (view: DataView, at: number): number => view.getInt32(at + 10);
export const senderIp = (view: DataView, at: number): number => view.getInt32(at + 14);
export const targetMacHigh = (view: DataView, at: number): number => view.getUint16(at + 18);
export const targetMacLow = (view: DataView, at: number): number => view.getInt32(at + 20);
export const targetIp = (view: DataView, at: number): number => view.getInt32(at + 24);

/** Writes the fields in front of sender and target. */
export function write(view: DataView, at: number, op: number): void {
  view.setUint32(at, 0x0001_0800);
  view.setUint16(at + 4, 0x0604);
  view.setUint16(at + 6, op);
}

export function setSender(
  view: DataView,
  at: number,
  macHigh: number,
  macLow: number,
  address: number,
): void {
  view.setUint16(at + 8, macHigh);
  view.setInt32(at + 10, macLow);
  view.setInt32(at + 14, address);
}

export function setTarget(
  view: DataView,
  at: number,
  macHigh: number,
  macLow: number,
  address: number,
): void {
  view.setUint16(at + 18, macHigh);
  view.setInt32(at + 20, macLow);
  view.setInt32(at + 24, address);
}

/** One line, as tcpdump prints it. `bytes`: of the packet and its padding. */
export function format(view: DataView, at: number, bytes: number): string {
  if (bytes < BYTES || !isValid(view, at)) return `ARP, Unknown, length ${bytes}`;
  const sender = wordToIpv4(senderIp(view, at));
  const text =
    operation(view, at) === REQUEST
      ? `Request who-has ${wordToIpv4(targetIp(view, at))} tell ${sender}`
      : `Reply ${sender} is-at ${wordsToMac(senderMacHigh(view, at), senderMacLow(view, at))}`;
  return `ARP, ${text}, length ${bytes}`;
}
