/**
 * Weights of single load balancers: the group's policy applied to the balancer's own flows in addition to the total
 * load. As in the agents' computation (agent/local-weights.ts), each load balancer has its own policy object, as
 * policies may keep state. A host that does not report keeps its weights until the group changes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { BalancerWeights } from '../../messages/messages.ts';
import type { PolicyConfig } from '../../policy/policy-config.ts';
import { type SetLoads, SetPolicies, type WeightsBySet } from '../../policy/set-policies.ts';
import type { HostLoads } from '../load/aggregation.ts';

interface Balancer {
  readonly config: PolicyConfig;
  readonly policies: SetPolicies;
}

export interface GroupInput {
  readonly nowMs: number;
  /** Of the sets with computed weights. */
  readonly sets: readonly SetLoads[];
  /** The policy's weights for all load balancers. */
  readonly weights: WeightsBySet;
}

export class WeightsOfBalancers {
  /** By host: weights that differ from the group's. */
  private readonly differing = new Map<string, readonly BalancerWeights[]>();
  private balancers = new Map<string, Balancer>();

  of(host: string): readonly BalancerWeights[] | undefined {
    return this.differing.get(host);
  }

  clear(): void {
    this.differing.clear();
    this.balancers.clear();
  }

  /** Computes the weights of each reported load balancer; true if a host's weights have changed. */
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
        const flows = (member: string): number => flowsByMember.get(member) ?? 0;
        const weights = balancer.policies.compute(input.sets, input.nowMs, flows);
        for (const [criteriaSet, ofSet] of weights) {
          if (isDeepStrictEqual(ofSet, input.weights.get(criteriaSet))) continue;
          differing.push({ loadBalancer, criteriaSet, weights: Object.fromEntries(ofSet) });
        }
      }
      isChanged = this.keep(host, differing) || isChanged;
    }
    this.balancers = asked;
    return isChanged;
  }

  private balancerOf(key: string, config: PolicyConfig): Balancer {
    const known = this.balancers.get(key);
    if (known?.config === config) return known;
    return { config, policies: new SetPolicies(config) };
  }

  private keep(host: string, differing: readonly BalancerWeights[]): boolean {
    const before = this.differing.get(host) ?? [];
    if (isDeepStrictEqual(before, differing)) return false;
    if (differing.length === 0) this.differing.delete(host);
    else this.differing.set(host, differing);
    return true;
  }
}
