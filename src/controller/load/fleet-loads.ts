/** The input of policies: what load balancers measure (aggregation.ts) and what members report (reported-loads.ts). */
import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig } from '../../config/model/model.ts';
import type { MemberGlobal } from '../../messages/messages.ts';
import { relativeLoad } from '../../policy/congestion.ts';
import { type Aggregation, type HostLoads, NO_REPORTED_LOAD } from './aggregation.ts';
import type { ReportedLoads } from './reported-loads.ts';

export class FleetLoads {
  private readonly aggregation: Aggregation;
  private readonly reported: ReportedLoads;
  private readonly groupOf: (name: string) => GroupConfig | undefined;

  constructor(
    aggregation: Aggregation,
    reported: ReportedLoads,
    groupOf: (name: string) => GroupConfig | undefined,
  ) {
    this.aggregation = aggregation;
    this.reported = reported;
    this.groupOf = groupOf;
  }

  /** By member; members of which neither hosts nor they themselves report anything are not listed. */
  loads(group: string, nowMs: number): ReadonlyMap<string, MemberGlobal> {
    const measured = this.aggregation.loads(group, nowMs);
    const config = this.groupOf(group);
    if (config?.load === undefined) return measured;
    const { load } = config;
    const loads = new Map(measured);
    for (const member of membersOf(config)) {
      const told = this.reported.of(group, load, member, nowMs);
      if (told === undefined) continue;
      const figures = loads.get(member.name) ?? { ...UNMEASURED, name: member.name };
      const { load: reportedLoad, reporters: loadReporters, ageMs: reportedAgeMs } = told;
      loads.set(member.name, { ...figures, reportedLoad, loadReporters, reportedAgeMs });
    }
    return load.from === 'both' ? combined(loads) : loads;
  }

  loadsByBalancer(group: string, nowMs: number): ReadonlyMap<string, HostLoads> {
    return this.aggregation.loadsByBalancer(group, nowMs);
  }

  versionOf(group: string, nowMs: number): number {
    return this.aggregation.versionOf(group, nowMs);
  }

  silenceMs(nowMs: number): number {
    return this.aggregation.silenceMs(nowMs);
  }
}

/** A member that no host reports. */
const UNMEASURED: Omit<MemberGlobal, 'name'> = {
  hosts: 0,
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  packetsPerSecond: 0,
  synTimeMicros: 0,
  rttMicros: 0,
  retransmissionsPerSecond: 0,
  resetsPerSecond: 0,
  failedConnectsPerSecond: 0,
  zeroWindowsPerSecond: 0,
  windowBytes: 0,
  congestionPercent: 100,
  ageMs: 0,
  ...NO_REPORTED_LOAD,
};

/** The reported load of members that report one, and their flows, in percent of their mean. */
function combined(loads: ReadonlyMap<string, MemberGlobal>): ReadonlyMap<string, MemberGlobal> {
  const reporting = [...loads.values()].filter(({ loadReporters }) => loadReporters > 0);
  const percents = relativeLoad(reporting, ['reportedLoad', 'activeFlows']);
  const next = new Map(loads);
  reporting.forEach((figures, i) => {
    next.set(figures.name, { ...figures, reportedLoad: percents[i]! });
  });
  return next;
}
