/**
 * Neighbours: (network, IP address) → MAC, for the logical router and for members on a local subnet.
 *
 * Theory of operation. States follow RFC 4861 §7.3 in short: INCOMPLETE (asked, frames wait), REACHABLE, STALE
 * (older than REACHABLE_MS; used and asked again, by unicast knowledge it stays usable until FAILED), FAILED
 * (asked PROBES times without answer; remembered for FAILED_MS so that a dead next hop costs no flood of
 * requests). Configured ports' addresses are FIXED. Frames that wait for an INCOMPLETE neighbour are chained in
 * a queue of bounded length per neighbour and in all; the table keeps (slot, offset, length, ingress port), the
 * caller keeps one reference on each slot. Bounded: `intern` reuses the oldest entry that is neither FIXED nor
 * INCOMPLETE, or answers NONE.
 *
 * Row, 16 words: 0-3 address, 4 network, 5 state, 6 MAC high 16, 7 MAC low 32, 8 changed at (ms), 9 probes sent,
 * 10 head and 11 tail of the waiting queue, 12 its length.
 */
import { BucketIndex, NONE } from './bucket-index.ts';
import { mix5 } from './hash.ts';

export const NEIGHBOUR_WORDS = 16;

export const NEIGHBOUR = {
  free: 0,
  incomplete: 1,
  reachable: 2,
  stale: 3,
  failed: 4,
  fixed: 5,
} as const;

export const REACHABLE_MS = 30_000;
/** RETRANS_TIMER and MAX_UNICAST_SOLICIT of RFC 4861 §10. */
export const PROBE_INTERVAL_MS = 1_000;
export const PROBES = 3;
export const FAILED_MS = 5_000;
/** A stale neighbour whose probes go unanswered is dropped after this time. */
export const WAITING_PER_NEIGHBOUR = 16;
export const WAITING_TOTAL = 256;

const STATE = 5;
const MAC_HIGH = 6;
const MAC_LOW = 7;
const CHANGED_MS = 8;
const PROBES_SENT = 9;
const HEAD = 10;
const TAIL = 11;
const LENGTH = 12;

export class NeighbourTable {
  readonly rows: Int32Array;
  private readonly index: BucketIndex;
  readonly capacity: number;
  private used = 0;
  /** Grows whenever a state or a MAC changes: what was derived from the table may no longer hold. */
  changes = 0;
  private hand = 0;

  /** Waiting frames, one entry each: slot, offset, length, ingress port, next. Entry 0 is unused. */
  readonly waitingSlot = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingOffset = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingLength = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingPort = new Int32Array(WAITING_TOTAL + 1);
  /** 1 for frames that have passed the router. */
  readonly waitingRouted = new Uint8Array(WAITING_TOTAL + 1);
  private readonly waitingNext = new Int32Array(WAITING_TOTAL + 1);
  private waitingFree = 1;

  constructor(rows: Int32Array, indexWords: Int32Array) {
    this.rows = rows;
    this.capacity = rows.length / NEIGHBOUR_WORDS;
    this.index = new BucketIndex(indexWords);
  }

  initialise(): void {
    this.rows.fill(0);
    this.index.clear();
    this.used = 0;
    for (let i = 1; i < WAITING_TOTAL; i++) this.waitingNext[i] = i + 1;
    this.waitingNext[WAITING_TOTAL] = 0;
    this.waitingFree = 1;
  }

  find(network: number, w0: number, w1: number, w2: number, w3: number): number {
    const rows = this.rows;
    const hash = mix5(w3, w2, w1, w0, network);
    for (let id = this.index.find(hash); id !== NONE; id = this.index.next(hash)) {
      const at = id * NEIGHBOUR_WORDS;
      if (
        rows[at + 3] === w3 &&
        rows[at + 2] === w2 &&
        rows[at + 1] === w1 &&
        rows[at] === w0 &&
        rows[at + 4] === network
      ) {
        return id;
      }
    }
    return NONE;
  }

  /** Finds or makes an entry (INCOMPLETE, no probe sent); NONE when all others are in use. */
  intern(network: number, w0: number, w1: number, w2: number, w3: number, nowMs: number): number {
    let id = this.find(network, w0, w1, w2, w3);
    if (id !== NONE) return id;
    id = this.used < this.capacity ? this.used++ : this.evict();
    if (id === NONE) return NONE;
    const at = id * NEIGHBOUR_WORDS;
    const rows = this.rows;
    rows.fill(0, at, at + NEIGHBOUR_WORDS);
    rows[at] = w0;
    rows[at + 1] = w1;
    rows[at + 2] = w2;
    rows[at + 3] = w3;
    rows[at + 4] = network;
    rows[at + STATE] = NEIGHBOUR.incomplete;
    rows[at + CHANGED_MS] = nowMs;
    this.index.insert(mix5(w3, w2, w1, w0, network), id);
    return id;
  }

  remove(id: number): void {
    const rows = this.rows;
    this.changes++;
    const at = id * NEIGHBOUR_WORDS;
    if (rows[at + STATE] === NEIGHBOUR.free) return;
    this.index.remove(mix5(rows[at + 3]!, rows[at + 2]!, rows[at + 1]!, rows[at]!, rows[at + 4]!), id);
    rows[at + STATE] = NEIGHBOUR.free;
  }

  state(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + STATE]!;
  }

  setState(id: number, state: number, nowMs: number): void {
    this.changes++;
    this.rows[id * NEIGHBOUR_WORDS + STATE] = state;
    this.rows[id * NEIGHBOUR_WORDS + CHANGED_MS] = nowMs;
  }

  setMac(id: number, high16: number, low32: number): void {
    this.changes++;
    this.rows[id * NEIGHBOUR_WORDS + MAC_HIGH] = high16;
    this.rows[id * NEIGHBOUR_WORDS + MAC_LOW] = low32;
  }

  macHigh(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + MAC_HIGH]!;
  }

  macLow(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + MAC_LOW]!;
  }

  changedMs(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + CHANGED_MS]!;
  }

  probesSent(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + PROBES_SENT]!;
  }

  setProbesSent(id: number, probes: number): void {
    this.rows[id * NEIGHBOUR_WORDS + PROBES_SENT] = probes;
  }

  /** Puts a frame at the end of a neighbour's queue; false when its queue or all of them are full. */
  enqueue(id: number, slot: number, offset: number, length: number, port: number, routed: boolean): boolean {
    const rows = this.rows;
    const at = id * NEIGHBOUR_WORDS;
    const entry = this.waitingFree;
    if (entry === 0 || rows[at + LENGTH]! >= WAITING_PER_NEIGHBOUR) return false;
    this.waitingFree = this.waitingNext[entry]!;
    this.waitingNext[entry] = 0;
    this.waitingSlot[entry] = slot;
    this.waitingOffset[entry] = offset;
    this.waitingLength[entry] = length;
    this.waitingPort[entry] = port;
    this.waitingRouted[entry] = Number(routed);
    if (rows[at + HEAD] === 0) rows[at + HEAD] = entry;
    else this.waitingNext[rows[at + TAIL]!] = entry;
    rows[at + TAIL] = entry;
    rows[at + LENGTH]!++;
    return true;
  }

  /** Takes the first frame off a neighbour's queue: index into the `waiting…` arrays, valid until the next enqueue; 0 if none. */
  dequeue(id: number): number {
    const rows = this.rows;
    const at = id * NEIGHBOUR_WORDS;
    const entry = rows[at + HEAD]!;
    if (entry === 0) return 0;
    rows[at + HEAD] = this.waitingNext[entry]!;
    rows[at + LENGTH]!--;
    this.waitingNext[entry] = this.waitingFree;
    this.waitingFree = entry;
    return entry;
  }

  /** Entries 0 … highWater-1 have been used. */
  get highWater(): number {
    return this.used;
  }

  private evict(): number {
    for (let tries = 0; tries < this.capacity; tries++) {
      const id = this.hand;
      this.hand = (this.hand + 1) % this.capacity;
      const state = this.state(id);
      if (state === NEIGHBOUR.free) return id;
      if (state !== NEIGHBOUR.fixed && state !== NEIGHBOUR.incomplete) {
        this.remove(id);
        return id;
      }
    }
    return NONE;
  }
}
