/**
 * Statistics per LB × group × member: one row of 64-bit floats (exact to 2^53) per combination.
 *
 * Single writer (the datapath), any number of readers in other threads. An aligned 8-byte store is atomic on
 * every platform that Node runs on, so a reader sees each counter whole; a row as a whole may be read while
 * it changes, which is fine for counters. Row numbers are handed out by the publisher.
 */

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
  resets: 7,
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

export type MemberStats = Record<keyof typeof STAT, number>;

const STAT_NAMES = Object.keys(STAT) as (keyof typeof STAT)[];

/** The shape of all rows that are read: a copy of it is one object, and there is nothing else to collect. */
const EMPTY: Readonly<MemberStats> = { ...STAT };

export class StatTable {
  /** `slot * STAT_FIELDS + STAT.x` */
  readonly fields: Float64Array;
  readonly slotCount: number;

  constructor(fields: Float64Array) {
    this.fields = fields;
    this.slotCount = Math.floor(fields.length / STAT_FIELDS);
  }

  countForward(slot: number, packets: number, bytes: number): void {
    const at = slot * STAT_FIELDS;
    this.fields[at + STAT.packets]! += packets;
    this.fields[at + STAT.bytes]! += bytes;
  }

  countReverse(slot: number, packets: number, bytes: number): void {
    const at = slot * STAT_FIELDS;
    this.fields[at + STAT.replyPackets]! += packets;
    this.fields[at + STAT.replyBytes]! += bytes;
  }

  add(slot: number, field: number, amount: number): void {
    this.fields[slot * STAT_FIELDS + field]! += amount;
  }

  /** All of a row, gauges rounded. */
  read(slot: number): MemberStats {
    const base = slot * STAT_FIELDS;
    const row: MemberStats = { ...EMPTY };
    for (const name of STAT_NAMES) row[name] = Math.round(this.fields[base + STAT[name]]!);
    return row;
  }

  /** The publisher clears a row before it gives it to another member. */
  clear(slot: number): void {
    this.fields.fill(0, slot * STAT_FIELDS, (slot + 1) * STAT_FIELDS);
  }
}
