/**
 * Weights that differ from one load balancer to the next: what the agent computes from each LB's own flows, or what
 * the controllers have computed for it. They stand beside the groups, whose weights hold wherever this says nothing.
 */
import type { BalancerWeights } from '../../messages/messages.ts';

/** LB key (load-balancer-plan.ts) → group → member → weight, 0 … 65535. Immutable; a change makes another one. */
export type WeightsByLoadBalancer = ReadonlyMap<string, GroupWeights>;

export type GroupWeights = ReadonlyMap<string, ReadonlyMap<string, number>>;

export const NO_WEIGHTS: WeightsByLoadBalancer = new Map();

/** What the controllers gave out for single load balancers, and what was computed here; the latter where there is both. */
export class MergedWeights {
  private distributed: ReadonlyMap<string, readonly BalancerWeights[]> = new Map();
  private local = NO_WEIGHTS;
  private merged = NO_WEIGHTS;

  /** The former map itself when both are the former ones. */
  merge(
    distributed: ReadonlyMap<string, readonly BalancerWeights[]>,
    local: WeightsByLoadBalancer,
  ): WeightsByLoadBalancer {
    if (distributed === this.distributed && local === this.local) return this.merged;
    this.distributed = distributed;
    this.local = local;
    this.merged = distributed.size === 0 ? local : mergedOf(distributed, local);
    return this.merged;
  }
}

function mergedOf(
  distributed: ReadonlyMap<string, readonly BalancerWeights[]>,
  local: WeightsByLoadBalancer,
): WeightsByLoadBalancer {
  const merged = new Map<string, Map<string, ReadonlyMap<string, number>>>();
  for (const [group, balancers] of distributed) {
    for (const { loadBalancer, weights } of balancers) {
      const groups = merged.get(loadBalancer) ?? new Map();
      merged.set(loadBalancer, groups.set(group, new Map(Object.entries(weights))));
    }
  }
  for (const [loadBalancer, groups] of local) {
    merged.set(loadBalancer, new Map([...(merged.get(loadBalancer) ?? []), ...groups]));
  }
  return merged;
}
