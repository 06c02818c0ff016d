/**
 * The service chains of flows: by which middleboxes (hops) a flow reaches its member.
 *
 * Theory of operation. Row n belongs to connection record n, and is valid while the record has the flag CHAINED; so it needs no
 * index, no free list and no bound of its own, and a flow without a chain never touches its page. Hops are numbered from the
 * client on. A hop without an endpoint has none for now: its middlebox failed, or there was none.
 *
 * Row, 8 words of 32 bits: 0 number of hops and policy; 1-4 statistics slot of each hop's middlebox; 5-6 their endpoints, 16 bits each.
 */
export const CHAIN_WORDS = 8;
/** Hops of a chain at most. */
export const MAX_HOPS = 4;

const SHAPE = 0;
const SLOTS = 1;
const ENDPOINTS = 5;

const COUNT_MASK = 0b111;
/** The flow ends when a middlebox fails; otherwise another one takes its place. */
export const CHAIN_RESET = 8;
/** Without a usable middlebox the hop is left out; otherwise the packets are rejected. */
export const CHAIN_BYPASS = 16;

/** Number of hops in a chain's shape; bounded for any 32 bits. */
export const hopsOf = (shape: number): number => Math.min(shape & COUNT_MASK, MAX_HOPS);

export class ChainTable {
  private readonly words: Int32Array;

  /** `words`: rows of CHAIN_WORDS, as many as the connection table has. */
  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Starts a row; no hop has an endpoint yet. */
  begin(row: number, shape: number): void {
    this.words.fill(0, row * CHAIN_WORDS, (row + 1) * CHAIN_WORDS);
    this.words[row * CHAIN_WORDS + SHAPE] = shape;
  }

  /** Number of hops (1 … MAX_HOPS), and CHAIN_RESET, CHAIN_BYPASS. */
  shape(row: number): number {
    return this.words[row * CHAIN_WORDS + SHAPE]!;
  }

  hops(row: number): number {
    return hopsOf(this.shape(row));
  }

  /** Statistics slot of a hop's middlebox; invalid without an endpoint. */
  slot(row: number, hop: number): number {
    return this.words[row * CHAIN_WORDS + SLOTS + hop]!;
  }

  /** Endpoint of a hop's middlebox; 0: it has none. */
  endpoint(row: number, hop: number): number {
    return (this.words[row * CHAIN_WORDS + ENDPOINTS + (hop >> 1)]! >>> ((hop & 1) << 4)) & 0xffff;
  }

  /** Sets or, with endpoint 0, removes a hop's middlebox. */
  set(row: number, hop: number, slot: number, endpoint: number): void {
    const at = row * CHAIN_WORDS;
    const shift = (hop & 1) << 4;
    this.words[at + SLOTS + hop] = slot;
    const both = this.words[at + ENDPOINTS + (hop >> 1)]!;
    this.words[at + ENDPOINTS + (hop >> 1)] = (both & ~(0xffff << shift)) | (endpoint << shift);
  }
}
