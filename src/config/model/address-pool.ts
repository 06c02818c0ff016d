/**
 * Pools of addresses: prefixes and ranges, of which single addresses are taken. An IPv4 prefix leaves out its first
 * and last address (network and broadcast), an IPv6 prefix its first (the routers' anycast address, RFC 4291 §2.6.1).
 */
import {
  ADDRESS_WORDS,
  addressToWords,
  canonicalAddress,
  type Family,
  isAddress,
  isPrefix,
  parsePrefix,
  prefixMask,
  wordsFamily,
  wordsToAddress,
} from '../../wire/address.ts';

/** Addresses that are looked at in one pool before it counts as used up. */
const MAX_TRIED = 65_536;

export interface Pool {
  readonly family: Family;
  /** Four words each, both ends included. */
  readonly first: Int32Array;
  readonly last: Int32Array;
}

/** `10.1.0.128/25` or `10.1.0.50-10.1.0.99`. */
export const isPool = (text: string): boolean => readPool(text) !== undefined;

/** Throws TypeError on text that is no pool. */
export function parsePool(text: string): Pool {
  const pool = readPool(text);
  if (pool === undefined) throw new TypeError(`found ${JSON.stringify(text)}, expected a prefix or a range`);
  return pool;
}

/** The first address of the pool for which `isTaken` is false; undefined if all that were looked at are taken. */
export function firstFree(pool: Pool, isTaken: (address: string) => boolean): string | undefined {
  const words = pool.first.slice();
  for (let tried = 0; tried < MAX_TRIED && compare(words, pool.last) <= 0; tried++) {
    const address = wordsToAddress(words, 0);
    if (!isTaken(address)) return address;
    step(words, 1);
  }
  return undefined;
}

/** As `firstFree`, from the pool's end. */
export function lastFree(pool: Pool, isTaken: (address: string) => boolean): string | undefined {
  const words = pool.last.slice();
  for (let tried = 0; tried < MAX_TRIED && compare(words, pool.first) >= 0; tried++) {
    const address = wordsToAddress(words, 0);
    if (!isTaken(address)) return address;
    step(words, -1);
  }
  return undefined;
}

/** An address as text or as four words. */
export function poolContains(pool: Pool, address: string | Int32Array): boolean {
  const words = typeof address === 'string' ? wordsOf(address) : address;
  return (
    wordsFamily(words, 0) === pool.family && compare(words, pool.first) >= 0 && compare(words, pool.last) <= 0
  );
}

function readPool(text: string): Pool | undefined {
  if (isPrefix(text)) return subnetPool(text);
  const ends = text.split('-').map((end) => end.trim());
  if (ends.length !== 2 || !ends.every(isAddress)) return undefined;
  const [first, last] = ends.map((end) => wordsOf(canonicalAddress(end))) as [Int32Array, Int32Array];
  const family = wordsFamily(first, 0);
  if (wordsFamily(last, 0) !== family || compare(first, last) > 0) return undefined;
  return { family, first, last };
}

/** The host addresses of a prefix. */
export function subnetPool(text: string): Pool {
  const { words, bits, family } = parsePrefix(text);
  const first = words.map((word, i) => word & prefixMask(bits, i));
  const last = words.map((word, i) => word | ~prefixMask(bits, i));
  const hosts = 128 - bits;
  if (hosts > 1) {
    step(first, 1);
    if (family === 4) step(last, -1);
  }
  return { family, first, last };
}

function wordsOf(address: string): Int32Array {
  const words = new Int32Array(ADDRESS_WORDS);
  addressToWords(address, words, 0);
  return words;
}

/** As unsigned 128-bit numbers. */
function compare(a: Int32Array, b: Int32Array): number {
  for (let i = 0; i < ADDRESS_WORDS; i++) {
    const difference = (a[i]! >>> 0) - (b[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Adds 1 or -1, with carry. */
function step(words: Int32Array, by: 1 | -1): void {
  for (let i = ADDRESS_WORDS - 1; i >= 0; i--) {
    words[i]! += by;
    if (words[i] !== (by === 1 ? 0 : -1)) return;
  }
}
