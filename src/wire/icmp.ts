/**
 * ICMP (RFC 792): 0 type | 1 code | 2 checksum | 4 rest of header | 8 data. The checksum covers all of it.
 * Messages that carry a packet in error: 3, 11, 12 (and 4, 5, which are not forwarded or made here).
 */

export const HEADER_BYTES = 8;

export const ECHO_REPLY = 0;
export const UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO = 8;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;

export const CODE_NET_UNREACHABLE = 0;
export const CODE_HOST_UNREACHABLE = 1;
export const CODE_PORT_UNREACHABLE = 3;
export const CODE_FRAGMENTATION_NEEDED = 4;
export const CODE_ADMINISTRATIVELY_PROHIBITED = 13;

export const type = (view: DataView, at: number): number => view.getUint8(at);
export const code = (view: DataView, at: number): number => view.getUint8(at + 1);
export const check = (view: DataView, at: number): number => view.getUint16(at + 2);
/** Identifier of an echo request or reply, 16 bits; ICMPv6 has it in the same place. */
export const identifier = (view: DataView, at: number): number => view.getUint16(at + 4);

export function setType(view: DataView, at: number, value: number): void {
  view.setUint8(at, value);
}

export function setCheck(view: DataView, at: number, value: number): void {
  view.setUint16(at + 2, value);
}

export function setIdentifier(view: DataView, at: number, value: number): void {
  view.setUint16(at + 4, value);
}

/** True for messages that quote the packet which caused them (RFC 1122 §3.2.2). */
export const isError = (messageType: number): boolean =>
  messageType === UNREACHABLE ||
  messageType === TIME_EXCEEDED ||
  messageType === PARAMETER_PROBLEM ||
  messageType === SOURCE_QUENCH ||
  messageType === REDIRECT;
