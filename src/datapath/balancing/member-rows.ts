/**
 * The statistics rows of load balancers' members, and the properties of a connection that its row determines: its
 * group's timers and its member.
 *
 * A row exists while a load balancer has flows to a member, and a while longer (tables/stat-table.ts). Timers are
 * kept by member, for the few groups with their own, and copied to each row, so that a packet finds them by its row.
 */
import { NONE } from '../../tables/common/bucket-index.ts';
import type { StatTable } from '../../tables/stat-table.ts';

interface Timers {
  readonly idleMs: number;
  readonly repickMs: number;
}

export class MemberRows {
  /** Per row: the group's own timers for datagram flows, 0 for the host's. */
  readonly idleMs: Int32Array;
  readonly repickMs: Int32Array;
  private readonly stats: StatTable;
  /** By member; only members with own timers are listed. */
  private readonly timers = new Map<number, Timers>();
  private isChanged = false;

  constructor(stats: StatTable) {
    this.stats = stats;
    this.idleMs = new Int32Array(stats.slotCount);
    this.repickMs = new Int32Array(stats.slotCount);
  }

  /** The row of a load balancer's member; NONE: no row is free. */
  rowOf(balancer: number, member: number): number {
    const found = this.stats.find(balancer, member);
    if (found !== NONE) return found;
    const row = this.stats.acquire(balancer, member);
    if (row !== NONE) this.copyTimers(row, member);
    return row;
  }

  /** Timers of a member's datagram flows, 0 for the host's; applied by the next `renewTimers`. */
  setTimers(member: number, idleMs: number, repickMs: number): void {
    const before = this.timers.get(member);
    if ((before?.idleMs ?? 0) === idleMs && (before?.repickMs ?? 0) === repickMs) return;
    if (idleMs === 0 && repickMs === 0) this.timers.delete(member);
    else this.timers.set(member, { idleMs, repickMs });
    this.isChanged = true;
  }

  renewTimers(): void {
    if (!this.isChanged) return;
    this.isChanged = false;
    this.forEachRow((row, member) => this.copyTimers(row, member));
  }

  /** The rows of these members at all load balancers. */
  rowsOf(members: readonly number[]): number[] {
    const wanted = new Set(members);
    const rows: number[] = [];
    this.forEachRow((row, member) => {
      if (wanted.has(member)) rows.push(row);
    });
    return rows;
  }

  private forEachRow(visit: (row: number, member: number) => void): void {
    const { stats } = this;
    for (let row = 0; row < stats.highWater; row++) {
      if (stats.balancerOf(row) !== NONE) visit(row, stats.memberOf(row));
    }
  }

  private copyTimers(row: number, member: number): void {
    const timers = this.timers.get(member);
    this.idleMs[row] = timers?.idleMs ?? 0;
    this.repickMs[row] = timers?.repickMs ?? 0;
  }
}
