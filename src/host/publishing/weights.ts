/**
 * Weights that differ from one load balancer to the next: what the agent computes from each LB's own flows, or what
 * the controllers have computed for it. They stand beside the groups, whose weights hold wherever this says nothing.
 */
import { setKey } from '../../config/model/criteria-sets.ts';
import type { CriteriaConfig } from '../../config/model/model.ts';
import type { BalancerWeights } from '../../messages/messages.ts';
import type { WeightsBySet } from '../../policy/set-policies.ts';
import type { WeightsByMember } from '../../policy/weights-by-member.ts';

/** LB key (load-balancer-plan.ts) → group → weights, 0 … 65535. Immutable; a change makes another one. */
export type WeightsByLoadBalancer = ReadonlyMap<string, GroupWeights>;

export type GroupWeights = ReadonlyMap<string, WeightsBySet>;

export const NO_WEIGHTS: WeightsByLoadBalancer = new Map();

/** What the controllers gave out for single load balancers, and what was computed here; the latter where there is both. */
export class MergedWeights {
  private distributed: ReadonlyMap<string, readonly BalancerWeights[]> = new Map();
  private local = NO_WEIGHTS;
  private merged = NO_WEIGHTS;

  /** Returns the previous map itself if both inputs are unchanged. */
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
  const merged = new Map<string, Map<string, Map<string, WeightsByMember> | WeightsBySet>>();
  for (const [group, balancers] of distributed) {
    for (const { loadBalancer, criteriaSet = EVERY_SET, weights } of balancers) {
      const groups = merged.get(loadBalancer) ?? new Map();
      const sets = groups.get(group) ?? new Map();
      merged.set(loadBalancer, groups.set(group, sets.set(criteriaSet, new Map(Object.entries(weights)))));
    }
  }
  for (const [loadBalancer, groups] of local) {
    merged.set(loadBalancer, new Map([...(merged.get(loadBalancer) ?? []), ...groups]));
  }
  return merged;
}

/** In place of a set's key, from controllers of an earlier version. */
const EVERY_SET = '';

/** Weights of a criteria set's members; undefined: those of the group. */
export const weightsOfSet = (
  weights: WeightsBySet | undefined,
  set: Pick<CriteriaConfig, 'fromMs' | 'untilMs'>,
): WeightsByMember | undefined => weights?.get(setKey(set)) ?? weights?.get(EVERY_SET);
