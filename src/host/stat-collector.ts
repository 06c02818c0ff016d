/**
 * Reads what the datapath has counted, at an interval, and makes a report of it.
 *
 * Theory of operation. The datapath's tables lie in memory that this thread sees, so collecting costs the
 * datapath nothing. Counters are monotonic; rates are their growth since the last sample, divided by the time
 * that has really passed. A report holds one row per statistics slot in use (LB × group × member) and goes to
 * every listener: the host's own listings, and the agent, which relays it to the controllers.
 */
import type { MemberStats, StatTable } from '../tables/stat-table.ts';
import type { DatapathIds, StatSlotOwner } from './publishing/datapath-ids.ts';

export const COLLECT_INTERVAL_MS = 1_000;

export interface MemberReport {
  readonly slot: number;
  readonly owner: StatSlotOwner;
  /** Totals since the slot was given to this owner. */
  readonly stats: MemberStats;
  /** Over the last interval. */
  readonly newFlowsPerSecond: number;
  /** Both directions, Ethernet bytes. */
  readonly bytesPerSecond: number;
}

export interface HostReport {
  /** Counts reports from 1. */
  readonly sequence: number;
  /** Wall clock, epoch milliseconds. */
  readonly atMs: number;
  /** Time that the rates cover. */
  readonly intervalMs: number;
  readonly members: readonly MemberReport[];
}

type ReportListener = (report: HostReport) => void;

export class StatCollector {
  private readonly stats: StatTable;
  private readonly ids: DatapathIds;
  private readonly listeners = new Set<ReportListener>();
  /** The rows of the last report, by slot. */
  private lastRows = new Map<number, MemberReport>();
  private sampledAtMs = 0;
  private sequence = 0;
  private timer: NodeJS.Timeout | undefined;
  private last: HostReport = { sequence: 0, atMs: 0, intervalMs: 0, members: [] };

  constructor(stats: StatTable, ids: DatapathIds) {
    this.stats = stats;
    this.ids = ids;
  }

  /**
   * Counters as they are at this moment, rates of the last report; a row that is younger than that has none. Of one
   * group, if it is named.
   */
  current(group?: string): HostReport {
    const members: MemberReport[] = [];
    for (const [slot, owner] of this.ids.statSlotOwners()) {
      if (group !== undefined && owner.group !== group) continue;
      const rates = this.lastRows.get(slot);
      const isSame = rates?.owner === owner;
      members.push({
        slot,
        owner,
        stats: this.stats.read(slot),
        newFlowsPerSecond: isSame ? rates.newFlowsPerSecond : 0,
        bytesPerSecond: isSame ? rates.bytesPerSecond : 0,
      });
    }
    return { ...this.last, members };
  }

  /** Calls back with each new report until the returned function is called. */
  subscribe(listener: ReportListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    this.collect(performance.now());
    this.timer = setInterval(() => this.collect(performance.now()), COLLECT_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** One report; `nowMs` on any monotonic clock, the same one at each call. */
  collect(nowMs: number): HostReport {
    const intervalMs = this.sequence === 0 ? 0 : nowMs - this.sampledAtMs;
    const rows = new Map<number, MemberReport>();
    const members: MemberReport[] = [];
    for (const [slot, owner] of this.ids.statSlotOwners()) {
      const stats = this.stats.read(slot);
      const before = this.lastRows.get(slot);
      // A slot that has changed hands starts from zero.
      const base = before?.owner === owner ? before.stats : undefined;
      const perSecond = (grown: number): number =>
        intervalMs > 0 ? Math.max(0, Math.round((grown * 1000) / intervalMs)) : 0;
      const row: MemberReport = {
        slot,
        owner,
        stats,
        newFlowsPerSecond: perSecond(stats.newFlows - (base?.newFlows ?? 0)),
        bytesPerSecond: perSecond(
          stats.bytes + stats.replyBytes - (base === undefined ? 0 : base.bytes + base.replyBytes),
        ),
      };
      rows.set(slot, row);
      members.push(row);
    }
    this.lastRows = rows;
    this.sampledAtMs = nowMs;
    this.last = { sequence: ++this.sequence, atMs: Date.now(), intervalMs, members };
    for (const listener of this.listeners) listener(this.last);
    return this.last;
  }
}
