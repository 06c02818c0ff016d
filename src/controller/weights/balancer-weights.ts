/**
 * Weights of single load balancers of a group: the group's policy, asked with a balancer's own flows besides the load of
 * all. As in the agents' own computation (agent/local-weights.ts) each balancer has a policy of its own,
 * which may remember what it has seen. A host that does not report keeps what it was given, until the group changes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { BalancerWeights } from '../../messages/messages.ts';
import { createPolicy } from '../../policy/create-policy.ts';
import type { MemberLoad, Policy } from '../../policy/policy.ts';
import type { PolicyConfig } from '../../policy/policy-config.ts';
import type { HostLoads } from '../load/aggregation.ts';

interface Balancer {
  readonly config: PolicyConfig;
  readonly policy: Policy;
  previous: readonly number[] | undefined;
}

export interface GroupInput {
  readonly nowMs: number;
  readonly members: readonly MemberLoad[];
  /** What the policy says for all, by member. */
  readonly weights: readonly number[];
}

export class WeightsOfBalancers {
  /** By host: those that differ from the group's. */
  private readonly differing = new Map<string, readonly BalancerWeights[]>();
  private balancers = new Map<string, Balancer>();

  of(host: string): readonly BalancerWeights[] | undefined {
    return this.differing.get(host);
  }

  clear(): void {
    this.differing.clear();
    this.balancers.clear();
  }

  /** Asks for each balancer that has been reported; true if what goes out to a host has changed. */
  compute(config: PolicyConfig, hosts: ReadonlyMap<string, HostLoads>, input: GroupInput): boolean {
    const asked = new Map<string, Balancer>();
    let isChanged = false;
    for (const [host, { balancers }] of hosts) {
      const differing: BalancerWeights[] = [];
      for (const [loadBalancer, { flowsByMember }] of balancers) {
        if (loadBalancer === '') continue; // a sum over several
        const key = JSON.stringify([host, loadBalancer]);
        const balancer = this.balancerOf(key, config);
        asked.set(key, balancer);
        const next = ask(balancer, flowsByMember, input);
        if (isDeepStrictEqual(next, input.weights)) continue;
        const weights = Object.fromEntries(input.members.map(({ name }, i) => [name, next[i]!]));
        differing.push({ loadBalancer, weights });
      }
      isChanged = this.keep(host, differing) || isChanged;
    }
    this.balancers = asked;
    return isChanged;
  }

  private balancerOf(key: string, config: PolicyConfig): Balancer {
    const known = this.balancers.get(key);
    if (known?.config === config) return known;
    return { config, policy: createPolicy(config), previous: undefined };
  }

  private keep(host: string, differing: readonly BalancerWeights[]): boolean {
    const before = this.differing.get(host) ?? [];
    if (isDeepStrictEqual(before, differing)) return false;
    if (differing.length === 0) this.differing.delete(host);
    else this.differing.set(host, differing);
    return true;
  }
}

function ask(balancer: Balancer, flows: ReadonlyMap<string, number>, input: GroupInput): readonly number[] {
  const { nowMs, members } = input;
  const localFlows = members.map(({ name }) => flows.get(name) ?? 0);
  const { previous } = balancer;
  const isSameLength = previous?.length === members.length;
  const next = balancer.policy.weights({
    nowMs,
    members,
    localFlows,
    previous: isSameLength ? previous : undefined,
  });
  balancer.previous = next;
  return next;
}
