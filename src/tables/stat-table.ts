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
  /** Gauge: connection records in the table. */
  activeFlows: 5,
  /** Flows that ended: both FINs seen, a reset, or idle. */
  endedFlows: 6,
  /** Resets, from either side. */
  resets: 7,
} as const;

export interface MemberStats {
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  newFlows: number;
  activeFlows: number;
  endedFlows: number;
  resets: number;
}

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

  read(slot: number): MemberStats {
    const base = slot * STAT_FIELDS;
    const fields = this.fields;
    return {
      packets: fields[base + STAT.packets]!,
      bytes: fields[base + STAT.bytes]!,
      replyPackets: fields[base + STAT.replyPackets]!,
      replyBytes: fields[base + STAT.replyBytes]!,
      newFlows: fields[base + STAT.newFlows]!,
      activeFlows: fields[base + STAT.activeFlows]!,
      endedFlows: fields[base + STAT.endedFlows]!,
      resets: fields[base + STAT.resets]!,
    };
  }

  /** The publisher clears a row before it gives it to another member. */
  clear(slot: number): void {
    this.fields.fill(0, slot * STAT_FIELDS, (slot + 1) * STAT_FIELDS);
  }
}
