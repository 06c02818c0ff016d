/**
 * MAC table of all logical switches: (network, MAC) → port.
 *
 * Theory of operation. Four-way set-associative: a set is one cache line of four entries, each of four words: network
 * << 16 | MAC high 16 bits, MAC low 32 bits, port << 1 | fixed, and last seen in milliseconds. A lookup touches one
 * line. A full set replaces its least recently seen learned entry, of those that may give way to the requesting port
 * (set-shares.ts): no port displaces all stations of others. Frames to a station without an entry are flooded.
 * Entries of configured ports are fixed: never aged, evicted, or moved by a frame. Learned entries per port are
 * bounded, so that a VM that invents addresses only displaces its own; an uplink, with other hosts' VMs behind it,
 * may have more.
 */
import { NONE } from '../common/bucket-index.ts';
import { mix5 } from '../common/hash.ts';
import { type SetLayout, waysToReplace } from '../common/set-shares.ts';

const WAYS = 4;
const ENTRY_WORDS = 4;
const SET_WORDS = WAYS * ENTRY_WORDS;

/** Default limit of learned entries per port (see `setLearnLimit`). */
export const MAX_MACS_PER_PORT = 256;
/** Learned entries are forgotten after this time without a frame (IEEE 802.1Q default). */
export const MAC_AGE_MS = 300_000;

const EMPTY = 0;
const LAYOUT: SetLayout = { ways: WAYS, entryWords: ENTRY_WORDS, portWord: 2, shift: 1, mask: 0xffff };
/** Set in word 0 of a used entry: network ids stay below 2^12. */
const USED = 0x8000_0000 | 0;

export class MacTable {
  private readonly words: Int32Array;
  private readonly mask: number;
  private readonly learnedPerPort: Int32Array;
  private readonly learnLimit: Int32Array;
  /** Next set to age. */
  private hand = 0;
  /** Changes whenever an entry is created, moved or removed: results derived from the table may then be stale. */
  changes = 0;

  static wordsNeeded(entries: number): number {
    let sets = 1;
    while (sets * WAYS < entries) sets *= 2;
    return sets * SET_WORDS;
  }

  constructor(words: Int32Array, maxPorts: number) {
    this.words = words;
    this.mask = words.length / SET_WORDS - 1;
    this.learnedPerPort = new Int32Array(maxPorts);
    this.learnLimit = new Int32Array(maxPorts).fill(MAX_MACS_PER_PORT);
  }

  /** Capacity in entries. */
  get capacity(): number {
    return this.words.length / ENTRY_WORDS;
  }

  /** Limits the entries learned from a port from now on. */
  setLearnLimit(port: number, entries: number): void {
    this.learnLimit[port] = entries;
  }

  initialise(): void {
    this.words.fill(0);
    this.learnedPerPort.fill(0);
  }

  /** Port of a station, or NONE when unknown or aged. */
  find(network: number, high16: number, low32: number, nowMs: number): number {
    const at = this.locate(network, high16, low32);
    if (at === NONE) return NONE;
    const words = this.words;
    const fixed = (words[at + 2]! & 1) === 1;
    if (!fixed && ((nowMs - words[at + 3]!) | 0) > MAC_AGE_MS) return NONE;
    return words[at + 2]! >> 1;
  }

  /** Records that a station sends from a port. Returns false if the port has reached its limit. */
  learn(network: number, high16: number, low32: number, port: number, nowMs: number): boolean {
    const words = this.words;
    const known = this.locate(network, high16, low32);
    if (known !== NONE) {
      if ((words[known + 2]! & 1) !== 0) return true;
      if (words[known + 2]! >> 1 !== port) {
        if (this.learnedPerPort[port]! >= this.learnLimit[port]!) return false;
        this.changes++;
        this.learnedPerPort[words[known + 2]! >> 1]!--;
        this.learnedPerPort[port]!++;
        words[known + 2] = port << 1;
      }
      words[known + 3] = nowMs;
      return true;
    }
    if (this.learnedPerPort[port]! >= this.learnLimit[port]!) return false;
    return this.put(network, high16, low32, port, nowMs, 0);
  }

  /** Adds a configured station, which never ages. False if its set holds four fixed entries already. */
  fix(network: number, high16: number, low32: number, port: number): boolean {
    const known = this.locate(network, high16, low32);
    if (known !== NONE) this.clearEntry(known);
    return this.put(network, high16, low32, port, 0, 1);
  }

  /** Clears aged entries in the next few sets, so that they no longer count against their port's limit. */
  age(nowMs: number, sets: number): void {
    const words = this.words;
    for (let i = 0; i < sets; i++) {
      const set = this.hand * SET_WORDS;
      for (let at = set; at < set + SET_WORDS; at += ENTRY_WORDS) {
        if (words[at] === EMPTY || (words[at + 2]! & 1) === 1) continue;
        if (((nowMs - words[at + 3]!) | 0) > MAC_AGE_MS) this.clearEntry(at);
      }
      this.hand = (this.hand + 1) & this.mask;
    }
  }

  /** Removes all stations of a removed port. Walks the table: not for the packet path. */
  forgetPort(port: number): void {
    const words = this.words;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      if (words[at] !== EMPTY && words[at + 2]! >> 1 === port) this.clearEntry(at);
    }
  }

  /** Removes all configured stations, before a snapshot adds the current ones. */
  forgetFixed(): void {
    const words = this.words;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      if (words[at] !== EMPTY && (words[at + 2]! & 1) === 1) this.clearEntry(at);
    }
  }

  /** Calls back for each entry; for listings. */
  forEach(
    visit: (network: number, high16: number, low32: number, port: number, fixed: boolean) => void,
  ): void {
    const words = this.words;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const head = words[at]!;
      if (head === EMPTY) continue;
      visit(
        (head & ~USED) >>> 16,
        head & 0xffff,
        words[at + 1]!,
        words[at + 2]! >> 1,
        (words[at + 2]! & 1) === 1,
      );
    }
  }

  private locate(network: number, high16: number, low32: number): number {
    const words = this.words;
    const head = USED | (network << 16) | high16;
    const set = (mix5(low32, high16, network, 0, 0) & this.mask) * SET_WORDS;
    for (let at = set; at < set + SET_WORDS; at += ENTRY_WORDS) {
      if (words[at + 1] === low32 && words[at] === head) return at;
    }
    return NONE;
  }

  private put(
    network: number,
    high16: number,
    low32: number,
    port: number,
    nowMs: number,
    fixed: 0 | 1,
  ): boolean {
    const words = this.words;
    const set = (mix5(low32, high16, network, 0, 0) & this.mask) * SET_WORDS;
    const victim = this.placeFor(set, port, nowMs, fixed);
    if (victim === NONE) return false;
    if (words[victim] !== EMPTY) this.clearEntry(victim);
    this.changes++;
    words[victim] = USED | (network << 16) | high16;
    words[victim + 1] = low32;
    words[victim + 2] = (port << 1) | fixed;
    words[victim + 3] = nowMs;
    if (fixed === 0) this.learnedPerPort[port]!++;
    return true;
  }

  /** An empty or aged entry of a set, or the one to replace for a port; NONE: there is none. */
  private placeFor(set: number, port: number, nowMs: number, fixed: 0 | 1): number {
    const { words } = this;
    let learned = 0;
    for (let way = 0; way < WAYS; way++) {
      const at = set + way * ENTRY_WORDS;
      if (words[at] === EMPTY) return at;
      if ((words[at + 2]! & 1) === 0) learned |= 1 << way;
    }
    const longest = this.longestUnseen(set, learned, nowMs);
    // A configured station replaces any learned one.
    if (fixed === 1 || longest === NONE) return longest;
    if (((nowMs - words[longest + 3]!) | 0) > MAC_AGE_MS) return longest;
    const ways = waysToReplace(LAYOUT, words, set, learned, port);
    return this.longestUnseen(set, ways, nowMs);
  }

  private longestUnseen(set: number, ways: number, nowMs: number): number {
    let found = NONE;
    let longestMs = -0x8000_0000;
    for (let way = 0; way < WAYS; way++) {
      const at = set + way * ENTRY_WORDS;
      const unseenMs = (nowMs - this.words[at + 3]!) | 0;
      if ((ways & (1 << way)) === 0 || unseenMs <= longestMs) continue;
      found = at;
      longestMs = unseenMs;
    }
    return found;
  }

  private clearEntry(at: number): void {
    const words = this.words;
    if ((words[at + 2]! & 1) === 0) this.learnedPerPort[words[at + 2]! >> 1]!--;
    this.changes++;
    words.fill(0, at, at + ENTRY_WORDS);
  }
}
