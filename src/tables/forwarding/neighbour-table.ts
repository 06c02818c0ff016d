/**
 * Neighbours: (network, IP address) → MAC, for the logical router and for members on a local subnet.
 *
 * Theory of operation. A subset of the states of RFC 4861 §7.3: INCOMPLETE (requested, frames wait), REACHABLE, STALE
 * (older than REACHABLE_MS; still used while it is probed by unicast, until FAILED), FAILED (PROBES requests without
 * an answer; kept for FAILED_MS so that a dead next hop causes no flood of requests). Addresses of configured ports
 * are FIXED. Frames that wait for an INCOMPLETE neighbour are chained in a queue; the table keeps (slot, offset,
 * length, ingress port), the caller keeps one reference on each slot.
 *
 * Bounds. An entry counts for the port whose packet created it, a waiting frame for its ingress port, and both are
 * shared among the ports (port-shares.ts; RFC 6583 §7.1 on scans of large subnets). A port that has used up its
 * share, or finds the table full, replaces an unused entry, of its own or of no port: FIXED and INCOMPLETE entries,
 * and those used in the last IN_USE_MS, stay. Unused entries are removed by ageing. For one neighbour at most
 * WAITING_PER_NEIGHBOUR frames of each port wait, so that no port fills the queue for others.
 *
 * Row, 16 words: 0-3 address, 4 network, 5 state, 6 MAC high 16, 7 MAC low 32, 8 changed at (ms), 9 probes due so far,
 * 10 head (of a free row: the next free one + 1) and 11 tail of the waiting queue, 12 its length, 13 port that it
 * counts for, 14 used at (ms), 15 which probes have been sent.
 */
import { BucketIndex, NONE } from '../common/bucket-index.ts';
import { Hasher } from '../common/hash.ts';
import type { NetworkAddress } from '../common/network-address.ts';
import { PortShares } from '../common/port-shares.ts';

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
/** Limits of waiting frames: of one port for one neighbour, and of all ports for all. */
export const WAITING_PER_NEIGHBOUR = 16;
export const WAITING_TOTAL = 512;
/** An entry used within this time is not replaced. */
export const IN_USE_MS = 10_000;
/** An entry unused for this long is removed: gc_staletime of Linux. */
export const UNUSED_MS = 60_000;
/** Rows examined for a replacement. */
const EVICT_ROWS = 256;

const STATE = 5;
const MAC_HIGH = 6;
const MAC_LOW = 7;
const CHANGED_MS = 8;
const PROBES_SENT = 9;
const HEAD = 10;
const TAIL = 11;
const LENGTH = 12;
const PORT = 13;
const USED_MS = 14;
const SENT = 15;

/** Bits of SENT. */
const LAST_PROBE = 1;
const ANY_PROBE = 2;

export class NeighbourTable {
  readonly rows: Int32Array;
  private readonly index: BucketIndex;
  readonly capacity: number;
  private used = 0;
  private freeHead = 0;
  /** Rows by the port that they count for; waiting frames by ingress port. */
  readonly shares: PortShares;
  readonly waitingShares: PortShares;
  /** Entries that are being probed. */
  asking = 0;
  /** Port number of configured entries: no port has it, and no share limits it. */
  readonly configuredPort: number;
  /** Per port: time of the last unsuccessful search for an entry to replace. */
  private readonly soughtMs: Int32Array;
  private readonly hasher: Hasher;
  /** Changes whenever a state or a MAC changes: results derived from the table may then be stale. */
  changes = 0;
  /** Next rows to examine for replacement, and for ageing. */
  private hand = 0;
  private ageHand = 0;

  /** Waiting frames, one entry each: slot, offset, length, ingress port, next. Entry 0 is unused. */
  readonly waitingSlot = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingOffset = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingLength = new Int32Array(WAITING_TOTAL + 1);
  readonly waitingPort = new Int32Array(WAITING_TOTAL + 1);
  /** 1 for routed frames. */
  readonly waitingRouted = new Uint8Array(WAITING_TOTAL + 1);
  private readonly waitingNext = new Int32Array(WAITING_TOTAL + 1);
  private waitingFree = 1;

  /** `key`: hash seed, so that senders who choose addresses cannot choose their places. */
  constructor(rows: Int32Array, indexWords: Int32Array, maxPorts: number, key: readonly [number, number]) {
    this.rows = rows;
    this.capacity = rows.length / NEIGHBOUR_WORDS;
    this.index = new BucketIndex(indexWords);
    this.shares = new PortShares(maxPorts, this.capacity);
    this.waitingShares = new PortShares(maxPorts, WAITING_TOTAL);
    this.configuredPort = maxPorts - 1;
    this.soughtMs = new Int32Array(maxPorts).fill(-1);
    this.hasher = new Hasher(key);
  }

  initialise(): void {
    this.rows.fill(0);
    this.index.clear();
    this.used = 0;
    this.freeHead = 0;
    this.asking = 0;
    this.shares.clear();
    this.waitingShares.clear();
    for (let i = 1; i < WAITING_TOTAL; i++) this.waitingNext[i] = i + 1;
    this.waitingNext[WAITING_TOTAL] = 0;
    this.waitingFree = 1;
  }

  find(address: NetworkAddress): number {
    const { rows } = this;
    const { network, w0, w1, w2, w3 } = address;
    const hash = this.hash(network, w0, w1, w2, w3);
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

  /**
   * Finds or creates an entry (INCOMPLETE, no probe sent) for a port, and marks it as used; NONE if the port's share
   * is used up and nothing can be replaced.
   */
  intern(address: NetworkAddress, nowMs: number, port: number): number {
    const known = this.find(address);
    if (known !== NONE) {
      this.rows[known * NEIGHBOUR_WORDS + USED_MS] = nowMs;
      return known;
    }
    if (!this.makeRoom(port, nowMs)) return NONE;
    const id = this.takeRow();
    this.shares.hold(port);
    const at = id * NEIGHBOUR_WORDS;
    const rows = this.rows;
    rows.fill(0, at, at + NEIGHBOUR_WORDS);
    const { network, w0, w1, w2, w3 } = address;
    rows[at] = w0;
    rows[at + 1] = w1;
    rows[at + 2] = w2;
    rows[at + 3] = w3;
    rows[at + 4] = network;
    rows[at + STATE] = NEIGHBOUR.incomplete;
    rows[at + CHANGED_MS] = nowMs;
    rows[at + USED_MS] = nowMs;
    rows[at + PORT] = port;
    this.index.insert(this.hash(network, w0, w1, w2, w3), id);
    return id;
  }

  /** The port that an entry counts for. */
  port(id: number): number {
    return this.rows[id * NEIGHBOUR_WORDS + PORT]!;
  }

  /** Assigns an entry to another port, regardless of that port's share. */
  assign(id: number, port: number): void {
    const at = id * NEIGHBOUR_WORDS + PORT;
    this.shares.give(this.rows[at]!);
    this.shares.hold(port);
    this.rows[at] = port;
  }

  /** Marks an entry as used now. */
  touch(id: number, nowMs: number): void {
    this.rows[id * NEIGHBOUR_WORDS + USED_MS] = nowMs;
  }

  /** Frees an entry that no frame waits for. */
  remove(id: number): void {
    const rows = this.rows;
    const at = id * NEIGHBOUR_WORDS;
    if (rows[at + STATE] === NEIGHBOUR.free) return;
    this.changes++;
    this.setProbesSent(id, 0);
    this.index.remove(this.hash(rows[at + 4]!, rows[at]!, rows[at + 1]!, rows[at + 2]!, rows[at + 3]!), id);
    this.shares.give(rows[at + PORT]!);
    rows[at + STATE] = NEIGHBOUR.free;
    rows[at + HEAD] = this.freeHead;
    this.freeHead = id + 1;
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

  /** 0: no more probes are sent. */
  setProbesSent(id: number, probes: number): void {
    const at = id * NEIGHBOUR_WORDS;
    this.asking += Number(probes > 0) - Number(this.rows[at + PROBES_SENT]! > 0);
    this.rows[at + PROBES_SENT] = probes;
    if (probes === 0) this.rows[at + SENT] = 0;
  }

  /** Records whether the due probe was sent. */
  noteProbe(id: number, isSent: boolean): void {
    const at = id * NEIGHBOUR_WORDS + SENT;
    this.rows[at] = isSent ? LAST_PROBE | ANY_PROBE : this.rows[at]! & ANY_PROBE;
  }

  /** Whether the latest due probe was not sent. */
  owesProbe(id: number): boolean {
    return (this.rows[id * NEIGHBOUR_WORDS + SENT]! & LAST_PROBE) === 0;
  }

  /** Whether a probe was ever sent. */
  wasAsked(id: number): boolean {
    return this.rows[id * NEIGHBOUR_WORDS + SENT] !== 0;
  }

  /** Appends a frame to a neighbour's queue; false if its ingress port has used up its share. */
  enqueue(id: number, slot: number, offset: number, length: number, port: number, routed: boolean): boolean {
    const rows = this.rows;
    const at = id * NEIGHBOUR_WORDS;
    const entry = this.waitingFree;
    if (entry === 0 || !this.waitingShares.hasRoom(port)) return false;
    if (rows[at + LENGTH]! >= WAITING_PER_NEIGHBOUR && this.waitingOf(id, port) >= WAITING_PER_NEIGHBOUR) {
      return false;
    }
    this.waitingShares.hold(port);
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
    this.waitingShares.give(this.waitingPort[entry]!);
    this.waitingNext[entry] = this.waitingFree;
    this.waitingFree = entry;
    return entry;
  }

  /** Entries 0 … highWater-1 have been used. */
  get highWater(): number {
    return this.used;
  }

  /** Frames of a port that wait for a neighbour. */
  private waitingOf(id: number, port: number): number {
    let count = 0;
    const { waitingNext, waitingPort } = this;
    for (let entry = this.rows[id * NEIGHBOUR_WORDS + HEAD]!; entry !== 0; entry = waitingNext[entry]!) {
      if (waitingPort[entry] === port) count++;
    }
    return count;
  }

  /** Removes unused entries among the next few rows, so that they no longer count for their ports. */
  age(nowMs: number, rows: number): void {
    for (let i = 0; i < rows && this.used > 0; i++) {
      if (this.ageHand >= this.used) this.ageHand = 0;
      const id = this.ageHand++;
      if (this.isReplaceable(id) && this.unusedMs(id, nowMs) > UNUSED_MS) this.remove(id);
    }
  }

  private makeRoom(port: number, nowMs: number): boolean {
    const isOverShare = port !== this.configuredPort && !this.shares.hasRoom(port);
    if (!isOverShare && (this.freeHead !== 0 || this.used < this.capacity)) return true;
    if (this.soughtMs[port] === nowMs) return false;
    const tries = Math.min(EVICT_ROWS, this.used);
    for (let i = 0; i < tries; i++) {
      if (this.hand >= this.used) this.hand = 0;
      const id = this.hand++;
      if (!this.isReplaceable(id) || (isOverShare && this.port(id) !== port)) continue;
      if (this.state(id) !== NEIGHBOUR.failed && this.unusedMs(id, nowMs) < IN_USE_MS) continue;
      this.remove(id);
      return true;
    }
    this.soughtMs[port] = nowMs;
    return false;
  }

  private isReplaceable(id: number): boolean {
    const state = this.state(id);
    return state === NEIGHBOUR.reachable || state === NEIGHBOUR.stale || state === NEIGHBOUR.failed;
  }

  private unusedMs(id: number, nowMs: number): number {
    return (nowMs - this.rows[id * NEIGHBOUR_WORDS + USED_MS]!) >>> 0;
  }

  private takeRow(): number {
    if (this.freeHead === 0) return this.used++;
    const id = this.freeHead - 1;
    this.freeHead = this.rows[id * NEIGHBOUR_WORDS + HEAD]!;
    return id;
  }

  private hash(network: number, w0: number, w1: number, w2: number, w3: number): number {
    return (w0 | w1) === 0
      ? this.hasher.hash3(w3, network, w2)
      : this.hasher.hash6(w3, w2, w1, w0, network, 0);
  }
}
