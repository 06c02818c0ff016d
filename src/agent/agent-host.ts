/** What an agent needs of the host that it joins to the controllers. */
import type { Configuration, GroupConfig } from '../config/model/model.ts';
import type { EnforcedGroups, Host } from '../host/host.ts';
import { remainingFlowsOf } from '../host/listings/remaining-flows.ts';
import type { WeightsByLoadBalancer } from '../host/publishing/weights.ts';
import type { LoadSources } from './load-report.ts';
import type { LocalFlows } from './local-weights.ts';

export interface AgentHost {
  /** The configuration in force. */
  readonly configuration: Configuration;
  /** The host's own revision of it. */
  readonly revision: number;
  /** Calls back with each configuration that comes into force, until the returned function is called. */
  onInForce(listener: (configuration: Configuration) => void): () => void;
  /** The LBs that would enforce these groups, and which each enforces. */
  enforcedGroups(groups: readonly GroupConfig[]): EnforcedGroups[];
  /** All or none; resolves when they are in force. `controllersClockMs`: current reading of the controllers' clock. */
  applyGroups(
    groups: readonly GroupConfig[],
    weights: WeightsByLoadBalancer,
    controllersClockMs?: number,
  ): Promise<unknown>;
  /** Current figures. */
  load(): LoadSources;
  /** Current active flows; counted on request. */
  localFlows(): LocalFlows;
}

export function agentHostOf(host: Host): AgentHost {
  return {
    get configuration() {
      return host.configuration;
    },
    get revision() {
      return host.publisher.revision;
    },
    onInForce: (listener) => host.publisher.onInForce(listener),
    enforcedGroups: (groups) => host.enforcedGroups(groups),
    applyGroups: (groups, weights, controllersClockMs) =>
      host.applyGroups(groups, weights, controllersClockMs),
    load() {
      const { collector, configuration, tables, builder, publisher } = host;
      const { groups } = configuration;
      collector.refresh();
      const left = remainingFlowsOf(groups, tables, builder.ids);
      return { collector, ids: builder.ids, groups, plan: publisher.inForce!.built.plan, left };
    },
    localFlows() {
      let flows: Map<string, number> | undefined;
      return (balancer, group, member) => {
        flows ??= activeFlows(host);
        return flows.get(JSON.stringify([balancer, group, member])) ?? 0;
      };
    },
  };
}

/** By load balancer, group and member. */
function activeFlows({ collector, builder: { ids } }: Host): Map<string, number> {
  const flows = new Map<string, number>();
  collector.refresh();
  for (const { slot, balancer, member } of collector.liveRows) {
    const identity = ids.memberOf(member)!;
    const key = JSON.stringify([ids.loadBalancerKey(balancer), identity.group, identity.member]);
    flows.set(key, (flows.get(key) ?? 0) + collector.readRow(slot).activeFlows);
  }
  return flows;
}
