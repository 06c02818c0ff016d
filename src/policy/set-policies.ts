/**
 * A group's policy over its criteria sets.
 *
 * Theory of operation. Weights belong to a criteria set: its members have weights of their own, and a policy that keeps
 * state keeps it for them. So each set has its own policy object and its own weights in force, under its key (its
 * times), which stays the same while the group's other sets come and go. Callers ask for the set in force and the one that follows it
 * (config/model/criteria-sets.ts), so that the next set's weights are everywhere when its time comes. Sets that are
 * not asked for any more are forgotten.
 */
import { createPolicy } from './create-policy.ts';
import type { MemberLoad, Policy } from './policy.ts';
import type { PolicyConfig } from './policy-config.ts';
import { type WeightsByMember, weightsByMember } from './weights-by-member.ts';

/** Key of a criteria set → member → weight. Sets that are not in it have their configured weights. */
export type WeightsBySet = ReadonlyMap<string, WeightsByMember>;

export const NO_SET_WEIGHTS: WeightsBySet = new Map();

/** Members of one criteria set with their loads. */
export interface SetLoads {
  readonly key: string;
  readonly members: readonly MemberLoad[];
}

export class SetPolicies {
  private readonly config: PolicyConfig;
  private policies = new Map<string, Policy>();
  private current: WeightsBySet;

  /** `inForce`: weights to go on from. */
  constructor(config: PolicyConfig, inForce: WeightsBySet = NO_SET_WEIGHTS) {
    this.config = config;
    this.current = inForce;
  }

  get inForce(): WeightsBySet {
    return this.current;
  }

  /** The policy goes on from these weights. */
  goOnFrom(inForce: WeightsBySet): void {
    this.current = inForce;
  }

  /** New weights: the previous map itself if nothing has changed. */
  compute(sets: readonly SetLoads[], nowMs: number, localFlows?: (member: string) => number): WeightsBySet {
    const policies = new Map<string, Policy>();
    const next = new Map<string, WeightsByMember>();
    for (const { key, members } of sets) {
      const policy = this.policies.get(key) ?? createPolicy(this.config);
      policies.set(key, policy);
      const previous = this.current.get(key);
      const weights = weightsByMember(policy, { nowMs, members, previous, localFlows });
      next.set(key, previous !== undefined && isSame(previous, weights) ? previous : weights);
    }
    this.policies = policies;
    if (!isSame(this.current, next)) this.current = next;
    return this.current;
  }
}

const isSame = <Value>(a: ReadonlyMap<string, Value>, b: ReadonlyMap<string, Value>): boolean =>
  a.size === b.size && [...b].every(([name, value]) => a.get(name) === value);
