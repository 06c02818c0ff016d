/**
 * Weights that differ between load balancers: those that the agent computes from each LB's own flows, or that the
 * controllers have computed for it. They supplement the groups' weights, which apply wherever a load balancer has
 * none of its own.
 */
import { setKey } from '../../config/model/criteria-sets.ts';
import type { CriteriaConfig } from '../../config/model/model.ts';
import type { BalancerWeights } from '../../messages/messages.ts';
import type { WeightsBySet } from '../../policy/set-policies.ts';
import type { WeightsByMember } from '../../policy/weights-by-member.ts';

/** LB key (load-balancer-plan.ts) → group → weights, 0 … 65535. Immutable; a change creates a new one. */
export type WeightsByLoadBalancer = ReadonlyMap<string, GroupWeights>;

export type GroupWeights = ReadonlyMap<string, WeightsBySet>;

export const NO_WEIGHTS: WeightsByLoadBalancer = new Map();

/** The controllers' weights for single load balancers and those computed here, which take precedence. */
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

/** Replaces a set's key, from controllers of an earlier version. */
const EVERY_SET = '';

/** Weights of a criteria set's members; undefined: those of the group. */
export const weightsOfSet = (
  weights: WeightsBySet | undefined,
  set: Pick<CriteriaConfig, 'fromMs' | 'untilMs'>,
): WeightsByMember | undefined => weights?.get(setKey(set)) ?? weights?.get(EVERY_SET);
