/** The hash index against a Map of lists: over millions of steps, with full buckets and equal hashes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUCKET_WORDS, BucketIndex, NONE } from '../../../src/tables/common/bucket-index.ts';
import { Random, runs, seed } from '../../support/seed.ts';

const index = suite('bucket index');

const ENTRIES_PER_BUCKET = 7;

/** All values under a hash, in the index's order. */
function valuesOf(table: BucketIndex, hash: number): number[] {
  const values: number[] = [];
  for (let value = table.find(hash); value !== NONE; value = table.next(hash)) {
    values.push(value);
    if (values.length > 10_000) throw new Error(`hash ${hash}: next() does not end`);
  }
  return values;
}

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

const overflowCounts = (words: Int32Array): number[] =>
  Array.from({ length: words.length / BUCKET_WORDS }, (_, bucket) => words[bucket * BUCKET_WORDS]);

/** The naive twin. */
class Twin {
  readonly lists = new Map<number, number[]>();
  entries = 0;

  insert(hash: number, value: number): void {
    this.lists.set(hash, [...(this.lists.get(hash) ?? []), value]);
    this.entries++;
  }

  remove(hash: number, value: number): boolean {
    const list = this.lists.get(hash) ?? [];
    const at = list.indexOf(value);
    if (at < 0) return false;
    this.lists.set(hash, list.toSpliced(at, 1));
    this.entries--;
    return true;
  }
}

interface Churn {
  readonly buckets: number;
  readonly steps: number;
  /** A hash of the kind that this run is about. */
  readonly hash: (random: Random) => number;
  /** Percent of steps that insert while the index holds less than `target` entries. */
  readonly target: number;
}

function churn({ buckets, steps, hash, target }: Churn, stream: number): void {
  const random = new Random(seed, stream);
  const words = new Int32Array(buckets * BUCKET_WORDS);
  const table = new BucketIndex(words);
  const twin = new Twin();
  const live: [number, number][] = [];
  for (let step = 0; step < steps; step++) {
    const grow = random.chance(live.length < target ? 70 : 30);
    if (grow) {
      const entry: [number, number] = [hash(random), random.below(1_000)];
      const isFull = twin.entries === buckets * ENTRIES_PER_BUCKET;
      assert.is(table.insert(...entry), !isFull, `insert at ${twin.entries} entries`);
      if (isFull) continue;
      twin.insert(...entry);
      live.push(entry);
    } else if (live.length > 0 && random.chance(90)) {
      const at = random.below(live.length);
      const [gone, value] = live[at];
      live[at] = live[live.length - 1];
      live.pop();
      assert.is(table.remove(gone, value), true);
      twin.remove(gone, value);
    } else {
      const [some, value] = [hash(random), random.below(1_000)];
      const isThere = twin.remove(some, value);
      assert.is(table.remove(some, value), isThere, 'remove of what may not be there');
      if (isThere)
        live.splice(
          live.findIndex(([h, v]) => h === some && v === value),
          1,
        );
    }
    if (step % 7 === 0) {
      const asked = live.length > 0 && random.chance(70) ? random.pick(live)[0] : hash(random);
      assert.equal(sorted(valuesOf(table, asked)), sorted(twin.lists.get(asked) ?? []), `hash ${asked}`);
    }
  }
  for (const [gone, value] of live) assert.ok(table.remove(gone, value));
  assert.ok(
    words.every((word) => word === 0),
    'an emptied index is all zeros again, overflow counts too',
  );
}

index('any hashes at the usual load', () => {
  churn({ buckets: 256, steps: runs(900_000), target: 1_000, hash: (random) => random.word() }, 1);
});

index('nearly full: entries live far from their home bucket', () => {
  churn({ buckets: 16, steps: runs(900_000), target: 108, hash: (random) => random.word() }, 2);
});

index('every hash wants the same bucket, and the last one wraps around to the first', () => {
  churn({ buckets: 8, steps: runs(400_000), target: 50, hash: (random) => (random.below(64) << 8) | 7 }, 3);
});

index('few hashes, many values under each', () => {
  churn({ buckets: 32, steps: runs(400_000), target: 120, hash: (random) => random.below(5) - 2 }, 4);
});

index('one bucket only', () => {
  churn({ buckets: 1, steps: runs(100_000), target: 7, hash: (random) => random.below(4) }, 5);
});

index('hash 0 and value 0 are like any other', () => {
  const table = new BucketIndex(new Int32Array(BUCKET_WORDS));
  assert.is(table.find(0), NONE);
  table.insert(0, 0);
  assert.is(table.find(0), 0);
  assert.is(table.next(0), NONE);
  assert.ok(table.remove(0, 0));
  assert.is(table.find(0), NONE);
});

index('the same hash and value may be stored twice, and go one at a time', () => {
  const table = new BucketIndex(new Int32Array(2 * BUCKET_WORDS));
  table.insert(5, 9);
  table.insert(5, 9);
  assert.equal(valuesOf(table, 5), [9, 9]);
  assert.ok(table.remove(5, 9));
  assert.equal(valuesOf(table, 5), [9]);
  assert.ok(table.remove(5, 9));
  assert.not(table.remove(5, 9));
});

index('the largest value is kept', () => {
  const table = new BucketIndex(new Int32Array(BUCKET_WORDS));
  table.insert(-1, 2 ** 31 - 2);
  assert.is(table.find(-1), 2 ** 31 - 2);
});

index('an overflow is counted in every bucket that was passed, and taken back', () => {
  const words = new Int32Array(4 * BUCKET_WORDS);
  const table = new BucketIndex(words);
  for (let i = 0; i < 16; i++) table.insert(2 | (i << 2), i);
  // Bucket 2 is home; 7 stay, 7 go to bucket 3, 2 wrap around to bucket 0.
  assert.equal(overflowCounts(words), [0, 0, 9, 2]);
  for (let i = 0; i < 16; i++) assert.equal(valuesOf(table, 2 | (i << 2)), [i]);
  for (let i = 15; i >= 0; i--) table.remove(2 | (i << 2), i);
  assert.equal(overflowCounts(words), [0, 0, 0, 0]);
});

index('a full index refuses, and a lookup of what is not there ends', () => {
  const table = new BucketIndex(new Int32Array(4 * BUCKET_WORDS));
  for (let i = 0; i < 28; i++) assert.ok(table.insert(i & 1, i));
  assert.not(table.insert(0, 99));
  assert.is(table.find(2), NONE);
  assert.is(table.find(12_345), NONE);
  assert.is(valuesOf(table, 0).length + valuesOf(table, 1).length, 28);
});

index('clear forgets everything', () => {
  const words = new Int32Array(2 * BUCKET_WORDS);
  const table = new BucketIndex(words);
  for (let i = 0; i < 14; i++) table.insert(i, i);
  table.clear();
  assert.ok(words.every((word) => word === 0));
});

index('the words needed keep the load at 60 % at most', () => {
  for (const entries of [1, 4, 5, 100, 1_000, 4_096, 524_288]) {
    const words = BucketIndex.wordsNeeded(entries);
    const places = (words / BUCKET_WORDS) * ENTRIES_PER_BUCKET;
    assert.ok(entries <= places * 0.6, `${entries} entries in ${places} places`);
    assert.ok(
      entries === 1 || entries * 2 > places * 0.3,
      `${entries} entries: ${places} places are too many`,
    );
    assert.not.throws(() => new BucketIndex(new Int32Array(words)));
  }
});

index('memory that is no power of two of buckets is refused', () => {
  for (const words of [0, 1, 15, 17, 3 * BUCKET_WORDS]) {
    assert.throws(
      () => new BucketIndex(new Int32Array(words)),
      /words given, expected 16 times a power of two/,
    );
  }
});

index.run();
