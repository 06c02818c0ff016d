/**
 * Reads the datapath's counters at an interval, and keeps the sums by member.
 *
 * Theory of operation. The datapath's tables are in memory that this thread can read, so collecting costs the
 * datapath nothing. The table's journal names the changed rows, and only those are read: an idle host costs nothing,
 * whatever its configuration. A row is read again one interval after its entry was taken (see tables/stat-table.ts),
 * which is also when its rates return to 0. Rates are the growth since the last sample, divided by the actual time
 * between them.
 *
 * A row without records that was silent for SILENT_MS is returned to the datapath; its counts stay in its member's
 * sums.
 */

import type { Runtime, Timer } from '../runtime/runtime.ts';
import { NONE } from '../tables/common/bucket-index.ts';
import { type MemberStats, NO_STATS, STAT, STAT_FIELDS, type StatTable } from '../tables/stat-table.ts';
import { MemberTotals } from './member-totals.ts';
import type { DatapathIds, MemberIdentity } from './publishing/datapath-ids.ts';

export const COLLECT_INTERVAL_MS = 1_000;
/** A row without records is freed after this time without counts. */
export const SILENT_MS = 60_000;
/** Rows freed at a time. */
const RELEASED_ROWS = 4_096;

/** Statistics of one member at one address. */
export interface MemberReport {
  /** Totals since the host started. */
  readonly stats: MemberStats;
  /** Over the last interval. */
  readonly newFlowsPerSecond: number;
  /** Both directions, Ethernet bytes. */
  readonly bytesPerSecond: number;
}

/** A statistics row in use. */
export interface CollectedRow {
  readonly slot: number;
  /** Number of the load balancer. */
  readonly balancer: number;
  /** Number of the member. */
  readonly member: number;
  /** Number of times the row had been freed when this owner took it. */
  readonly givenBack: number;
  /** Its journal position when last read. */
  notedAt: number;
}

/** Counters by their numbers, with the names of the numbers. */
export interface CarriedTotals {
  readonly members: readonly {
    readonly id: number;
    readonly group: string;
    readonly member: string;
    readonly counters: Partial<MemberStats>;
  }[];
  readonly loadBalancers: readonly {
    readonly id: number;
    readonly key: string;
    readonly counters: Partial<MemberStats>;
  }[];
}

interface Rates {
  /** At the last sample. */
  newFlows: number;
  bytes: number;
  newFlowsPerSecond: number;
  bytesPerSecond: number;
}

type ReleaseRows = (rows: readonly number[], notedAt: readonly number[]) => Promise<void>;

export class StatCollector {
  private readonly stats: StatTable;
  private readonly ids: DatapathIds;
  private readonly releaseRows: ReleaseRows;
  private readonly totals = new MemberTotals();
  /** The same by load balancer, with balancer numbers in place of member numbers. */
  private readonly balancerTotals = new MemberTotals();
  /** Keys of the load balancers that have counted something, as of their last reading. */
  private readonly balancerKeys = new Map<number, string | undefined>();
  /** Rows in use, as last read. */
  private readonly rows = new Map<number, CollectedRow>();
  /** Members that have counted something, as of the last reading of their numbers. */
  private readonly identities = new Map<number, MemberIdentity | undefined>();
  /** Rows whose entries were taken in this interval, and in the previous one. */
  private recent = new Set<number>();
  private previous = new Set<number>();
  /** Members that have, or may have, rates. */
  private readonly rated = new Map<number, Rates>();
  /** Rows without records, longest silent first, and since when. */
  private readonly silent = new Map<number, number>();
  private changedMembers = new Set<number>();
  private changedRows = new Set<number>();
  private sampledAtMs = 0;
  private samples = 0;
  private isReleasing = false;
  private runtime: Runtime | undefined;
  private timer: Timer | undefined;

  constructor(stats: StatTable, ids: DatapathIds, releaseRows: ReleaseRows = async () => {}) {
    this.stats = stats;
    this.ids = ids;
    this.releaseRows = releaseRows;
  }

  start(runtime: Runtime): void {
    this.collect(runtime.monotonicMs());
    this.runtime = runtime;
    this.timer = runtime.setTicker(() => this.collect(runtime.monotonicMs()), COLLECT_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    this.runtime?.clearTimer(this.timer);
  }

  /** A member's sums, current if `refresh` was just called, and the rates of the last interval. */
  of(member: number): MemberReport {
    const rates = this.rated.get(member);
    return {
      stats: this.totals.of(member),
      newFlowsPerSecond: rates?.newFlowsPerSecond ?? 0,
      bytesPerSecond: rates?.bytesPerSecond ?? 0,
    };
  }

  /** Sums of a load balancer over all members, like `of`. */
  ofBalancer(balancer: number): MemberStats {
    const isKnown = this.balancerKeys.get(balancer) === this.ids.loadBalancerKey(balancer);
    return isKnown ? this.balancerTotals.of(balancer) : NO_STATS;
  }

  /** Members that have counted something since the host started. */
  get members(): Iterable<number> {
    return this.identities.keys();
  }

  has(member: number): boolean {
    return this.identities.has(member);
  }

  /** Counters of members and load balancers, for the next process. */
  get carried(): CarriedTotals {
    this.refresh();
    const members = [...this.identities].flatMap(([id, identity]) =>
      identity === undefined
        ? []
        : [{ id, group: identity.group, member: identity.member, counters: this.totals.counters(id) }],
    );
    const loadBalancers = [...this.balancerKeys].flatMap(([id, key]) =>
      key === undefined ? [] : [{ id, key, counters: this.balancerTotals.counters(id) }],
    );
    return { members, loadBalancers };
  }

  /** Continues a predecessor's counters, whose numbers are kept; call before the first `collect`. */
  carry({ members, loadBalancers }: CarriedTotals): void {
    for (const { id, group, member, counters } of members) {
      const identity = this.ids.memberOf(id);
      if (identity?.group !== group || identity.member !== member) continue;
      this.identities.set(id, identity);
      this.totals.carry(id, counters);
    }
    for (const { id, key, counters } of loadBalancers) {
      if (this.ids.loadBalancerKey(id) !== key) continue;
      this.balancerKeys.set(id, key);
      this.balancerTotals.carry(id, counters);
    }
  }

  /** Rows in use. */
  get liveRows(): Iterable<CollectedRow> {
    return this.rows.values();
  }

  /** Current figures of one row. */
  readRow(slot: number): MemberStats {
    return this.stats.read(slot);
  }

  /** Members and rows that have changed since the last call; a row no longer in use was removed. For one caller. */
  takeChanged(): { readonly members: ReadonlySet<number>; readonly rows: ReadonlySet<number> } {
    const changed = { members: this.changedMembers, rows: this.changedRows };
    this.changedMembers = new Set();
    this.changedRows = new Set();
    return changed;
  }

  rowAt(slot: number): CollectedRow | undefined {
    return this.rows.get(slot);
  }

  /** Updates the sums to this moment. */
  refresh(): void {
    this.stats.takeNoted((slot) => this.recent.add(slot));
    for (const slot of this.recent) this.read(slot);
    for (const slot of this.previous) if (!this.recent.has(slot)) this.read(slot);
  }

  /** Ends an interval; `nowMs` on any monotonic clock, the same one at each call. */
  collect(nowMs: number): void {
    this.refresh();
    this.rate(this.samples++ === 0 ? 0 : nowMs - this.sampledAtMs);
    this.sampledAtMs = nowMs;
    for (const slot of this.recent) this.noteSilence(slot, nowMs);
    this.previous = this.recent;
    this.recent = new Set();
    this.giveBack(nowMs);
  }

  private read(slot: number): void {
    const balancer = this.stats.balancerOf(slot);
    const member = this.stats.memberOf(slot);
    const givenBack = this.stats.givenBack(slot);
    const known = this.rows.get(slot);
    // The row may have been freed and taken again since it was read, even by the same owner.
    if (known !== undefined && known.givenBack !== givenBack) this.forget(known);
    this.changedRows.add(slot);
    if (balancer === NONE) return;
    const row = this.rows.get(slot) ?? { slot, balancer, member, givenBack, notedAt: 0 };
    this.rows.set(slot, row);
    row.notedAt = this.stats.notedAt(slot);
    const identity = this.ids.memberOf(member);
    if (this.identities.get(member) !== identity || !this.identities.has(member)) {
      // The number belongs to another member now.
      this.totals.clear(member);
      this.rated.delete(member);
      this.identities.set(member, identity);
    }
    const key = this.ids.loadBalancerKey(balancer);
    if (this.balancerKeys.get(balancer) !== key) {
      this.balancerTotals.clear(balancer);
      this.balancerKeys.set(balancer, key);
    }
    if (!this.rated.has(member)) {
      const [newFlows, bytes] = [this.totals.newFlows(member), this.totals.bytes(member)];
      this.rated.set(member, { newFlows, bytes, newFlowsPerSecond: 0, bytesPerSecond: 0 });
    }
    this.totals.add(slot, member, this.stats.fields, slot * STAT_FIELDS);
    this.balancerTotals.add(slot, balancer, this.stats.fields, slot * STAT_FIELDS);
    this.changedMembers.add(member);
  }

  private forget({ slot, balancer, member }: CollectedRow): void {
    this.totals.retire(slot, member);
    this.balancerTotals.retire(slot, balancer);
    this.changedMembers.add(member);
    this.rows.delete(slot);
    this.silent.delete(slot);
  }

  private rate(intervalMs: number): void {
    const perSecond = (grown: number): number =>
      intervalMs > 0 ? Math.max(0, Math.round((grown * 1000) / intervalMs)) : 0;
    for (const [member, rates] of this.rated) {
      const newFlows = this.totals.newFlows(member);
      const bytes = this.totals.bytes(member);
      rates.newFlowsPerSecond = perSecond(newFlows - rates.newFlows);
      rates.bytesPerSecond = perSecond(bytes - rates.bytes);
      if (newFlows === rates.newFlows && bytes === rates.bytes) this.rated.delete(member);
      rates.newFlows = newFlows;
      rates.bytes = bytes;
    }
  }

  private noteSilence(slot: number, nowMs: number): void {
    this.silent.delete(slot);
    if (!this.rows.has(slot)) return;
    // A row with records is listed again when the last of them ends.
    if (this.stats.fields[slot * STAT_FIELDS + STAT.records] === 0) this.silent.set(slot, nowMs);
  }

  private giveBack(nowMs: number): void {
    if (this.isReleasing) return;
    const rows: number[] = [];
    for (const [slot, sinceMs] of this.silent) {
      if (nowMs - sinceMs < SILENT_MS || rows.length === RELEASED_ROWS) break;
      rows.push(slot);
    }
    if (rows.length === 0) return;
    for (const slot of rows) this.silent.delete(slot);
    this.isReleasing = true;
    const notedAt = rows.map((slot) => this.rows.get(slot)!.notedAt);
    // A datapath that does not answer has ended, and the host ends with it.
    this.releaseRows(rows, notedAt)
      .catch(() => {})
      .finally(() => {
        this.isReleasing = false;
      });
  }
}
