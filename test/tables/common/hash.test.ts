/** The keyed hash against the published formulas in exact integers, and against what an adversary or a client does. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUCKET_WORDS, BucketIndex } from '../../../src/tables/common/bucket-index.ts';
import { Hasher, mix5, mix32 } from '../../../src/tables/common/hash.ts';
import { assertAtMost, assertCount } from '../../support/chance.ts';
import { check, Random, seed } from '../../support/seed.ts';

const multilinear = suite('hash: multilinear');
const mixes = suite('hash: mixes');

/** The secret numbers of a hasher: 13 for the upper half of the hash, 13 for the lower. */
function secretsOf(hasher: Hasher): bigint[] {
  const numbers: unknown = Reflect.get(hasher, 'm');
  assert.instance(numbers, Int32Array);
  return Array.from(numbers as Int32Array, (number) => BigInt(number >>> 0));
}

/** Lemire, Kaser 2014, §3: h(s) = (m1 + Σ m(i+1) s(i)) mod 2^32, of which the upper 16 bits are used. */
function half(secrets: readonly bigint[], offset: bigint, halves: readonly number[]): bigint {
  const sum = halves.reduce((total, value, i) => total + secrets[i] * BigInt(value), offset);
  return (sum & 0xffff_ffffn) >> 16n;
}

const halvesOf = (words: readonly number[]): number[] =>
  words.flatMap((word) => [word >>> 16, word & 0xffff]);

/** The finaliser of MurmurHash3, as its author writes it down. */
function fmix32(word: bigint): bigint {
  let h = word & 0xffff_ffffn;
  h ^= h >> 16n;
  h = (h * 0x85eb_ca6bn) & 0xffff_ffffn;
  h ^= h >> 13n;
  h = (h * 0xc2b2_ae35n) & 0xffff_ffffn;
  return h ^ (h >> 16n);
}

function naive3(hasher: Hasher, words: readonly number[]): bigint {
  const m = secretsOf(hasher);
  const high = half(m.slice(1, 7), m[0], halvesOf(words));
  const low = half(m.slice(14, 20), m[13], halvesOf(words));
  return fmix32((high << 16n) | low);
}

/** Six words: the last three are summed apart, without an offset, and xored with the hash of the first three. */
function naive6(hasher: Hasher, words: readonly number[]): bigint {
  const m = secretsOf(hasher);
  const high = half(m.slice(7, 13), 0n, halvesOf(words.slice(3)));
  const low = half(m.slice(20, 26), 0n, halvesOf(words.slice(3)));
  return fmix32(naive3(hasher, words.slice(0, 3)) ^ ((high << 16n) | low));
}

const word = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0xffff, -0x8000_0000, 0x7fff_ffff, 1));

multilinear('three and six words hash as the formula says, in exact arithmetic', () => {
  check(
    fc.property(
      fc.tuple(word, word),
      fc.tuple(word, word, word, word, word, word),
      (key, [a, b, c, d, e, f]) => {
        const hasher = new Hasher(key);
        assert.is(BigInt(hasher.hash3(a, b, c) >>> 0), naive3(hasher, [a, b, c]));
        assert.is(BigInt(hasher.hash6(a, b, c, d, e, f) >>> 0), naive6(hasher, [a, b, c, d, e, f]));
      },
    ),
    1_000,
  );
});

multilinear('the secret numbers follow from the key, and every bit of the key changes most of them', () => {
  const numbers = secretsOf(new Hasher([1, 2]));
  assert.equal(secretsOf(new Hasher([1, 2])), numbers);
  assert.is(new Set(numbers).size, numbers.length, 'all different');
  for (let bit = 0; bit < 64; bit++) {
    const key: [number, number] = [1 ^ (bit < 32 ? 1 << bit : 0), 2 ^ (bit < 32 ? 0 : 1 << (bit - 32))];
    const same = secretsOf(new Hasher(key)).filter((number, i) => number === numbers[i]);
    assert.is(same.length, 0, `bit ${bit} of the key`);
  }
});

multilinear('whatever two keys one chooses, few secrets let half of their hashes collide', () => {
  // For strongly universal halves, 2^-16 of the secrets collide.
  const pairs: [number[], number[]][] = [
    [
      [0, 0, 0],
      [0, 0, 1],
    ],
    [
      [0x0a01000b, 0x80000050, 6],
      [0x0a01000b, 0x80010050, 6],
    ],
    [
      [0x0a01000b, 0x80000050, 6],
      [0x0a01000c, 0x7fff0050, 6],
    ],
    [
      [0, 0, 0],
      [0x8000_0000 | 0, 0, 0],
    ],
    [
      [0, 0, 0],
      [0x8000_8000 | 0, 0x8000_8000 | 0, 0x8000_8000 | 0],
    ],
    [
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0x8000_0000 | 0, 0, 0],
    ],
    [
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 5, 4, 6],
    ],
    [
      [1, 2, 3, 4, 5, 6],
      [4, 5, 6, 1, 2, 3],
    ],
  ];
  const random = new Random(seed, 1);
  const collisions = pairs.map(() => ({ high: 0, low: 0 }));
  for (let i = 0; i < 1 << 18; i++) {
    const hasher = new Hasher([random.word(), random.word()]);
    const hash = (words: number[]): number =>
      words.length === 3
        ? hasher.hash3(words[0], words[1], words[2])
        : hasher.hash6(words[0], words[1], words[2], words[3], words[4], words[5]);
    pairs.forEach(([one, other], pair) => {
      const difference = hash(one) ^ hash(other);
      if (difference >>> 16 === 0) collisions[pair].high++;
      if ((difference & 0xffff) === 0) collisions[pair].low++;
    });
  }
  collisions.forEach(({ high, low }, pair) => {
    for (const count of [high, low])
      assertAtMost(count, 1 << 18, 2 ** -16, `pair ${pair}: colliding secrets`);
  });
});

/** Buckets that the entries of an index had to pass by, per entry. */
function detours(capacity: number, hashes: Iterable<number>): number {
  const words = new Int32Array(BucketIndex.wordsNeeded(capacity));
  const index = new BucketIndex(words);
  let entries = 0;
  for (const hash of hashes) index.insert(hash, entries++);
  let passed = 0;
  for (let bucket = 0; bucket < words.length; bucket += BUCKET_WORDS) passed += words[bucket];
  return passed / entries;
}

multilinear('sequential client ports fill the buckets as evenly as random numbers, whatever the key', () => {
  // One client opens one connection after the other: forward and reverse keys of 4096 connections in a full table.
  const random = new Random(seed, 2);
  const client = 0x0a01000b;
  function* keys(hasher: Hasher): Generator<number> {
    for (let i = 0; i < 4096; i++) {
      const port = (32_768 + i) << 16;
      yield hasher.hash3(client, port | 80, (1 << 16) | 6);
      yield hasher.hash3(client, port | 8080, ((2 + (i % 5)) << 16) | (1 << 8) | 6);
    }
  }
  // An entry passes 0.026 buckets on average, 0.041 with the worst of 6000 keys; that a key is far worse, as its secret
  // numbers have so many zeros that ports share hashes, is allowed once in 2^20 keys.
  let bad = 0;
  for (let i = 0; i < 200; i++)
    if (detours(8192, keys(new Hasher([random.word(), random.word()]))) > 0.1) bad++;
  assertAtMost(bad, 200, 2 ** -20, 'keys with which an entry passes more than 0.1 buckets');
});

mixes('mix32 is the finaliser of MurmurHash3', () => {
  check(
    fc.property(word, (input) => {
      assert.is(BigInt(mix32(input) >>> 0), fmix32(BigInt(input >>> 0)));
    }),
    1_000,
  );
});

mixes('mix32 is a permutation: different words stay different', () => {
  const seen = new Set<number>();
  for (let i = 0; i < 200_000; i++) seen.add(mix32(i * 21_473));
  assert.is(seen.size, 200_000);
});

mixes('one changed input bit changes every output bit of mix32 about every second time', () => {
  const random = new Random(seed, 3);
  for (let bit = 0; bit < 32; bit++) {
    const flips = new Array<number>(32).fill(0);
    for (let i = 0; i < 1_000; i++) {
      const input = random.word();
      const difference = mix32(input) ^ mix32(input ^ (1 << bit));
      for (let out = 0; out < 32; out++) flips[out] += (difference >>> out) & 1;
    }
    for (const [out, count] of flips.entries()) {
      assertCount(count, 1_000, 0.5, `input bit ${bit} changes output bit ${out}`);
    }
  }
});

mixes('mix5 tells neighbouring addresses and networks apart', () => {
  const hashes = new Set<number>();
  for (let network = 0; network < 8; network++) {
    for (let host = 0; host < 4096; host++) hashes.add(mix5(0x0a010000 + host, 0xffff, 0, 0, network));
  }
  const entries = 8 * 4096;
  // Birthday: 2^15 random 32-bit hashes collide once in eight runs.
  assert.ok(entries - hashes.size < 8, `${entries - hashes.size} collisions among ${entries} keys`);
  assert.ok(detours(entries, hashes) < 0.2);
});

multilinear.run();
mixes.run();
