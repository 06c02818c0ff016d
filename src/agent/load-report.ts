/**
 * This host's load report to the controllers: traffic of its LBs to each member, per LB, or summed over the LBs if
 * weights are common to all, which takes far fewer rows.
 *
 * Theory of operation. A report updates the rows that have counted something since the last one. A row exists from its
 * first flow; for members of groups whose load is requested it exists earlier, with zeros, as no flows is a figure, too.
 * It is removed when nothing counts there any more and its load is not requested.
 *
 * Counters and flows are summed; times are averaged over the LBs that have measured them, weighted by the number of
 * measurements. A draining member's flow counts as ended at once, though its record stays for some minutes for late
 * packets, so that a drain does not wait for these.
 */

import { difference } from '../config/model/difference.ts';
import type { PlannedLoadBalancer } from '../config/model/load-balancer-plan.ts';
import type { GroupConfig } from '../config/model/model.ts';
import type { RemainingFlows } from '../host/listings/remaining-flows.ts';
import type { DatapathIds, MemberIdentity } from '../host/publishing/datapath-ids.ts';
import type { StatCollector } from '../host/stat-collector.ts';
import type { RowFigures, RowKey } from '../messages/report.ts';
import { ReportTable } from '../messages/report-table.ts';
import type { MemberStats } from '../tables/stat-table.ts';

/** Whether a group's sources are scaled, or its weights computed, per LB; its rows are then reported per LB. */
const needsBalancers = ({ scaling, policy }: GroupConfig): boolean =>
  scaling?.sources !== undefined || policy?.perLoadBalancer === true;

export const needsLoadByBalancer = (groups: readonly GroupConfig[]): boolean => groups.some(needsBalancers);

const needsLoad = ({ policy, scaling }: GroupConfig): boolean =>
  policy !== undefined || scaling !== undefined;

export interface LoadSources {
  /** Refreshed. */
  readonly collector: Pick<
    StatCollector,
    'of' | 'has' | 'members' | 'takeChanged' | 'rowAt' | 'readRow' | 'liveRows'
  >;
  readonly ids: Pick<DatapathIds, 'membersOf' | 'memberOf' | 'loadBalancerKey'>;
  readonly groups: readonly GroupConfig[];
  readonly plan: readonly PlannedLoadBalancer[];
  readonly left: RemainingFlows;
}

/** One row of the table. */
interface Entry {
  readonly key: RowKey;
  /** Members by number, or statistics rows, whose figures are summed here. */
  readonly parts: Set<number>;
  isWanted: boolean;
}

export class LoadReport {
  readonly table = new ReportTable();
  private isRaw: boolean | undefined;
  private groups: readonly GroupConfig[] = [];
  private plan: readonly PlannedLoadBalancer[] = [];
  private readonly entries = new Map<string, Entry>();
  private readonly entryOfPart = new Map<number, Entry>();
  /** Requested entries, by group. */
  private readonly wanted = new Map<string, readonly Entry[]>();
  /** Members to check for having left their groups: new rows, and rows of changed groups. */
  private readonly unsure = new Set<number>();
  /** Parts that had remaining flows on a draining member in the last report. */
  private drained = new Set<number>();
  private readonly omitted = new Set<string>();

  /** Rows that did not fit. */
  get omittedRows(): number {
    return this.omitted.size;
  }

  /** Updates the table to the current figures. */
  fill(sources: LoadSources, isRaw: boolean): void {
    const changed = sources.collector.takeChanged();
    const isOther = isRaw !== this.isRaw;
    if (isOther) this.clear(isRaw);
    const due = isRaw
      ? this.dueRows(sources, isOther, changed.rows)
      : this.dueMembers(sources, isOther, changed.members);
    const left = isRaw ? sources.left.byRow : sources.left.byMember;
    for (const part of this.drained) due.add(part);
    for (const part of left.keys()) due.add(part);
    this.drained = new Set(left.keys());
    const entries = new Set<Entry>();
    for (const part of due) {
      if (!isRaw && !this.entryOfPart.has(part)) this.unsure.add(part);
      const entry = this.place(part, isRaw ? rowKey(part, sources) : memberKey(part, sources));
      if (entry !== undefined) entries.add(entry);
    }
    const statsOf = (part: number): MemberStats =>
      withoutOver(isRaw ? sources.collector.readRow(part) : sources.collector.of(part).stats, left.get(part));
    for (const entry of entries) this.tell(entry, [...entry.parts].map(statsOf));
    if (!isRaw) this.dropGone(sources);
  }

  private clear(isRaw: boolean): void {
    this.isRaw = isRaw;
    this.groups = [];
    this.plan = [];
    this.entries.clear();
    this.entryOfPart.clear();
    this.wanted.clear();
    this.unsure.clear();
    this.omitted.clear();
    this.drained.clear();
    this.table.clear();
  }

  // --- requested entries --------------------------------------------------------------------------------------

  private dueMembers(
    { groups, collector, ids }: LoadSources,
    isAll: boolean,
    changed: ReadonlySet<number>,
  ): Set<number> {
    const { gone, come } = difference(this.groups, groups);
    this.groups = groups;
    for (const { name } of gone) {
      this.want(name, []);
      for (const id of ids.membersOf(name)) if (this.entryOfPart.has(id)) this.unsure.add(id);
    }
    for (const group of come) if (needsLoad(group)) this.want(group.name, sumKeys(group));
    return new Set(isAll ? collector.members : changed);
  }

  private dueRows(sources: LoadSources, isAll: boolean, changed: ReadonlySet<number>): Set<number> {
    const { groups, plan, collector } = sources;
    if (groups !== this.groups || plan !== this.plan) {
      const special = groups.filter(needsBalancers);
      const names = new Set(special.map(({ name }) => name));
      for (const name of [...this.wanted.keys()]) if (!names.has(name)) this.want(name, []);
      for (const group of special) {
        const enforcing = plan.filter((balancer) => balancer.groups.includes(group));
        this.want(
          group.name,
          sumKeys(group).flatMap((key) =>
            enforcing.map((balancer) => ({ ...key, loadBalancer: balancer.key })),
          ),
        );
      }
      this.groups = groups;
      this.plan = plan;
    }
    return new Set(isAll ? [...collector.liveRows].map(({ slot }) => slot) : changed);
  }

  /** Sets the rows of a group that exist even without traffic, in place of the previous ones. */
  private want(group: string, keys: readonly RowKey[]): void {
    const before = this.wanted.get(group) ?? [];
    const after = keys.map((key) => this.entryFor(key));
    const previous = new Set(before);
    for (const entry of before) entry.isWanted = false;
    for (const entry of after) {
      entry.isWanted = true;
      if (entry.parts.size === 0 && !previous.has(entry)) this.tell(entry, []);
    }
    for (const entry of before) this.dropUnused(entry);
    if (after.length === 0) this.wanted.delete(group);
    else this.wanted.set(group, after);
  }

  /** Members that are no longer configured are removed with their last record. */
  private dropGone({ collector, groups, ids }: LoadSources): void {
    if (this.unsure.size === 0) return;
    const byName = new Map(groups.map((group) => [group.name, group]));
    for (const id of this.unsure) {
      const identity = ids.memberOf(id)!;
      const group = byName.get(identity.group);
      const isThere = group?.criteria.some(({ members }) =>
        members.some((member) => isSame(member, identity)),
      );
      if (!isThere && collector.of(id).stats.records > 0) continue;
      this.unsure.delete(id);
      if (!isThere) this.place(id, undefined);
    }
  }

  // --- entries -----------------------------------------------------------------------------------------------

  /** Assigns a part to the entry of this key, and to no other; undefined: to none. */
  private place(part: number, key: RowKey | undefined): Entry | undefined {
    const before = this.entryOfPart.get(part);
    const entry = key && this.entryFor(key);
    if (entry === before) return entry;
    if (before !== undefined) {
      before.parts.delete(part);
      this.dropUnused(before);
    }
    if (entry === undefined) this.entryOfPart.delete(part);
    else {
      entry.parts.add(part);
      this.entryOfPart.set(part, entry);
    }
    return entry;
  }

  private entryFor(key: RowKey): Entry {
    const name = nameOf(key);
    const known = this.entries.get(name);
    if (known !== undefined) return known;
    const entry = { key, parts: new Set<number>(), isWanted: false };
    this.entries.set(name, entry);
    return entry;
  }

  private dropUnused(entry: Entry): void {
    if (entry.isWanted || entry.parts.size > 0) return;
    const name = nameOf(entry.key);
    this.entries.delete(name);
    this.omitted.delete(name);
    this.table.remove(entry.key);
  }

  private tell(entry: Entry, parts: readonly MemberStats[]): void {
    if (this.table.set(entry.key, figuresOf(parts))) this.omitted.delete(nameOf(entry.key));
    else this.omitted.add(nameOf(entry.key));
  }
}

/** Excludes ended flows of a draining member. */
function withoutOver(stats: MemberStats, left: number | undefined): MemberStats {
  if (left === undefined) return stats;
  return { ...stats, endedFlows: Math.max(stats.endedFlows, stats.newFlows - left) };
}

function rowKey(slot: number, { collector, ids }: LoadSources): RowKey | undefined {
  const row = collector.rowAt(slot);
  const identity = row && ids.memberOf(row.member);
  const loadBalancer = row && ids.loadBalancerKey(row.balancer);
  if (identity === undefined || loadBalancer === undefined) return undefined;
  const { group, member, address } = identity;
  return { group, member, address, loadBalancer };
}

/** A draining member that never had a flow has no figures. */
function memberKey(id: number, { collector, ids }: LoadSources): RowKey | undefined {
  if (!collector.has(id)) return undefined;
  const { group, member, address } = ids.memberOf(id)!;
  return { group, member, address, loadBalancer: '' };
}

const sumKeys = ({ name: group, criteria }: GroupConfig): RowKey[] =>
  criteria.flatMap(({ members }) =>
    members.map(({ name, address }) => ({ group, member: name, address, loadBalancer: '' })),
  );

const isSame = (
  { name, address, port }: { readonly name: string; readonly address: string; readonly port?: number },
  identity: MemberIdentity,
): boolean => name === identity.member && address === identity.address && port === identity.port;

function figuresOf(parts: readonly MemberStats[]): Partial<RowFigures> {
  const total = (field: keyof MemberStats): number => parts.reduce((sum, part) => sum + part[field], 0);
  const average = (gauge: keyof MemberStats, weight: keyof MemberStats): number => {
    const measured = parts.filter((part) => part[gauge] > 0);
    const weights = measured.reduce((sum, part) => sum + Math.max(1, part[weight]), 0);
    const sum = measured.reduce((sum, part) => sum + part[gauge] * Math.max(1, part[weight]), 0);
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
  return {
    packets: total('packets'),
    bytes: total('bytes'),
    replyPackets: total('replyPackets'),
    replyBytes: total('replyBytes'),
    newFlows: total('newFlows'),
    endedFlows: total('endedFlows'),
    activeFlows: total('activeFlows'),
    resets: total('resets'),
    connects: total('connects'),
    failedConnects: total('failedConnects'),
    synTimeMicros: average('synTimeMicros', 'connects'),
    rttMicros: average('rttMicros', 'packets'),
    retransmissions: total('retransmissions'),
    zeroWindows: total('zeroWindows'),
    windowBytes: average('windowBytes', 'replyPackets'),
    requests: total('requests'),
    requestTimeMicros: average('requestTimeMicros', 'requests'),
  };
}

const nameOf = ({ group, member, address, loadBalancer }: RowKey): string =>
  JSON.stringify([group, member, address, loadBalancer]);
