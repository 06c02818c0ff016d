/**
 * Echo requests and replies as packets of flows (RFC 5508 §3): the identifier stands for the client's port, and the
 * service side has port 0. A request's "ports" are identifier << 16, its reply's are the identifier.
 */
import * as icmp from '../../wire/icmp.ts';
import * as icmpv6 from '../../wire/icmpv6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';

export const requestType = (isIpv4: boolean): number => (isIpv4 ? icmp.ECHO : icmpv6.ECHO);
export const replyType = (isIpv4: boolean): number => (isIpv4 ? icmp.ECHO_REPLY : icmpv6.ECHO_REPLY);

/** ICMP or ICMPv6. */
export const isIcmp = (protocol: number): boolean =>
  protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMPV6;

/** Whether a message of an upper-layer protocol and type is an echo request or reply of the family. */
export const isEcho = (isIpv4: boolean, protocol: number, type: number): boolean =>
  protocol === (isIpv4 ? ipv4.PROTOCOL_ICMP : ipv6.NEXT_ICMPV6) &&
  (type === requestType(isIpv4) || type === replyType(isIpv4));

/** "Ports" of an ICMP message; 0 if it is not an echo. */
export function echoPorts(isIpv4: boolean, type: number, identifier: number): number {
  if (type === requestType(isIpv4)) return identifier << 16;
  return type === replyType(isIpv4) ? identifier : 0;
}

/** The identifier in an echo's "ports". */
export const identifierOf = (ports: number): number => (ports >>> 16) | (ports & 0xffff);
