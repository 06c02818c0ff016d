/**
 * Source-address affinity: the last member of each client, per load balancer and group, or priority of a group.
 *
 * Theory of operation. Four-way set-associative, a set of two cache lines. A row holds a client's address, load
 * balancer and group, the member by its number (which is stable across revisions and criteria sets), and its expiry.
 * A full set replaces an expired row; else, of the rows that may give way to the requesting port (set-shares.ts), the
 * one that would expire first. A client without a row is balanced again: a VM that invents addresses displaces its
 * own rows, or gets none. Rows replaced early, and refused ones, are counted.
 *
 * The hash is keyed, so addresses cannot be aimed at one set. Ageing is incremental and bounds how long an expired
 * row is kept, so that time differences modulo 2^32 ms stay correct.
 *
 * Words: header (16): rows in use, rows given up before their time; then rows of 8: 0-3 address, IPv4 as
 * ::ffff:a.b.c.d; 4 priority << 28 | load balancer << 16 | group; 5 member; 6 until, ms; 7 port << 16 | the member's place + 1;
 * 0: free.
 */
import { isIpv4Mapped } from '../../wire/address.ts';
import { NONE } from '../common/bucket-index.ts';
import { Hasher, mix32 } from '../common/hash.ts';
import { type SetLayout, waysToReplace } from '../common/set-shares.ts';

const WAYS = 4;
const ROW_WORDS = 8;
const SET_WORDS = WAYS * ROW_WORDS;
const HEADER_WORDS = 16;

const OWNER = 4;
const MEMBER = 5;
const UNTIL_MS = 6;
const PLACE = 7;
const PORT_SHIFT = 16;
const PLACE_MASK = 0xffff;
const ALL_WAYS = (1 << WAYS) - 1;
const LAYOUT: SetLayout = {
  ways: WAYS,
  entryWords: ROW_WORDS,
  portWord: PLACE,
  shift: PORT_SHIFT,
  mask: 0xffff,
};

const IN_USE = 0;
const EVICTED = 1;

/** Longest lifetime of a row, 12 days: half of what 32 bits can distinguish from the past, with room for ageing. */
export const MAX_AFFINITY_MS = 2 ** 30;

/** Key of a row: a cursor, refilled for each use. */
export class AffinityKey {
  /** Client's address in four words, IPv4 as ::ffff:a.b.c.d. */
  c0 = 0;
  c1 = 0;
  c2 = 0;
  c3 = 0;
  /** Priority << 28 | load balancer << 16 | group. */
  owner = 0;

  setClient(c0: number, c1: number, c2: number, c3: number): void {
    this.c0 = c0;
    this.c1 = c1;
    this.c2 = c2;
    this.c3 = c3;
  }

  /** `priority`: place among the group's priorities, below 16. */
  setOwner(balancer: number, group: number, priority = 0): void {
    this.owner = (priority << 28) | (balancer << 16) | group;
  }
}

export class AffinityTable {
  readonly capacity: number;
  private readonly words: Int32Array;
  private readonly mask: number;
  private readonly hasher: Hasher;
  /** Next set to age. */
  private hand = 0;

  static wordsNeeded(rows: number): number {
    let sets = 1;
    while (sets * WAYS < rows) sets *= 2;
    return HEADER_WORDS + sets * SET_WORDS;
  }

  /** `words` as many as `wordsNeeded` says; the key is the hash seed. */
  constructor(words: Int32Array, key: readonly [number, number]) {
    this.words = words;
    this.mask = (words.length - HEADER_WORDS) / SET_WORDS - 1;
    this.capacity = (this.mask + 1) * WAYS;
    this.hasher = new Hasher(key);
  }

  /** Empties the table; fresh memory is not written. */
  initialise(): void {
    if (this.inUse > 0) this.words.fill(0);
    this.words.fill(0, 0, HEADER_WORDS);
  }

  /** Valid rows, and expired ones that ageing has not freed yet. */
  get inUse(): number {
    return this.words[IN_USE]!;
  }

  /** Rows replaced early, and refused ones, modulo 2^32. */
  get evicted(): number {
    return this.words[EVICTED]! >>> 0;
  }

  /** Valid row of a client at a load balancer's group, or NONE. */
  find(key: AffinityKey, nowMs: number): number {
    const set = this.setOf(key);
    for (let at = set; at < set + SET_WORDS; at += ROW_WORDS) {
      if (!this.isFor(at, key)) continue;
      return ((this.words[at + UNTIL_MS]! - nowMs) | 0) > 0 ? at : NONE;
    }
    return NONE;
  }

  /** Number of the row's member. */
  member(row: number): number {
    return this.words[row + MEMBER]!;
  }

  /** Position of the member in its criteria set when the row was written: searched first. */
  place(row: number): number {
    return (this.words[row + PLACE]! & PLACE_MASK) - 1;
  }

  /** Updates the member's position and the row's expiry. */
  refresh(row: number, place: number, untilMs: number): void {
    const { words } = this;
    words[row + PLACE] = (words[row + PLACE]! & ~PLACE_MASK) | ((place + 1) & PLACE_MASK);
    words[row + UNTIL_MS] = untilMs;
  }

  /**
   * Writes a client's row, in its existing place or over another row, unless the rest of the set belongs to other
   * ports. `timeoutMs`: at most MAX_AFFINITY_MS; `port`: ingress port of the client's flow.
   */
  put(key: AffinityKey, member: number, place: number, nowMs: number, timeoutMs: number, port: number): void {
    const { words } = this;
    const row = this.rowFor(key, nowMs, port);
    if (row === NONE) return;
    if (words[row + PLACE] === 0) words[IN_USE]!++;
    words[row] = key.c0;
    words[row + 1] = key.c1;
    words[row + 2] = key.c2;
    words[row + 3] = key.c3;
    words[row + OWNER] = key.owner;
    words[row + MEMBER] = member;
    words[row + PLACE] = port << PORT_SHIFT;
    this.refresh(row, place, (nowMs + timeoutMs) | 0);
  }

  /** Copies the valid rows of another table. */
  follow(other: AffinityTable, nowMs: number): void {
    const { words } = other;
    const key = new AffinityKey();
    for (let at = HEADER_WORDS; at < words.length; at += ROW_WORDS) {
      const place = words[at + PLACE]! & PLACE_MASK;
      const port = words[at + PLACE]! >>> PORT_SHIFT;
      const member = words[at + MEMBER]!;
      const leftMs = (words[at + UNTIL_MS]! - nowMs) | 0;
      if (place === 0 || member < 0 || leftMs <= 0 || leftMs > MAX_AFFINITY_MS) continue;
      key.setClient(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
      key.owner = words[at + OWNER]!;
      this.put(key, member, place - 1, nowMs, leftMs, port);
    }
  }

  /** Frees expired rows of the next few sets. */
  age(nowMs: number, sets: number): void {
    const { words } = this;
    for (let i = 0; i < sets && this.inUse > 0; i++) {
      const set = HEADER_WORDS + this.hand * SET_WORDS;
      for (let at = set; at < set + SET_WORDS; at += ROW_WORDS) {
        if (words[at + PLACE] === 0 || ((words[at + UNTIL_MS]! - nowMs) | 0) > 0) continue;
        words[at + PLACE] = 0;
        words[IN_USE]!--;
      }
      this.hand = (this.hand + 1) & this.mask;
    }
  }

  /** The row to write for a client: its own, else a free or expired one, else one that may give way, or NONE. */
  private rowFor(key: AffinityKey, nowMs: number, port: number): number {
    const set = this.setOf(key);
    for (let at = set; at < set + SET_WORDS; at += ROW_WORDS) if (this.isFor(at, key)) return at;
    const soonest = this.soonestToEnd(set, ALL_WAYS, nowMs);
    if (this.leftMs(soonest, nowMs) <= 0) return soonest;
    this.words[EVICTED]!++;
    const ways = waysToReplace(LAYOUT, this.words, set, ALL_WAYS, port);
    return this.soonestToEnd(set, ways, nowMs);
  }

  private soonestToEnd(set: number, ways: number, nowMs: number): number {
    let found = NONE;
    for (let way = 0; way < WAYS; way++) {
      const at = set + way * ROW_WORDS;
      if ((ways & (1 << way)) === 0) continue;
      if (found === NONE || this.leftMs(at, nowMs) < this.leftMs(found, nowMs)) found = at;
    }
    return found;
  }

  /** Remaining lifetime of a row; 0: expired; -1: free. */
  private leftMs(at: number, nowMs: number): number {
    return this.words[at + PLACE] === 0 ? -1 : Math.max(0, (this.words[at + UNTIL_MS]! - nowMs) | 0);
  }

  private isFor(at: number, { c0, c1, c2, c3, owner }: AffinityKey): boolean {
    const { words } = this;
    return (
      words[at + 3] === c3 &&
      words[at + OWNER] === owner &&
      words[at + PLACE] !== 0 &&
      words[at + 2] === c2 &&
      words[at + 1] === c1 &&
      words[at] === c0
    );
  }

  private setOf({ c0, c1, c2, c3, owner }: AffinityKey): number {
    const hash = isIpv4Mapped(c0, c1, c2)
      ? this.hasher.hash3(c3, owner, 0)
      : this.hasher.hash6(c3, c2, c1, c0, owner, 0);
    // Consecutive addresses have consecutive hashes, which some keys would map to few sets.
    return HEADER_WORDS + (mix32(hash) & this.mask) * SET_WORDS;
  }
}
