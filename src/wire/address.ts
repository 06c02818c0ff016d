/**
 * Addresses as text and as numbers: IPv4, IPv6, MAC, prefixes, endpoints.
 *
 * One space for both families: an address is four signed 32-bit words, most significant first, and IPv4 lies
 * in it as IPv4-mapped `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2). Mapped text therefore *is* the IPv4 address here:
 * it parses to the same words and is written back as dotted quad. Prefix lengths count in the same 128-bit
 * space, so 10.0.0.0/8 has 104 bits; where a prefix is matched, its family must match too, or ::/0 would
 * contain every IPv4 address.
 *
 * Canonical text: IPv4 without leading zeros; IPv6 by RFC 5952 (lower case, no leading zeros, the longest run
 * of two or more zero groups as `::`, the first of equals); MAC in lower case with colons. Zone identifiers
 * (`fe80::1%eth0`) are not part of an address and are refused.
 *
 * `parseX`, `xToY` throw AddressError on bad text; `isX` never throws.
 */

export type Family = 4 | 6;

/** Words in an address. */
export const ADDRESS_WORDS = 4;

/** Third word of every IPv4-mapped address; the first two are 0. */
export const MAPPED_WORD = 0xffff;

/** Prefix bits in front of an IPv4-mapped address. */
export const MAPPED_BITS = 96;

/** Text that is no address of the wanted kind. */
export class AddressError extends Error {
  readonly found: string;
  readonly expected: string;

  constructor(found: string, expected: string) {
    super(`found ${JSON.stringify(found)}, expected ${expected}`);
    this.name = 'AddressError';
    this.found = found;
    this.expected = expected;
  }
}

const EXPECTED_ADDRESS = 'an IPv4 or IPv6 address';
const EXPECTED_PREFIX = 'a prefix such as 10.1.0.0/24 or fd00:1::/64';
const EXPECTED_ENDPOINT = 'ADDRESS, ADDRESS:PORT or [IPV6]:PORT with a port of 1 to 65535';
const EXPECTED_MAC = 'a MAC address such as 02:00:00:00:01:0b';

const scratch = new Int32Array(ADDRESS_WORDS);

// ---------------------------------------------------------------------------------------------------------
// Addresses

export const isIpv4 = (text: string): boolean => ipv4Word(text) !== undefined;

/** IPv6 syntax, IPv4-mapped text included. */
export const isIpv6 = (text: string): boolean => readIpv6(text, scratch, 0);

export const isAddress = (text: string): boolean => readAddress(text, scratch, 0);

/** Writes the four words of an address to out[at] … out[at + 3]; returns its family. */
export function addressToWords(text: string, out: Int32Array, at: number): Family {
  // By way of scratch, so that bad text leaves `out` as it was.
  if (!readAddress(text, scratch, 0)) throw new AddressError(text, EXPECTED_ADDRESS);
  out.set(scratch, at);
  return wordsFamily(scratch, 0);
}

/** Family of an address in text form. */
export function addressFamily(text: string): Family {
  if (!readAddress(text, scratch, 0)) throw new AddressError(text, EXPECTED_ADDRESS);
  return wordsFamily(scratch, 0);
}

/** True for an IPv4 address: the first three words of ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
export const isIpv4Mapped = (w0: number, w1: number, w2: number): boolean =>
  (w0 | w1) === 0 && w2 === MAPPED_WORD;

/** 4 if the words are an IPv4-mapped address. */
export const wordsFamily = (words: Int32Array, at: number): Family =>
  isIpv4Mapped(words[at]!, words[at + 1]!, words[at + 2]!) ? 4 : 6;

/** Canonical text of the four words at words[at]. */
export const wordsToAddress = (words: Int32Array, at: number): string =>
  wordsFamily(words, at) === 4 ? wordToIpv4(words[at + 3]!) : wordsToIpv6(words, at);

/** The IPv6 address in 16 bytes of a packet, in RFC 5952 form. */
export function addressText(view: DataView, at: number): string {
  for (let i = 0; i < ADDRESS_WORDS; i++) scratch[i] = view.getInt32(at + 4 * i);
  return wordsToIpv6(scratch, 0);
}

export function canonicalAddress(text: string): string {
  addressToWords(text, scratch, 0);
  return wordsToAddress(scratch, 0);
}

/** Whether a single node can have the address: not unspecified, loopback, multicast, broadcast or class E. */
export function isUnicast(text: string): boolean {
  if (!readAddress(text, scratch, 0)) return false;
  if (wordsFamily(scratch, 0) === 4) {
    const firstOctet = scratch[3]! >>> 24;
    return firstOctet !== 0 && firstOctet !== 127 && firstOctet < 224;
  }
  const [w0, w1, w2, w3] = scratch;
  const unspecifiedOrLoopback = (w0! | w1! | w2!) === 0 && w3! >>> 1 === 0;
  return !unspecifiedOrLoopback && w0! >>> 24 !== 0xff;
}

/** One IPv4 address in host order, as signed 32-bit number: 10.1.0.11 is 0x0a01000b. */
export function ipv4ToWord(text: string): number {
  const word = ipv4Word(text);
  if (word === undefined) throw new AddressError(text, 'an IPv4 address');
  return word;
}

export const wordToIpv4 = (word: number): string =>
  `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;

function readAddress(text: string, out: Int32Array, at: number): boolean {
  const word = ipv4Word(text);
  if (word === undefined) return readIpv6(text, out, at);
  out[at] = 0;
  out[at + 1] = 0;
  out[at + 2] = MAPPED_WORD;
  out[at + 3] = word;
  return true;
}

const DOT = 0x2e;
const DIGIT_0 = 0x30;

/** Character by character, as it is called for each address of a configuration: three times as fast as a regular expression. */
function ipv4Word(text: string): number | undefined {
  if (text.length > 15) return undefined;
  let word = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0) return undefined;
      word = (word << 8) | octet;
      octet = 0;
      digits = 0;
      dots++;
      continue;
    }
    const digit = code - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    // A leading zero is octal to some readers and decimal to others (RFC 6943 §3.1.1): refuse it.
    if (digits > 0 && octet === 0) return undefined;
    octet = octet * 10 + digit;
    digits++;
    if (octet > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? (word << 8) | octet : undefined;
}

/** RFC 4291 §2.2, all three forms. What `out` holds is meaningless if the answer is false. */
function readIpv6(text: string, out: Int32Array, at: number): boolean {
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const head = ipv6Groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? ipv6Groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return false;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return false;
  for (let i = 0; i < ADDRESS_WORDS; i++) out[at + i] = 0;
  for (const [i, group] of head.entries()) putGroup(out, at, i, group);
  for (const [i, group] of tail.entries()) putGroup(out, at, 8 - tail.length + i, group);
  return true;
}

/** The 16-bit groups of one side of `::`; the last one may be a dotted quad where the address ends. */
function ipv6Groups(side: string, endsAddress: boolean): number[] | undefined {
  if (side === '') return [];
  const groups: number[] = [];
  const parts = side.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const quad = endsAddress && i === parts.length - 1 ? ipv4Word(part) : undefined;
    if (quad === undefined) return undefined;
    groups.push(quad >>> 16, quad & 0xffff);
  }
  return groups;
}

function putGroup(out: Int32Array, at: number, index: number, group: number): void {
  out[at + (index >> 1)]! |= index & 1 ? group : group << 16;
}

/** RFC 5952 §4. */
function wordsToIpv6(words: Int32Array, at: number): string {
  let runStart = -1;
  let runGroups = 1; // a single zero group is written out (§4.2.2)
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groupAt(words, at, end) === 0) end++;
    if (end - i > runGroups) {
      runStart = i;
      runGroups = end - i;
    }
    i = end + 1;
  }
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === runStart) {
      text += '::';
      i += runGroups - 1;
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':';
      text += groupAt(words, at, i).toString(16);
    }
  }
  return text;
}

const groupAt = (words: Int32Array, at: number, index: number): number =>
  index & 1 ? words[at + (index >> 1)]! & 0xffff : words[at + (index >> 1)]! >>> 16;

// ---------------------------------------------------------------------------------------------------------
// Prefixes

/** `address/bits`. The words are those written, host bits included: an interface's own address needs them. */
export interface Prefix {
  readonly words: Int32Array;
  /** In the 128-bit space: 96 … 128 for IPv4. */
  readonly bits: number;
  readonly family: Family;
}

export function parsePrefix(text: string): Prefix {
  const prefix = readPrefix(text);
  if (prefix === undefined) throw new AddressError(text, EXPECTED_PREFIX);
  return prefix;
}

export const isPrefix = (text: string): boolean => readPrefix(text) !== undefined;

function readPrefix(text: string): Prefix | undefined {
  const parts = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (parts === null) return undefined;
  const dotted = isIpv4(parts[1]!);
  const bits = Number(parts[2]) + (dotted ? MAPPED_BITS : 0);
  const words = new Int32Array(ADDRESS_WORDS);
  if (bits > 128 || !readAddress(parts[1]!, words, 0)) return undefined;
  return { words, bits, family: wordsFamily(words, 0) === 4 && bits >= MAPPED_BITS ? 4 : 6 };
}

/** Canonical text, host bits kept. */
export function formatPrefix(prefix: Prefix): string {
  return prefix.family === 4
    ? `${wordToIpv4(prefix.words[3]!)}/${prefix.bits - MAPPED_BITS}`
    : `${wordsToIpv6(prefix.words, 0)}/${prefix.bits}`;
}

/** The prefix with its host bits cleared. */
export function networkOf(prefix: Prefix): Prefix {
  const words = prefix.words.map((word, i) => word & prefixMask(prefix.bits, i));
  return { words, bits: prefix.bits, family: prefix.family };
}

/** Mask of word `index` (0 … 3) for a prefix of `bits` (0 … 128). */
export function prefixMask(bits: number, index: number): number {
  const inWord = bits - index * 32;
  if (inWord <= 0) return 0;
  return inWord >= 32 ? -1 : ~(0xffff_ffff >>> inWord);
}

/** Whether the address at words[at] is of the prefix's family and lies in it. */
export const prefixContains = (prefix: Prefix, words: Int32Array, at: number): boolean =>
  wordsFamily(words, at) === prefix.family && sameBits(prefix.words, 0, words, at, prefix.bits);

export const prefixesOverlap = (a: Prefix, b: Prefix): boolean =>
  a.family === b.family && sameBits(a.words, 0, b.words, 0, Math.min(a.bits, b.bits));

function sameBits(a: Int32Array, atA: number, b: Int32Array, atB: number, bits: number): boolean {
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    if (((a[atA + i]! ^ b[atB + i]!) & prefixMask(bits, i)) !== 0) return false;
  }
  return true;
}

// ---------------------------------------------------------------------------------------------------------
// Endpoints: address and port

export interface Endpoint {
  /** Canonical. */
  readonly address: string;
  /** 1 … 65535; absent where the text had none. */
  readonly port?: number;
}

/** `10.1.0.21`, `10.1.0.21:8080`, `fd00::1`, `[fd00::1]` or `[fd00::1]:8080`. */
export function parseEndpoint(text: string): Endpoint {
  const endpoint = readEndpoint(text);
  if (endpoint === undefined) throw new AddressError(text, EXPECTED_ENDPOINT);
  return endpoint;
}

export const isEndpoint = (text: string): boolean => readEndpoint(text) !== undefined;

/** `address:port`, with brackets around IPv6. */
export const formatEndpoint = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

function readEndpoint(text: string): Endpoint | undefined {
  if (isAddress(text)) return { address: canonicalAddress(text) };
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::([1-9]\d{0,4}))?$/.exec(text);
  if (parts === null) return undefined;
  const [, bracketed, plain, portText] = parts;
  if (bracketed !== undefined ? !isIpv6(bracketed) : !isIpv4(plain!)) return undefined;
  const address = canonicalAddress(bracketed ?? plain!);
  if (portText === undefined) return { address };
  return Number(portText) <= 0xffff ? { address, port: Number(portText) } : undefined;
}

// ---------------------------------------------------------------------------------------------------------
// MAC addresses

const MAC_SYNTAX = /^[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i;

/** Six octets of two hex digits, all separated by `:` or all by `-`. */
export const isMac = (text: string): boolean => MAC_SYNTAX.test(text);

/** First two octets, 0 … 0xffff. */
export const macHigh16 = (text: string): number => Number.parseInt(macDigits(text).slice(0, 4), 16);

/** Last four octets as signed 32-bit number. */
export const macLow32 = (text: string): number => Number.parseInt(macDigits(text).slice(4), 16) | 0;

/** Writes the six octets to out[at] … out[at + 5]. */
export function macToBytes(text: string, out: Uint8Array, at: number): void {
  const digits = macDigits(text);
  for (let i = 0; i < 6; i++) out[at + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
}

export const canonicalMac = (text: string): string => colonText(macDigits(text));

export const wordsToMac = (high16: number, low32: number): string =>
  colonText(high16.toString(16).padStart(4, '0') + (low32 >>> 0).toString(16).padStart(8, '0'));

export const bytesToMac = (bytes: Uint8Array, at: number): string =>
  wordsToMac(
    (bytes[at]! << 8) | bytes[at + 1]!,
    (bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!,
  );

/** Group bit of the first octet: broadcast and multicast (IEEE 802). */
export const isGroupMac = (text: string): boolean => (macHigh16(text) & 0x0100) !== 0;

function macDigits(text: string): string {
  if (!isMac(text)) throw new AddressError(text, EXPECTED_MAC);
  return text.toLowerCase().replace(/[:-]/g, '');
}

const colonText = (digits: string): string => digits.match(/../g)!.join(':');
