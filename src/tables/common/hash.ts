/**
 * Hashing of keys that come from the wire.
 *
 * Multilinear hashing (Lemire, Kaser: "Strongly universal string hashing is fast", 2014): the key's 16-bit halves are
 * multiplied by secret random 32-bit numbers and summed modulo 2^32; the upper 17 bits of the sum are strongly
 * universal. Two such sums give 32 bits, and a bijective finaliser spreads them: sums alone are linear, so
 * consecutive keys (a client's successive ports) would map to consecutive buckets. Without the secret numbers, any
 * two keys collide in a half with probability 2^-16, whatever the keys, so packets cannot be aimed at one bucket. The
 * multiplications are independent, so a CPU overlaps them: 7 ns for an IPv4 key and 12 ns for an IPv6 one, where
 * HalfSipHash-1-3 takes 17 and 25 (a chain of 7 and 10 dependent rounds).
 */

/** Halves of the longest key: six words. */
const MAX_HALVES = 12;

/** The secret numbers of one table, drawn from a 64-bit key. */
export class Hasher {
  private readonly m: Int32Array;

  constructor(key: readonly [number, number]) {
    const m = new Int32Array(2 * (MAX_HALVES + 1));
    let state0 = key[0] | 0;
    let state1 = key[1] | 0;
    for (let i = 0; i < m.length; i++) {
      // SplitMix32 of a Weyl sequence on each half of the key.
      state0 = (state0 + 0x9e3779b9) | 0;
      state1 = (state1 + 0x85ebca77) | 0;
      m[i] = mix32(state0 ^ mix32(state1));
    }
    this.m = m;
  }

  /** Hash of three words: the IPv4 form of a key. */
  hash3(a: number, b: number, c: number): number {
    const m = this.m;
    const a1 = a >>> 16;
    const a0 = a & 0xffff;
    const b1 = b >>> 16;
    const b0 = b & 0xffff;
    const c1 = c >>> 16;
    const c0 = c & 0xffff;
    const high =
      m[0]! +
      Math.imul(m[1]!, a1) +
      Math.imul(m[2]!, a0) +
      Math.imul(m[3]!, b1) +
      Math.imul(m[4]!, b0) +
      Math.imul(m[5]!, c1) +
      Math.imul(m[6]!, c0);
    const low =
      m[13]! +
      Math.imul(m[14]!, a1) +
      Math.imul(m[15]!, a0) +
      Math.imul(m[16]!, b1) +
      Math.imul(m[17]!, b0) +
      Math.imul(m[18]!, c1) +
      Math.imul(m[19]!, c0);
    return mix32((high & 0xffff_0000) | ((low | 0) >>> 16));
  }

  /** Hash of six words: the IPv6 form of a key. */
  hash6(a: number, b: number, c: number, d: number, e: number, f: number): number {
    const m = this.m;
    const first = this.hash3(a, b, c);
    const d1 = d >>> 16;
    const d0 = d & 0xffff;
    const e1 = e >>> 16;
    const e0 = e & 0xffff;
    const f1 = f >>> 16;
    const f0 = f & 0xffff;
    const high =
      Math.imul(m[7]!, d1) +
      Math.imul(m[8]!, d0) +
      Math.imul(m[9]!, e1) +
      Math.imul(m[10]!, e0) +
      Math.imul(m[11]!, f1) +
      Math.imul(m[12]!, f0);
    const low =
      Math.imul(m[20]!, d1) +
      Math.imul(m[21]!, d0) +
      Math.imul(m[22]!, e1) +
      Math.imul(m[23]!, e0) +
      Math.imul(m[24]!, f1) +
      Math.imul(m[25]!, f0);
    return mix32(first ^ ((high & 0xffff_0000) | ((low | 0) >>> 16)));
  }
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
export function mix32(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * A short unkeyed mix for tables whose contents an operator or a bounded learner chooses, where a collision only
 * costs a longer probe. 3 ns.
 */
export function mix5(a: number, b: number, c: number, d: number, e: number): number {
  return mix32(
    Math.imul(a, 0x9e3779b1) ^
      Math.imul(b, 0x85ebca6b) ^
      Math.imul(c, 0xc2b2ae35) ^
      Math.imul(d, 0x27d4eb2f) ^
      e,
  );
}
