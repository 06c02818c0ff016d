/**
 * ICMPv6 (RFC 4443) and Neighbour Discovery (RFC 4861). The checksum covers a pseudo header too.
 *
 *   Neighbour Solicitation / Advertisement: 0 type 135/136 | 1 code 0 | 2 checksum | 4 flags R S O (NA) |
 *   8 target address (16) | 24 options: type, length in units of 8 bytes, value
 *   Router Solicitation: 0 type 133 | 1 code 0 | 2 checksum | 4 reserved | 8 options
 *   Router Advertisement: 0 type 134 | 1 code 0 | 2 checksum | 4 hop limit | 5 flags M O | 6 router lifetime, s |
 *   8 reachable time, ms | 12 retransmission timer, ms | 16 options
 */
import { addressText } from './address.ts';
import { setMac } from './ethernet.ts';
import * as ipv6 from './ipv6.ts';

export const HEADER_BYTES = 8;
export const ND_BYTES = 24;
/** An ND message with one link-layer address option. */
export const ND_WITH_ADDRESS_BYTES = 32;

/** A router solicitation, and the fixed part of an advertisement. */
export const ROUTER_SOLICITATION_BYTES = 8;
export const ROUTER_ADVERTISEMENT_BYTES = 16;

export const UNREACHABLE = 1;
export const PACKET_TOO_BIG = 2;
export const TIME_EXCEEDED = 3;
export const PARAMETER_PROBLEM = 4;
export const ECHO = 128;
export const ECHO_REPLY = 129;
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
export const REDIRECT = 137;

export const CODE_NO_ROUTE = 0;
export const CODE_ADDRESS_UNREACHABLE = 3;
export const CODE_PORT_UNREACHABLE = 4;
/** Of a parameter problem: no such upper layer here. */
export const CODE_ERRONEOUS_FIELD = 0;
export const CODE_UNKNOWN_NEXT_HEADER = 1;

export const OPTION_SOURCE_LINK_ADDRESS = 1;
export const OPTION_TARGET_LINK_ADDRESS = 2;
export const OPTION_PREFIX = 3;
export const OPTION_MTU = 5;

export const LINK_ADDRESS_OPTION_BYTES = 8;
export const PREFIX_OPTION_BYTES = 32;
export const MTU_OPTION_BYTES = 8;

/** In a prefix option: its addresses are on the link; hosts may make themselves addresses of it. */
export const PREFIX_ON_LINK = 0x80;
export const PREFIX_AUTONOMOUS = 0x40;

export const FLAG_ROUTER = 0x8000_0000 | 0;
export const FLAG_SOLICITED = 0x4000_0000;
export const FLAG_OVERRIDE = 0x2000_0000;

export const type = (view: DataView, at: number): number => view.getUint8(at);
export const code = (view: DataView, at: number): number => view.getUint8(at + 1);
export const targetWord = (view: DataView, at: number, word: number): number =>
  view.getInt32(at + 8 + 4 * word);

export function setTarget(view: DataView, at: number, w0: number, w1: number, w2: number, w3: number): void {
  view.setInt32(at + 8, w0);
  view.setInt32(at + 12, w1);
  view.setInt32(at + 16, w2);
  view.setInt32(at + 20, w3);
}

/** All messages below 128 are errors (RFC 4443 §2.1). */
export const isError = (messageType: number): boolean => messageType < 128;

/**
 * Offset of the link-layer address (6 bytes) in the first option of the wanted type, 0 if there is none, or -1
 * if the options are malformed (RFC 4861 §4.6: a length of zero must be discarded). `fixedBytes`: of the message
 * before its options.
 */
export function linkAddressAt(
  view: DataView,
  at: number,
  end: number,
  wanted: number,
  fixedBytes = ND_BYTES,
): number {
  let option = at + fixedBytes;
  while (option + 2 <= end) {
    const bytes = view.getUint8(option + 1) * 8;
    if (bytes === 0 || option + bytes > end) return -1;
    if (view.getUint8(option) === wanted && bytes === 8) return option + 2;
    option += bytes;
  }
  return 0;
}

/** Sets reachable time and retransmission timer of a router advertisement, in milliseconds; 0: not said. */
export function setReachability(view: DataView, at: number, reachableMs: number, retransmitMs: number): void {
  view.setUint32(at + 8, reachableMs);
  view.setUint32(at + 12, retransmitMs);
}

/** Writes a link-layer address option, 8 bytes (RFC 4861 §4.6.1); `option`: OPTION_…_LINK_ADDRESS. */
export function writeLinkAddressOption(
  view: DataView,
  at: number,
  option: number,
  macHigh: number,
  macLow: number,
): void {
  view.setUint8(at, option);
  view.setUint8(at + 1, 1);
  setMac(view, at + 2, macHigh, macLow);
}

/** Writes an MTU option, 8 bytes (RFC 4861 §4.6.4). */
export function writeMtuOption(view: DataView, at: number, mtu: number): void {
  view.setUint32(at, (OPTION_MTU << 24) | (1 << 16));
  view.setUint32(at + 4, mtu);
}

/** Writes the first half of a prefix option, 16 bytes (RFC 4861 §4.6.2); `flags`: PREFIX_…. The prefix follows. */
export function writePrefixOption(
  view: DataView,
  at: number,
  bits: number,
  flags: number,
  validS: number,
  preferredS: number,
): void {
  view.setUint32(at, (OPTION_PREFIX << 24) | (4 << 16) | (bits << 8) | flags);
  view.setUint32(at + 4, validS);
  view.setUint32(at + 8, preferredS);
  view.setUint32(at + 12, 0);
}

export function setPrefix(view: DataView, at: number, words: Int32Array): void {
  for (let word = 0; word < 4; word++) view.setInt32(at + 16 + 4 * word, words[word]!);
}

/** One line, as tcpdump prints it. `bytes`: of the message; `end`: of the bytes that are there. */
export function format(view: DataView, at: number, bytes: number, end: number): string {
  return `ICMP6, ${formatMessage(view, at, end)}, length ${bytes}`;
}

const UNREACHABLE_TEXTS = [
  'no route to destination',
  'administratively prohibited',
  'beyond scope of source address',
];

function formatMessage(view: DataView, at: number, end: number): string {
  const messageType = type(view, at);
  switch (messageType) {
    case ECHO:
    case ECHO_REPLY: {
      const what = messageType === ECHO ? 'request' : 'reply';
      return `echo ${what}, id ${view.getUint16(at + 4)}, seq ${view.getUint16(at + 6)}`;
    }
    case ROUTER_SOLICITATION:
      return 'router solicitation';
    case ROUTER_ADVERTISEMENT:
      return 'router advertisement';
    case PACKET_TOO_BIG:
      return `packet too big, mtu ${view.getUint32(at + 4)}`;
    case TIME_EXCEEDED:
      return 'time exceeded in-transit';
    case UNREACHABLE:
      return formatUnreachable(view, at, end);
  }
  if (messageType === NEIGHBOUR_SOLICITATION && at + ND_BYTES <= end) {
    return `neighbor solicitation, who has ${addressText(view, at + 8)}`;
  }
  if (messageType === NEIGHBOUR_ADVERTISEMENT && at + ND_BYTES <= end) {
    return `neighbor advertisement, tgt is ${addressText(view, at + 8)}`;
  }
  return `type-#${messageType}`;
}

function formatUnreachable(view: DataView, at: number, end: number): string {
  const quoted = at + HEADER_BYTES;
  const messageCode = code(view, at);
  if (quoted + ipv6.HEADER_BYTES + 4 > end) return 'destination unreachable';
  const destination = addressText(view, quoted + ipv6.SOURCE_OFFSET + 16);
  if (messageCode === CODE_ADDRESS_UNREACHABLE)
    return `destination unreachable, unreachable address ${destination}`;
  if (messageCode === CODE_PORT_UNREACHABLE) {
    const next = ipv6.nextHeader(view, quoted);
    const name = next === 6 ? 'tcp' : next === 17 ? 'udp' : `next header ${next}`;
    return `destination unreachable, unreachable port, ${destination} ${name} port ${view.getUint16(quoted + 42)}`;
  }
  const text = UNREACHABLE_TEXTS[messageCode];
  return text === undefined
    ? `destination unreachable #${messageCode}`
    : `destination unreachable, ${text} ${destination}`;
}
