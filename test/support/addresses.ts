/**
 * Addresses for tests, written without the code under test: text to bytes in network order and back. IPv6 text
 * is made canonical by the platform's URL parser, an independent implementation of RFC 5952.
 */
import { isIPv4, isIPv6 } from 'node:net';

const bytesOf = new Map<string, Uint8Array>();
const textOf = new Map<string, string>();

/** 4 bytes for IPv4, 16 for IPv6. The array is shared: not to be changed. */
export function addressBytes(text: string): Uint8Array {
  let bytes = bytesOf.get(text);
  if (bytes === undefined) {
    bytes = isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : ipv6Bytes(text);
    bytesOf.set(text, bytes);
  }
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array {
  if (!isIPv6(text)) throw new Error(`found ${text}, expected an address`);
  const [head, tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const groups = (side: string | undefined): number[] =>
    side === undefined || side === '' ? [] : side.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = groups(tail);
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** Canonical text of 4 or 16 bytes. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const hex = hexOf(bytes);
  let text = textOf.get(hex);
  if (text === undefined) {
    const groups = hex.match(/.{4}/g) ?? [];
    text = new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
    textOf.set(hex, text);
  }
  return text;
}

/** Four signed words as the tables hold them: IPv4 as ::ffff:a.b.c.d. */
export function addressWords(text: string): [number, number, number, number] {
  const bytes = addressBytes(text);
  const full = bytes.length === 16 ? bytes : Uint8Array.from([...new Array(10).fill(0), 255, 255, ...bytes]);
  const view = new DataView(full.buffer, full.byteOffset);
  return [view.getInt32(0), view.getInt32(4), view.getInt32(8), view.getInt32(12)];
}

/** 6 bytes; shared, not to be changed. */
export function macBytes(text: string): Uint8Array {
  let bytes = bytesOf.get(text);
  if (bytes === undefined) {
    bytes = Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16));
    bytesOf.set(text, bytes);
  }
  return bytes;
}

export const macText = (bytes: Uint8Array): string =>
  Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join(':');

export const hexOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
