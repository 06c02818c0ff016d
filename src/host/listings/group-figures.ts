/** `group show` of a host: a group's members with their figures and the weights that each load balancer has in force. */
import { countsOf, groupDetail, mostCommon, sum } from '../../api/group-listings.ts';
import type { GroupDetail, GroupOrigin, UpcomingRow } from '../../api/shapes.ts';
import type { GroupConfig, MemberConfig } from '../../config/model/model.ts';
import type { DatapathIds } from '../publishing/datapath-ids.ts';
import type { BuiltSnapshot } from '../publishing/snapshot-builder.ts';
import type { StatCollector } from '../stat-collector.ts';
import type { RemainingOfMember } from './remaining-flows.ts';
import { weightsInForce } from './weights-in-force.ts';

export interface GroupView {
  readonly ids: DatapathIds;
  /** Brought up to date. */
  readonly collector: Pick<StatCollector, 'of' | 'has' | 'liveRows' | 'readRow'>;
  readonly built: Pick<BuiltSnapshot, 'loadBalancers'>;
  /** Remaining flows of draining members. */
  readonly left: ReadonlyMap<string, RemainingOfMember>;
  readonly origin: GroupOrigin;
  /** null: not known here. */
  readonly upcoming: UpcomingRow[] | null;
  healthOf(member: string): string | undefined;
  readonly nowMs: number;
}

export function hostGroupDetail(group: GroupConfig, view: GroupView): GroupDetail {
  const { ids, collector, built, left, nowMs } = view;
  const numbers = new Map(ids.membersOf(group.name).map((id) => [id, ids.memberOf(id)!.member]));
  const counted = [...numbers]
    .filter(([id]) => collector.has(id))
    .map(([id, name]) => ({ name, report: collector.of(id) }));
  const weights = weightsInForce(built, ids.group(group.name), nowMs);
  const rows = rowsByMember(view, numbers);
  const figures = {
    origin: view.origin,
    total: countsOf(counted.map(({ report }) => report.stats)),
    loadBalancers: weights.size,
    upcoming: view.upcoming,
    ofMember(name: string, member: MemberConfig | undefined) {
      const own = counted.filter((one) => one.name === name).map(({ report }) => report);
      const weightAt = (loadBalancer: string): number => weights.get(loadBalancer)?.get(name) ?? 0;
      const inForce = member && mostCommon([...weights.keys()].map((key) => [weightAt(key), 1]));
      const weight = inForce ?? member?.weight ?? 0;
      const counts = rows.get(name) ?? new Map<string, Stats[]>();
      const shown = new Set([
        ...counts.keys(),
        ...[...weights.keys()].filter((loadBalancer) => weightAt(loadBalancer) !== weight),
      ]);
      const health = view.healthOf(name);
      const ownLeft = left.get(name);
      return {
        ...(health !== undefined && { health }),
        weight,
        ...countsOf(own.map(({ stats }) => stats)),
        newFlowsPerSecond: sum(own, (one) => one.newFlowsPerSecond),
        bytesPerSecond: sum(own, (one) => one.bytesPerSecond),
        flowsLeft: ownLeft?.flows ?? null,
        remaining: ownLeft === undefined || ownLeft.flows === 0 ? [] : [ownLeft],
        loadBalancers: [...shown].sort().map((loadBalancer) => ({
          loadBalancer,
          weight: weightAt(loadBalancer),
          ...countsOf(counts.get(loadBalancer) ?? []),
        })),
      };
    },
  };
  return groupDetail(group, figures, nowMs);
}

type Stats = ReturnType<GroupView['collector']['readRow']>;

/** By member, then by load balancer: statistics rows, several where a member has had several addresses. */
function rowsByMember(
  { collector, built }: GroupView,
  members: ReadonlyMap<number, string>,
): Map<string, Map<string, Stats[]>> {
  const names = new Map(built.loadBalancers.map(({ spec }) => [spec.id, spec.name]));
  const rows = new Map<string, Map<string, Stats[]>>();
  for (const { slot, balancer, member } of collector.liveRows) {
    const [name, loadBalancer] = [members.get(member), names.get(balancer)];
    if (name === undefined || loadBalancer === undefined) continue;
    const ofMember = rows.get(name) ?? new Map<string, Stats[]>();
    const stats = ofMember.get(loadBalancer) ?? [];
    stats.push(collector.readRow(slot));
    rows.set(name, ofMember.set(loadBalancer, stats));
  }
  return rows;
}
