/**
 * A memory of five-tuples on the member's side that have no connection record: bounded, forgetful, cheap.
 *
 * An entry is a hash of (client address, ports, member endpoint, protocol) and when it was noted; new entries
 * overwrite old ones that fall on the same place. So it may forget, and never claims a flow it was not told of but by
 * a collision of 32 bits.
 */
import { Hasher } from '../../tables/hash.ts';
import type { Context } from '../frame/context.ts';

const ENTRY_WORDS = 2;

export class FlowMemory {
  private readonly context: Context;
  private readonly hasher: Hasher;
  private readonly mask: number;
  private readonly memoryMs: number;
  /** Hash (never 0), noted at in ms. */
  private readonly words: Int32Array;
  private notedMs = 0;
  private hasNotes = false;

  /** `entries`: a power of two, 8 bytes each. `memoryMs`: how long an entry counts. */
  constructor(context: Context, entries: number, memoryMs: number) {
    this.context = context;
    this.hasher = new Hasher(context.tables.hashKey);
    this.mask = entries - 1;
    this.memoryMs = memoryMs;
    this.words = new Int32Array(entries * ENTRY_WORDS);
  }

  /** `ports`: client's << 16 | member's. */
  note(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): void {
    const hash = this.hash(c0, c1, c2, c3, ports, member, protocol);
    const at = (hash & this.mask) * ENTRY_WORDS;
    this.words[at] = hash;
    this.words[at + 1] = this.context.nowMs;
    this.notedMs = this.context.nowMs;
    this.hasNotes = true;
  }

  /** True if nothing is remembered: the usual case, and cheaper to ask than for a flow. */
  get isEmpty(): boolean {
    if (this.hasNotes && (this.context.nowMs - this.notedMs) >>> 0 >= this.memoryMs) this.hasNotes = false;
    return !this.hasNotes;
  }

  forget(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): void {
    const hash = this.hash(c0, c1, c2, c3, ports, member, protocol);
    const at = (hash & this.mask) * ENTRY_WORDS;
    if (this.words[at] === hash) this.words[at] = 0;
  }

  knows(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): boolean {
    const hash = this.hash(c0, c1, c2, c3, ports, member, protocol);
    const at = (hash & this.mask) * ENTRY_WORDS;
    return this.words[at] === hash && (this.context.nowMs - this.words[at + 1]!) >>> 0 < this.memoryMs;
  }

  private hash(
    c0: number,
    c1: number,
    c2: number,
    c3: number,
    ports: number,
    member: number,
    protocol: number,
  ): number {
    return this.hasher.hash6(c0, c1, c2, c3, ports, (member << 16) | protocol) | 1;
  }
}
