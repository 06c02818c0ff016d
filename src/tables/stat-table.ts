/**
 * Statistics per load balancer × member: one row of 64-bit floats (exact to 2^53) per combination that has flows.
 *
 * Theory of operation. A row is taken with the first flow of a load balancer to a member and freed some time after
 * the last one (`release`), so the number of rows follows the traffic and not the configuration. Two words beside a
 * row name its owner. The index that finds a row by its owner is private to the writer and not in shared memory.
 *
 * Single writer (the datapath), one reader in another thread. An aligned 8-byte store is atomic on every platform that
 * Node runs on, so the reader sees each counter whole; a row as a whole may be read while it changes, which is fine for
 * counters.
 *
 * The journal tells the reader which rows have changed: a ring of row numbers. The writer appends a row when it first
 * counts there after the reader has taken the row's last entry; the row stores the position of that entry, in the
 * cache line of its packet counters. A row thus has at most one unread entry, and the ring, as long as the table,
 * never overflows. The reader publishes its position (`tail`), which the writer reads once per batch: counts during
 * that batch may have no entry of their own. The reader therefore reads each row once more, one interval later.
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
  /** Gauge: flows that have not ended and have sent something recently. */
  activeFlows: 5,
  /** Flows that ended: both FINs seen, a reset, or idle. */
  endedFlows: 6,
  /** Resets, from either side. */
  resets: 18,
  /** TCP handshakes that the member has answered, and those that it refused or left unanswered. */
  connects: 8,
  failedConnects: 9,
  /** Gauges, smoothed, 0: not measured. First SYN to SYN/ACK, and data to its acknowledgment. */
  synTimeMicros: 10,
  rttMicros: 11,
  /** Retransmitted TCP segments, in either direction. */
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

/**
 * Position after the row's last entry in the journal; beside the packet counters, which are accessed at the same
 * time.
 */
export const NOTED_AT = 7;

/** Number of times that the row was freed: when it has grown, the counters have restarted, even for the same owner. */
const GIVEN_BACK = 19;

export type MemberStats = Record<keyof typeof STAT, number>;

const STAT_NAMES = Object.keys(STAT) as (keyof typeof STAT)[];

export const NO_STATS: Readonly<MemberStats> = Object.fromEntries(
  STAT_NAMES.map((name) => [name, 0]),
) as MemberStats;

/** Positions in the header, in 64-bit floats; `tail` is the reader's and has a cache line of its own. */
const HEADER_FLOATS = 16;
const HEAD = 0;
const HIGH_WATER = 1;
const TAIL = 8;

/** Rows examined for one without records when the table is full. */
const RECLAIM_ROWS = 4_096;

/** Words of a row's owner: load balancer + 1, or 0 for a free row, and member. */
const OWNER_WORDS = 2;

export class StatTable {
  /** `slot * STAT_FIELDS + STAT.x` */
  readonly fields: Float64Array;
  readonly slotCount: number;
  /** The reader's position at the last `renew`. */
  tail = 0;
  private readonly header: Float64Array;
  private readonly owners: Int32Array;
  private readonly journal: Int32Array;
  /** The writer's: row + 1 by the hash of its owner, 0: empty; and freed rows. */
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

  /** Zeroed memory with the floats and words needed for this many slots; the last slot is never assigned. */
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

  /** Empties the table; the writer calls it first. Fresh memory is not written. */
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

  /** Rows from this number on were never used. */
  get highWater(): number {
    return this.header[HIGH_WATER]!;
  }

  // --- the writer --------------------------------------------------------------------------------------------

  /** Called once per batch. */
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
   * The same, but takes a row if there is none. In a full table a row without records is replaced, and its counts
   * since the last reading are lost. NONE: all rows have records.
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

  /** Frees a row whose counts are unchanged since the reader saw it at this journal position. */
  release(slot: number, notedAt: number): void {
    const at = slot * STAT_FIELDS;
    if (this.owners[slot * OWNER_WORDS] === 0) return;
    if (this.fields[at + STAT.records] !== 0 || this.fields[at + NOTED_AT] !== notedAt) return;
    this.disown(slot);
    this.free[this.freeCount++] = slot;
    // The reader is notified.
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

  /** Puts the row into the journal, unless it has an unread entry there. Call it after counting. */
  note(slot: number): void {
    if (this.fields[slot * STAT_FIELDS + NOTED_AT]! <= this.tail) this.append(slot);
  }

  private append(slot: number): void {
    const head = this.header[HEAD]!;
    this.journal[head & (this.journal.length - 1)] = slot;
    this.fields[slot * STAT_FIELDS + NOTED_AT] = head + 1;
    this.header[HEAD] = head + 1;
  }

  /** All fields of a row except its journal position and how often it was freed. */
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

  /** Removes a row from the index, closes the gap, and clears the row. */
  private disown(slot: number): void {
    const { index } = this;
    const mask = index.length - 1;
    let gap = this.home(slot);
    while (index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let i = (gap + 1) & mask; index[i] !== 0; i = (i + 1) & mask) {
      // An entry may move to the gap unless that is before its home.
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

  // --- the reader, and the process that inherits the table -------------------------------------------------------

  /** Load balancer of a row; NONE: the row is free or does not exist. */
  balancerOf(slot: number): number {
    const word = this.owners[slot * OWNER_WORDS];
    return word === undefined || word <= 0 ? NONE : word - 1;
  }

  /** Current or last member of a row. */
  memberOf(slot: number): number {
    return this.owners[slot * OWNER_WORDS + 1]!;
  }

  /** Whether a row counts for this member, at any load balancer. Scans all rows. */
  hasRowOf(member: number): boolean {
    for (let slot = 0; slot < this.highWater; slot++) {
      if (this.balancerOf(slot) !== NONE && this.memberOf(slot) === member) return true;
    }
    return false;
  }

  /** Calls back for each row with an unread entry, and takes the entries. A row is read after its entry was taken. */
  takeNoted(visit: (slot: number) => void): void {
    const { header, journal } = this;
    const head = header[HEAD]!;
    const tail = header[TAIL]!;
    header[TAIL] = head;
    for (let at = tail; at < head; at++) visit(journal[at & (journal.length - 1)]!);
  }

  /** Position of a row's last entry: unchanged while nothing new was counted and journalled. */
  notedAt(slot: number): number {
    return this.fields[slot * STAT_FIELDS + NOTED_AT]!;
  }

  /** Number of times that a row was freed; later counts start from 0. */
  givenBack(slot: number): number {
    return this.fields[slot * STAT_FIELDS + GIVEN_BACK]!;
  }

  /** All fields of a row, gauges rounded. */
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
