/**
 * The Internet checksum as RFC 1071 §4.1 describes it: 16-bit words one after the other, every carry brought back
 * at once. Slow, and without a line in common with the code under test.
 */
import { addressBytes } from './addresses.ts';

/** One's-complement sum of the bytes, an odd last one padded with zero, on top of `start`; 0 … 0xffff. */
export function onesSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

/** What stands in a checksum field over `bytes`, in which the field itself is zero. */
export const checksum = (bytes: Uint8Array, start = 0): number => 0xffff - onesSum(bytes, start);

/** Pseudo header of TCP, UDP (RFC 9293 §3.1) and all upper layers over IPv6 (RFC 8200 §8.1), summed. */
export function pseudoHeaderSum(from: string, to: string, protocol: number, length: number): number {
  const rest = Uint8Array.from([length >>> 24, length >>> 16, length >>> 8, length, 0, 0, 0, protocol]);
  return onesSum(rest, onesSum(addressBytes(to), onesSum(addressBytes(from))));
}
