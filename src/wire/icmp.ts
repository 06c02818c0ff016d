/**
 * ICMP (RFC 792): 0 type | 1 code | 2 checksum | 4 rest of header | 8 data. The checksum covers all of it.
 * Messages that carry a packet in error: 3, 11, 12 (and 4, 5, which are not forwarded or made here).
 */
import { wordToIpv4 } from './address.ts';
import * as ipv4 from './ipv4.ts';

export const HEADER_BYTES = 8;

export const ECHO_REPLY = 0;
export const UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO = 8;
/** RFC 1256. */
export const ROUTER_ADVERTISEMENT = 9;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;

export const CODE_NET_UNREACHABLE = 0;
export const CODE_HOST_UNREACHABLE = 1;
export const CODE_PROTOCOL_UNREACHABLE = 2;
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

/** Writes the header, which ICMPv6 has, too, with a checksum of 0; `rest`: its last four bytes. */
export function writeHeader(
  view: DataView,
  at: number,
  messageType: number,
  messageCode: number,
  rest: number,
): void {
  view.setUint32(at, (messageType << 24) | (messageCode << 16));
  view.setUint32(at + 4, rest);
}

/** True for messages that quote the packet which caused them (RFC 1122 §3.2.2). */
export const isError = (messageType: number): boolean =>
  messageType === UNREACHABLE ||
  messageType === TIME_EXCEEDED ||
  messageType === PARAMETER_PROBLEM ||
  messageType === SOURCE_QUENCH ||
  messageType === REDIRECT;

/**
 * One line, as tcpdump prints it. `bytes`: of the message by the IP header; `end`: of the bytes that are there. Errors
 * name the destination of the packet that they quote.
 */
export function format(view: DataView, at: number, bytes: number, end: number): string {
  return `ICMP ${formatMessage(view, at, end)}, length ${bytes}`;
}

function formatMessage(view: DataView, at: number, end: number): string {
  const messageType = type(view, at);
  const messageCode = code(view, at);
  if (messageType === ECHO || messageType === ECHO_REPLY) {
    const what = messageType === ECHO ? 'request' : 'reply';
    return `echo ${what}, id ${identifier(view, at)}, seq ${view.getUint16(at + 6)}`;
  }
  if (messageType === TIME_EXCEEDED && messageCode === 0) return 'time exceeded in-transit';
  if (messageType === TIME_EXCEEDED && messageCode === 1) return 'ip reassembly time exceeded';
  const quoted = at + HEADER_BYTES;
  if (messageType === UNREACHABLE && quoted + ipv4.MIN_HEADER_BYTES <= end) {
    return formatUnreachable(view, at, messageCode, quoted, end);
  }
  return `type-#${messageType}`;
}

function formatUnreachable(
  view: DataView,
  at: number,
  messageCode: number,
  quoted: number,
  end: number,
): string {
  const destination = wordToIpv4(ipv4.destination(view, quoted));
  const protocol = ipv4.protocol(view, quoted);
  const l4 = quoted + ipv4.headerBytes(view, quoted);
  if (messageCode === CODE_NET_UNREACHABLE) return `net ${destination} unreachable`;
  if (messageCode === CODE_HOST_UNREACHABLE) return `host ${destination} unreachable`;
  if (messageCode === 2) return `${destination} protocol ${protocol} unreachable`;
  if (messageCode === CODE_PORT_UNREACHABLE && l4 + 4 <= end) {
    const name = protocol === ipv4.PROTOCOL_TCP ? 'tcp' : protocol === ipv4.PROTOCOL_UDP ? 'udp' : undefined;
    const port = view.getUint16(l4 + 2);
    return name === undefined
      ? `${destination} protocol ${protocol} port ${port} unreachable`
      : `${destination} ${name} port ${port} unreachable`;
  }
  if (messageCode === CODE_FRAGMENTATION_NEEDED) {
    const mtu = view.getUint16(at + 6);
    return `${destination} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
  }
  if (messageCode === CODE_ADMINISTRATIVELY_PROHIBITED) {
    return `host ${destination} unreachable - admin prohibited filter`;
  }
  return `${destination} unreachable - #${messageCode}`;
}
