/**
 * Statistics per load balancer × member: one row of 64-bit floats (exact to 2^53) per combination that has flows.
 *
 * Theory of operation. A row is taken with the first flow of a load balancer to a member and given back some time after
 * the last one (`release`), so the number of rows follows the traffic and not the configuration. Two words beside a row
 * say whose it is. The index that finds a row by its owner belongs to the writer alone and does not lie in shared memory.
 *
 * Single writer (the datapath), one reader in another thread. An aligned 8-byte store is atomic on every platform that
 * Node runs on, so the reader sees each counter whole; a row as a whole may be read while it changes, which is fine for
 * counters.
 *
 * The journal tells the reader which rows have changed: a ring of row numbers. The writer appends a row when it counts
 * there for the first time since the reader took the row's last entry; the row itself remembers the position of that
 * entry, in the cache line of its packet counters. So a row has at most one unread entry, and the ring, as long as the
 * table, never overflows. The reader publishes how far it has read (`tail`), which the writer looks up once per batch:
 * what is counted during that batch may have no entry of its own. The reader therefore looks at each row once more one
 * interval after it was read.
 */
import { NONE } from './common/bucket-index.ts';
import { mix32 } from './common/hash.ts';

export const STAT_FIELDS = 24;

/** Offsets in a row. Counters only grow; gauges are marked. */
export const STAT = {
  /** Packets and Ethernet bytes from clients to the member. */
  packets: 0,
  bytes: 1,
  /** Packets and Ethernet bytes back. */
  replyPackets: 2,
  replyBytes: 3,
  /** Connection records created. */
  newFlows: 4,
  /** Gauge: flows that have not ended and have sent something lately. */
  activeFlows: 5,
  /** Flows that ended: both FINs seen, a reset, or idle. */
  endedFlows: 6,
  /** Resets, from either side. */
  resets: 18,
  /** TCP handshakes that the member has answered, and those that it refused or never answered. */
  connects: 8,
  failedConnects: 9,
  /** Gauges, smoothed, 0: not measured. First SYN to SYN/ACK, and data to its acknowledgment. */
  synTimeMicros: 10,
  rttMicros: 11,
  /** TCP segments sent again, in either direction. */
  retransmissions: 12,
  /** Times that a member closed its receive window. */
  zeroWindows: 13,
  /** Gauge, smoothed: the member's receive window. */
  windowBytes: 14,
  /** UDP: requests that were answered, and (gauge, smoothed) how soon. */
  requests: 15,
  requestTimeMicros: 16,
  /** Gauge: connection records in the table. */
  records: 17,
} as const;

/** Position after the row's last entry in the journal; beside the packet counters, which are in use at the same time. */
export const NOTED_AT = 7;

/** Times that the row was given back: when this has grown, the counters have begun anew, be it for the same owner. */
const GIVEN_BACK = 19;

export type MemberStats = Record<keyof typeof STAT, number>;

const STAT_NAMES = Object.keys(STAT) as (keyof typeof STAT)[];

export const NO_STATS: Readonly<MemberStats> = Object.fromEntries(
  STAT_NAMES.map((name) => [name, 0]),
) as MemberStats;

/** Places in the header, in 64-bit floats; `tail` is the reader's and has a cache line of its own. */
const HEADER_FLOATS = 16;
const HEAD = 0;
const HIGH_WATER = 1;
const TAIL = 8;

/** Rows examined at most for one without records when the table is full. */
const RECLAIM_ROWS = 4_096;

/** Words of a row's owner: load balancer + 1, or 0 for a free row, and member. */
const OWNER_WORDS = 2;

export class StatTable {
  /** `slot * STAT_FIELDS + STAT.x` */
  readonly fields: Float64Array;
  readonly slotCount: number;
  /** As far as the reader has read, at the last `renew`. */
  tail = 0;
  private readonly header: Float64Array;
  private readonly owners: Int32Array;
  private readonly journal: Int32Array;
  /** The writer's: row + 1 by the hash of its owner, 0: empty; and rows that were given back. */
  private index = new Int32Array(0);
  private free = new Int32Array(0);
  private freeCount = 0;
  private hand = 0;

  static floatsNeeded(slots: number): number {
    return HEADER_FLOATS + slots * STAT_FIELDS;
  }

  static wordsNeeded(slots: number): number {
    return slots * OWNER_WORDS + powerOfTwo(slots);
  }

  /** Zeroed memory of as many floats and words as needed for some slots; the last slot is never given out. */
  constructor(floats: Float64Array, words: Int32Array) {
    this.header = floats.subarray(0, HEADER_FLOATS);
    this.fields = floats.subarray(HEADER_FLOATS);
    this.slotCount = Math.floor(this.fields.length / STAT_FIELDS);
    this.owners = words.subarray(0, this.slotCount * OWNER_WORDS);
    this.journal = words.subarray(
      this.slotCount * OWNER_WORDS,
      this.slotCount * OWNER_WORDS + powerOfTwo(this.slotCount),
    );
  }

  /** To be called by the writer before anything else; empties the table. Fresh memory is not touched. */
  initialise(): void {
    const used = this.header[HIGH_WATER]!;
    this.fields.fill(0, 0, used * STAT_FIELDS);
    this.clear(this.slotCount - 1);
    this.fields[(this.slotCount - 1) * STAT_FIELDS + NOTED_AT] = 0;
    this.owners.fill(0, 0, used * OWNER_WORDS);
    this.header.fill(0);
    this.tail = 0;
    this.index = new Int32Array(2 * powerOfTwo(this.slotCount));
    this.free = new Int32Array(this.slotCount);
    this.freeCount = 0;
    this.hand = 0;
  }

  /** Rows below this number were in use at some time. */
  get highWater(): number {
    return this.header[HIGH_WATER]!;
  }

  // --- the writer --------------------------------------------------------------------------------------------

  /** To be called once per batch. */
  renew(): void {
    this.tail = this.header[TAIL]!;
  }

  /** Row of a load balancer's member, or NONE. */
  find(balancer: number, member: number): number {
    const { index, owners } = this;
    const mask = index.length - 1;
    for (let i = homeOf(balancer, member) & mask; ; i = (i + 1) & mask) {
      const slot = index[i]! - 1;
      if (slot < 0) return NONE;
      const at = slot * OWNER_WORDS;
      if (owners[at + 1] === member && owners[at] === balancer + 1) return slot;
    }
  }

  /**
   * The same, and takes a row where there is none. In a full table a row without records gives way, and what it has
   * counted since the reader looked is lost. NONE: all rows have records.
   */
  acquire(balancer: number, member: number): number {
    const found = this.find(balancer, member);
    if (found !== NONE) return found;
    const slot = this.takeFree();
    if (slot === NONE) return NONE;
    const { index, owners } = this;
    const mask = index.length - 1;
    let i = homeOf(balancer, member) & mask;
    while (index[i] !== 0) i = (i + 1) & mask;
    index[i] = slot + 1;
    owners[slot * OWNER_WORDS + 1] = member;
    owners[slot * OWNER_WORDS] = balancer + 1;
    this.note(slot);
    return slot;
  }

  /** Gives a row back that nothing has been counted in since the reader saw it at this position of the journal. */
  release(slot: number, notedAt: number): void {
    const at = slot * STAT_FIELDS;
    if (this.owners[slot * OWNER_WORDS] === 0) return;
    if (this.fields[at + STAT.records] !== 0 || this.fields[at + NOTED_AT] !== notedAt) return;
    this.disown(slot);
    this.free[this.freeCount++] = slot;
    // The reader hears of it.
    this.note(slot);
  }

  countForward(slot: number, packets: number, bytes: number): void {
    const at = slot * STAT_FIELDS;
    this.fields[at + STAT.packets]! += packets;
    this.fields[at + STAT.bytes]! += bytes;
    this.note(slot);
  }

  countReverse(slot: number, packets: number, bytes: number): void {
    const at = slot * STAT_FIELDS;
    this.fields[at + STAT.replyPackets]! += packets;
    this.fields[at + STAT.replyBytes]! += bytes;
    this.note(slot);
  }

  add(slot: number, field: number, amount: number): void {
    this.fields[slot * STAT_FIELDS + field]! += amount;
    this.note(slot);
  }

  /** Puts the row into the journal, unless it has an unread entry there. After counting, not before. */
  note(slot: number): void {
    if (this.fields[slot * STAT_FIELDS + NOTED_AT]! <= this.tail) this.append(slot);
  }

  private append(slot: number): void {
    const head = this.header[HEAD]!;
    this.journal[head & (this.journal.length - 1)] = slot;
    this.fields[slot * STAT_FIELDS + NOTED_AT] = head + 1;
    this.header[HEAD] = head + 1;
  }

  /** All of a row but its place in the journal and how often it was given back. */
  private clear(slot: number): void {
    const at = slot * STAT_FIELDS;
    const notedAt = this.fields[at + NOTED_AT]!;
    const givenBack = this.fields[at + GIVEN_BACK]!;
    this.fields.fill(0, at, at + STAT_FIELDS);
    this.fields[at + NOTED_AT] = notedAt;
    this.fields[at + GIVEN_BACK] = givenBack + 1;
  }

  private takeFree(): number {
    if (this.freeCount > 0) return this.free[--this.freeCount]!;
    const used = this.header[HIGH_WATER]!;
    if (used < this.slotCount - 1) {
      this.header[HIGH_WATER] = used + 1;
      return used;
    }
    for (let i = Math.min(RECLAIM_ROWS, used); i > 0; i--) {
      const slot = this.hand;
      this.hand = slot + 1 === used ? 0 : slot + 1;
      if (this.fields[slot * STAT_FIELDS + STAT.records] !== 0) continue;
      this.disown(slot);
      return slot;
    }
    return NONE;
  }

  /** Takes a row out of the index, closes the gap, and clears the row. */
  private disown(slot: number): void {
    const { index } = this;
    const mask = index.length - 1;
    let gap = this.home(slot);
    while (index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let i = (gap + 1) & mask; index[i] !== 0; i = (i + 1) & mask) {
      // An entry may move to the gap if that is not before its home.
      const distance = (i - this.home(index[i]! - 1)) & mask;
      if (distance < ((i - gap) & mask)) continue;
      index[gap] = index[i]!;
      gap = i;
    }
    index[gap] = 0;
    this.owners[slot * OWNER_WORDS] = 0;
    this.clear(slot);
  }

  private home(slot: number): number {
    const at = slot * OWNER_WORDS;
    return homeOf(this.owners[at]! - 1, this.owners[at + 1]!) & (this.index.length - 1);
  }

  // --- the reader, and whoever finds the table after its writer has ended -----------------------------------------

  /** Load balancer that a row counts for; NONE: the row is free, or there is no such row. */
  balancerOf(slot: number): number {
    const word = this.owners[slot * OWNER_WORDS];
    return word === undefined || word <= 0 ? NONE : word - 1;
  }

  /** Member that a row counts for, or counted for last. */
  memberOf(slot: number): number {
    return this.owners[slot * OWNER_WORDS + 1]!;
  }

  /** Whether a row counts for this member, at any load balancer. Looks at all rows. */
  hasRowOf(member: number): boolean {
    for (let slot = 0; slot < this.highWater; slot++) {
      if (this.balancerOf(slot) !== NONE && this.memberOf(slot) === member) return true;
    }
    return false;
  }

  /** Calls with each row that has an unread entry, and takes the entries. A row is read after its entry was taken. */
  takeNoted(visit: (slot: number) => void): void {
    const { header, journal } = this;
    const head = header[HEAD]!;
    const tail = header[TAIL]!;
    header[TAIL] = head;
    for (let at = tail; at < head; at++) visit(journal[at & (journal.length - 1)]!);
  }

  /** Position of a row's last entry: the same as long as nothing new was counted and noted. */
  notedAt(slot: number): number {
    return this.fields[slot * STAT_FIELDS + NOTED_AT]!;
  }

  /** How often a row was given back; what is read afterwards counts from 0 again. */
  givenBack(slot: number): number {
    return this.fields[slot * STAT_FIELDS + GIVEN_BACK]!;
  }

  /** All of a row, gauges rounded. */
  read(slot: number): MemberStats {
    const base = slot * STAT_FIELDS;
    const row: MemberStats = { ...NO_STATS };
    for (const name of STAT_NAMES) row[name] = Math.round(this.fields[base + STAT[name]]!);
    return row;
  }
}

const homeOf = (balancer: number, member: number): number =>
  mix32(member ^ Math.imul(balancer + 1, 0x9e37_79b1));

function powerOfTwo(atLeast: number): number {
  let size = 1;
  while (size < atLeast) size *= 2;
  return size;
}
