/**
 * What this host tells the controllers about load: what its LBs have sent to each member, each LB on its own, or first
 * summed over the LBs, which is all that weights for everybody need and far fewer rows.
 *
 * Theory of operation. The table of figures is kept; a report brings those rows up to date that have counted something
 * since the last one. A row is there from its first flow on, and for the members of groups whose load somebody asks for
 * also before, with zeros: no flows are a figure, too. It goes when nothing counts there any more and nobody asks.
 *
 * Sums add up counters and flows; times are averages over the LBs that have measured them, weighted by how many times
 * they did. Of a draining member a flow has ended as soon as it is over, though its record stays for some minutes, for
 * packets that are late: whoever waits for the last flow need not wait for that.
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

/** Whether a group's sources are scaled, or its weights computed, by what each LB sends; then rows are told one by one. */
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
  /** Members by number, or statistics rows, that count here. */
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
  /** Entries that are wanted, by group. */
  private readonly wanted = new Map<string, readonly Entry[]>();
  /** Members that may have left their groups: new rows, and rows of groups that have changed. */
  private readonly unsure = new Set<number>();
  /** Parts that had flows left on a draining member in the last report. */
  private drained = new Set<number>();
  private readonly omitted = new Set<string>();

  /** Rows that did not fit. */
  get omittedRows(): number {
    return this.omitted.size;
  }

  /** Brings the table up to the figures of now. */
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

  // --- what is to be told -------------------------------------------------------------------------------------

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

  /** Rows of a group that are there whether or not anything counts, in place of the former ones. */
  private want(group: string, keys: readonly RowKey[]): void {
    const before = this.wanted.get(group) ?? [];
    const after = keys.map((key) => this.entryFor(key));
    const former = new Set(before);
    for (const entry of before) entry.isWanted = false;
    for (const entry of after) {
      entry.isWanted = true;
      if (entry.parts.size === 0 && !former.has(entry)) this.tell(entry, []);
    }
    for (const entry of before) this.dropUnused(entry);
    if (after.length === 0) this.wanted.delete(group);
    else this.wanted.set(group, after);
  }

  /** Members that are not configured any more go with their last record. */
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

  /** Lets a part count in the entry of this key, and in no other; undefined: nowhere any more. */
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

/** Flows of a draining member that are over have ended. */
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

/** A member that drains and has never had a flow has no figures. */
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
