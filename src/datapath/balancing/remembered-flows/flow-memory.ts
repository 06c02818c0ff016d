/**
 * A lossy cache of five-tuples on the member's side that have no connection record: bounded and cheap.
 *
 * An entry is a hash of a key with its load balancer (tables/balancing/flow-key.ts), its time, and its port. Sets of
 * four; a full set replaces an expired entry, or else the oldest of the entries that may give way to the port that
 * needs one (set-shares.ts). It may lose entries, and reports an unknown flow only on a collision of 32 bits.
 */
import type { FlowKey } from '../../../tables/balancing/flow-key.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { Hasher } from '../../../tables/common/hash.ts';
import { type SetLayout, waysToReplace } from '../../../tables/common/set-shares.ts';
import type { Context } from '../../frame/context.ts';

const WAYS = 4;
const ENTRY_WORDS = 2;
const SET_WORDS = WAYS * ENTRY_WORDS;
/** Word 1: ticks of 1024 ms, modulo 2^20, above a port number, which has 12 bits. */
const TICK_SHIFT = 10;
const TICK_MASK = 0xf_ffff;
const PORT_BITS = 12;
const LAYOUT: SetLayout = { ways: WAYS, entryWords: ENTRY_WORDS, portWord: 1, shift: 0, mask: 0xfff };

export class FlowMemory {
  private readonly context: Context;
  private readonly hasher: Hasher;
  private readonly mask: number;
  /** Lifetime of an entry. */
  memoryMs: number;
  /** Hash (never 0), ticks and port. */
  private readonly words: Int32Array;
  private notedMs = 0;
  private hasNotes = false;

  /** `entries`: a power of two, 8 bytes each. */
  constructor(context: Context, entries: number, memoryMs: number) {
    this.context = context;
    this.hasher = new Hasher(context.tables.hashKey);
    this.mask = entries / WAYS - 1;
    this.memoryMs = memoryMs;
    this.words = new Int32Array(entries * ENTRY_WORDS);
  }

  /** `port`: the port whose share the entry counts against. */
  note(key: FlowKey, port: number): void {
    const hash = this.hash(key);
    const at = this.placeFor(hash, port);
    if (at === NONE) return;
    const tick = (this.context.nowMs >>> TICK_SHIFT) & TICK_MASK;
    this.words[at] = hash;
    this.words[at + 1] = (tick << PORT_BITS) | port;
    this.notedMs = this.context.nowMs;
    this.hasNotes = true;
  }

  /** True if there are no entries: the usual case, and cheaper than looking up a flow. */
  get isEmpty(): boolean {
    if (this.hasNotes && (this.context.nowMs - this.notedMs) >>> 0 >= this.memoryMs) this.hasNotes = false;
    return !this.hasNotes;
  }

  forget(key: FlowKey): void {
    const at = this.find(this.hash(key));
    if (at !== NONE) this.words[at] = 0;
  }

  knows(key: FlowKey): boolean {
    const at = this.find(this.hash(key));
    return at !== NONE && this.ageMs(at) < this.memoryMs;
  }

  private setOf(hash: number): number {
    // Bit 0 is always set.
    return ((hash >>> 1) & this.mask) * SET_WORDS;
  }

  private find(hash: number): number {
    const set = this.setOf(hash);
    for (let at = set; at < set + SET_WORDS; at += ENTRY_WORDS) if (this.words[at] === hash) return at;
    return NONE;
  }

  /** The entry to write: the flow's own, a free, an expired or a replaceable one; else NONE. */
  private placeFor(hash: number, port: number): number {
    const known = this.find(hash);
    if (known !== NONE) return known;
    const set = this.setOf(hash);
    for (let at = set; at < set + SET_WORDS; at += ENTRY_WORDS) {
      if (this.words[at] === 0 || this.ageMs(at) >= this.memoryMs) return at;
    }
    const ways = waysToReplace(LAYOUT, this.words, set, (1 << WAYS) - 1, port);
    let oldest = NONE;
    for (let way = 0; way < WAYS; way++) {
      const at = set + way * ENTRY_WORDS;
      if ((ways & (1 << way)) === 0) continue;
      if (oldest === NONE || this.ageMs(at) > this.ageMs(oldest)) oldest = at;
    }
    return oldest;
  }

  /** Resolution: one tick. */
  private ageMs(at: number): number {
    const tick = this.context.nowMs >>> TICK_SHIFT;
    return ((tick - (this.words[at + 1]! >>> PORT_BITS)) & TICK_MASK) << TICK_SHIFT;
  }

  private hash({ balancer, c0, c1, c2, c3, ports, service, protocol }: FlowKey): number {
    const { hasher } = this;
    return hasher.hash6(c0, c1, c2, c3, ports, hasher.hash3(service, protocol, balancer)) | 1;
  }
}
