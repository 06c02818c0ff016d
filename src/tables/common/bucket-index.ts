/**
 * Hash index from 32-bit hash to row number, one cache line per bucket.
 *
 * Theory of operation. A bucket is 16 words = 64 bytes: word 0 counts the entries that overflowed from this bucket;
 * words 1-7 are the hashes of its seven entries, words 9-15 their values plus one (0: empty). An entry is in its home
 * bucket (hash & mask) or, if that is full, in the next bucket with room. A lookup continues past a bucket only while
 * its overflow count is not zero, so deletion needs no tombstones: it decrements the counts along the entry's way. At
 * the load that Tables keeps (≤ 60 %), 2 % of entries overflow, and a lookup touches one line of the index.
 *
 * Inside a bucket the search starts at a place derived from the hash and wraps around, so that most lookups end at
 * the first comparison, as the branch predictor expects.
 *
 * The index stores full 32-bit hashes; keys are compared by the caller, who asks `find` for the first candidate and
 * `next` for further ones. Values are 0 … 2^31-2. Nothing is allocated, nothing throws.
 */

export const BUCKET_WORDS = 16;
const ENTRIES = 7;
/** All bits of bucket numbers: after masking, V8 knows the value's range and omits overflow checks. */
const BUCKET_MASK = 0x3ff_ffff;
const HASHES = 1;
/** From the hash of an entry to its value. */
const VALUE = 8;

/** No (further) candidate. */
export const NONE = -1;

/** Start of the search for a hash within its bucket: 0 … 6. */
const startOf = (hash: number): number => Math.imul(hash >>> 16, ENTRIES) >>> 16;

export class BucketIndex {
  private readonly words: Int32Array;
  private readonly mask: number;
  /** Position of the last candidate, for `next`. */
  private cursorBucket = 0;
  private cursorTried = 0;
  private cursorHops = 0;

  /** Words needed for up to `entries` entries at a load of at most 60 %. */
  static wordsNeeded(entries: number): number {
    let buckets = 1;
    while (buckets * ENTRIES * 0.6 < entries) buckets *= 2;
    return buckets * BUCKET_WORDS;
  }

  constructor(words: Int32Array) {
    const buckets = words.length / BUCKET_WORDS;
    if (!Number.isInteger(buckets) || (buckets & (buckets - 1)) !== 0 || buckets === 0) {
      throw new RangeError(`bucket index: ${words.length} words given, expected 16 times a power of two`);
    }
    this.words = words;
    this.mask = buckets - 1;
  }

  /** First value stored under this hash, or NONE. */
  find(hash: number): number {
    const words = this.words;
    const bucket = hash & this.mask;
    const at = bucket * BUCKET_WORDS + HASHES + startOf(hash);
    this.cursorBucket = bucket;
    this.cursorHops = 0;
    this.cursorTried = 1;
    if (words[at] === hash && words[at + VALUE] !== 0) return words[at + VALUE]! - 1;
    return this.next(hash);
  }

  /** A value stored under this hash in its home bucket, or NONE; others may be in further ones. */
  findAtHome(hash: number): number {
    const words = this.words;
    const base = (hash & this.mask & BUCKET_MASK) * BUCKET_WORDS;
    let at = base + HASHES + startOf(hash);
    for (let i = 0; i < ENTRIES; i++) {
      // An empty place has value 0: NONE.
      if (words[at] === hash) {
        const value = words[at + VALUE]! - 1;
        if (value !== NONE) return value;
      }
      if (++at === base + HASHES + ENTRIES) at = base + HASHES;
    }
    return NONE;
  }

  /** Prefetches the bucket of a hash. */
  touch(hash: number): number {
    return this.words[(hash & this.mask & BUCKET_MASK) * BUCKET_WORDS]!;
  }

  /** Another value stored under this hash; valid right after `find` or `next`. */
  next(hash: number): number {
    const words = this.words;
    const start = startOf(hash);
    let bucket = this.cursorBucket;
    let tried = this.cursorTried;
    for (;;) {
      const base = bucket * BUCKET_WORDS;
      for (; tried < ENTRIES; tried++) {
        const entry = start + tried < ENTRIES ? start + tried : start + tried - ENTRIES;
        const at = base + HASHES + entry;
        if (words[at] === hash && words[at + VALUE] !== 0) {
          this.cursorBucket = bucket;
          this.cursorTried = tried + 1;
          return words[at + VALUE]! - 1;
        }
      }
      if (words[base] === 0 || ++this.cursorHops > this.mask) return NONE;
      bucket = (bucket + 1) & this.mask;
      tried = 0;
    }
  }

  /** Adds an entry; false if every bucket is full. The same hash and value may be stored twice. */
  insert(hash: number, value: number): boolean {
    const words = this.words;
    const start = startOf(hash);
    let bucket = hash & this.mask;
    for (let hops = 0; hops <= this.mask; hops++) {
      for (let tried = 0; tried < ENTRIES; tried++) {
        const at = bucket * BUCKET_WORDS + HASHES + ((start + tried) % ENTRIES);
        if (words[at + VALUE] === 0) {
          words[at] = hash;
          words[at + VALUE] = value + 1;
          this.addOverflow(hash & this.mask, hops, 1);
          return true;
        }
      }
      bucket = (bucket + 1) & this.mask;
    }
    return false;
  }

  /** Removes one entry with this hash and value; false if there is none. */
  remove(hash: number, value: number): boolean {
    const words = this.words;
    let bucket = hash & this.mask;
    for (let hops = 0; hops <= this.mask; hops++) {
      const base = bucket * BUCKET_WORDS;
      for (let at = base + HASHES; at < base + HASHES + ENTRIES; at++) {
        if (words[at + VALUE] === value + 1 && words[at] === hash) {
          words[at] = 0;
          words[at + VALUE] = 0;
          this.addOverflow(hash & this.mask, hops, -1);
          return true;
        }
      }
      if (words[base] === 0) return false;
      bucket = (bucket + 1) & this.mask;
    }
    return false;
  }

  clear(): void {
    this.words.fill(0);
  }

  /** Adds to the overflow counts of the `hops` buckets that the entry passed from its home on. */
  private addOverflow(home: number, hops: number, delta: number): void {
    for (let i = 0; i < hops; i++) this.words[((home + i) & this.mask) * BUCKET_WORDS]! += delta;
  }
}
