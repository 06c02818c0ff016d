/** What the fleet carries, for the page: from the load reports that the controller has, without asking any host. */
import {
  busiestFirst,
  type GroupLoad,
  type GroupSender,
  groupFacts,
  MAX_SENDERS,
  type Overview,
} from '../api/page/overview.ts';
import type { GroupConfig } from '../config/model/model.ts';
import { momentOf } from '../runtime/runtime.ts';
import type { Controller } from './controller.ts';
import type { Term } from './term.ts';

/** Groups whose senders are read, as each read visits every host. */
const MAX_GROUPS_WITH_SENDERS = 40;

/** Throws a Refusal if this controller does not lead. */
export function fleetOverview(controller: Controller): Overview {
  const term = controller.leading();
  const { monotonicMs, wallMs } = momentOf(controller.runtime);
  const groups = [...controller.groups.values()].map(({ group }) =>
    groupLoad(term, group, { monotonicMs, wallMs }),
  );
  const busy = groups.filter(({ activeFlows, bytesPerSecond }) => activeFlows > 0 || bytesPerSecond > 0);
  const senders = busy
    .sort(busiestFirst)
    .slice(0, MAX_GROUPS_WITH_SENDERS)
    .flatMap(({ group }) => sendersOf(term, group, monotonicMs));
  return { groups, senders: senders.sort(busiestFirst).slice(0, MAX_SENDERS) };
}

function groupLoad(
  term: Term,
  group: GroupConfig,
  { monotonicMs, wallMs }: ReturnType<typeof momentOf>,
): GroupLoad {
  const load = { activeFlows: 0, newFlowsPerSecond: 0, bytesPerSecond: 0 };
  for (const one of term.aggregation.loads(group.name, monotonicMs).values()) {
    load.activeFlows += one.activeFlows;
    load.newFlowsPerSecond += one.newFlowsPerSecond;
    load.bytesPerSecond += one.bytesPerSecond;
  }
  return {
    ...groupFacts(group, wallMs),
    activeFlows: load.activeFlows,
    newFlowsPerSecond: Math.round(load.newFlowsPerSecond),
    bytesPerSecond: Math.round(load.bytesPerSecond),
  };
}

function sendersOf({ aggregation }: Term, group: string, nowMs: number): GroupSender[] {
  const senders: GroupSender[] = [];
  for (const [host, { balancers }] of aggregation.loadsByBalancer(group, nowMs)) {
    for (const [loadBalancer, { activeFlows, bytesPerSecond }] of balancers) {
      if (activeFlows === 0 && bytesPerSecond === 0) continue;
      const name = loadBalancer.slice(loadBalancer.indexOf(' ') + 1); // without the kind
      const bytes = Math.round(bytesPerSecond);
      senders.push({ host, loadBalancer: name, group, activeFlows, bytesPerSecond: bytes });
    }
  }
  return senders;
}
