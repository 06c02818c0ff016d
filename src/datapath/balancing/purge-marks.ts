/**
 * Marks the records to be removed because their member has failed or was removed.
 *
 * Theory of operation. A mark on a member's stat slot takes effect at once: a lookup that hits a row of a marked slot
 * removes the row instead (ConnectionTracking.isPurged). The sweep removes the rest and clears the marks after one
 * full turn. Rows created after the mark stay. A removed member keeps its TCP flows; datagram flows, which have no
 * end, move to other members.
 */
import { COLD, COLD_WORDS } from '../../tables/balancing/connection-record.ts';
import type { ConnectionTable } from '../../tables/balancing/connection-table.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Context } from '../frame/context.ts';

const MARK_NONE = 0;
const MARK_ALL = 1;
const MARK_DATAGRAMS = 2;

export class PurgeMarks {
  private readonly context: Context;
  private readonly table: ConnectionTable;
  /** MARK_… per stat slot, and its time; rows older than the mark are removed. */
  private readonly marked: Uint8Array;
  private readonly markedMs: Int32Array;
  private marks: number[] = [];
  /** Rows to visit before the marks can be cleared; 0: there are none. */
  rowsLeft = 0;
  /** Rows of the table at the last count. */
  private rows = 0;

  constructor(context: Context) {
    this.context = context;
    this.table = context.tables.connections;
    this.marked = new Uint8Array(context.tables.limits.maxStatSlots);
    this.markedMs = new Int32Array(context.tables.limits.maxStatSlots);
  }

  /** Marks slots: all of their records, or only those that are not TCP. */
  set(statSlots: readonly number[], which: 'all' | 'datagrams'): void {
    for (const slot of statSlots) {
      if (this.marked[slot] === MARK_NONE) this.marks.push(slot);
      // A member that failed and was then removed stays marked as failed.
      if (this.marked[slot] !== MARK_ALL) this.marked[slot] = which === 'all' ? MARK_ALL : MARK_DATAGRAMS;
      this.markedMs[slot] = this.context.nowMs;
    }
    this.rows = this.table.highWater;
    this.rowsLeft = this.rows;
  }

  /** Whether a record must be removed. */
  cover(row: number): boolean {
    return this.rowsLeft !== 0 && this.covers(row, this.table.statSlot(row));
  }

  /** The same for the slot of a middlebox on the record's way. */
  covers(row: number, slot: number): boolean {
    const mark = this.marked[slot]!;
    if (mark === MARK_NONE || this.isYounger(row, this.markedMs[slot]!)) return false;
    return mark === MARK_ALL || this.table.protocol(row) !== ipv4.PROTOCOL_TCP;
  }

  /** Called before each step of the sweep: the turn of a purge may have become longer. */
  extend(): void {
    const used = this.table.highWater;
    if (this.rowsLeft > 0) this.rowsLeft += used - this.rows;
    this.rows = used;
  }

  /** The sweep has visited this many rows; after a full turn the marks are cleared. */
  visited(rows: number): void {
    if (this.rowsLeft === 0) return;
    this.rowsLeft = Math.max(0, this.rowsLeft - rows);
    if (this.rowsLeft > 0) return;
    for (const slot of this.marks) this.marked[slot] = MARK_NONE;
    this.marks = [];
  }

  /** Whether a record was created after a time within the last minutes; the record may be months old. */
  private isYounger(row: number, thanMs: number): boolean {
    const { nowMs } = this.context;
    return (nowMs - this.table.cold[row * COLD_WORDS + COLD.createdMs]!) >>> 0 < (nowMs - thanMs) >>> 0;
  }
}
