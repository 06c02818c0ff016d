/**
 * Weights that this host computes from the fleet's figures and each load balancer's own flows, for groups whose policy
 * has mode `distribute-stats` or `both`.
 *
 * Theory of operation. Each group and LB has its own policy object, as policies may keep state. The fleet's figures
 * arrive as GlobalStats; their age counts until new ones arrive, and the policy decides how to use old figures.
 * `compute` returns weights for all LBs that enforce such a group: the previous map itself if nothing has changed, so
 * that the publisher has nothing to do.
 */

import { membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import type { EnforcedGroups } from '../host/host.ts';
import { type GroupWeights, NO_WEIGHTS, type WeightsByLoadBalancer } from '../host/publishing/weights.ts';
import type { GlobalStats, MemberGlobal } from '../messages/messages.ts';
import { createPolicy } from '../policy/create-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { memberLoad, type WeightsByMember, weightsByMember } from '../policy/weights-by-member.ts';

/** Active flows of one LB by group and member. */
export type LocalFlows = (loadBalancerKey: string, group: string, member: string) => number;

interface Running {
  readonly settings: GroupConfig['policy'];
  readonly policy: Policy;
}

interface Figures {
  readonly members: ReadonlyMap<string, MemberGlobal>;
  readonly receivedMs: number;
}

export class LocalWeights {
  private readonly figures = new Map<string, Figures>();
  private policies = new Map<string, Running>();
  /** When each member was first seen, by group and member. */
  private readonly joinedMs = new Map<string, number>();
  private current: WeightsByLoadBalancer = NO_WEIGHTS;

  get weights(): WeightsByLoadBalancer {
    return this.current;
  }

  received({ groups }: GlobalStats, nowMs: number): void {
    for (const { name, members } of groups) {
      this.figures.set(name, {
        members: new Map(members.map((member) => [member.name, member])),
        receivedMs: nowMs,
      });
    }
  }

  /** `nowMs`: wall clock, as at `received`. */
  compute(
    balancers: readonly EnforcedGroups[],
    localFlows: LocalFlows,
    nowMs: number,
  ): WeightsByLoadBalancer {
    const policies = new Map<string, Running>();
    const weights = new Map<string, GroupWeights>();
    for (const { loadBalancerKey, groups } of balancers) {
      const ofBalancer = new Map<string, WeightsByMember>();
      for (const group of groups) {
        if (!computesHere(group)) continue;
        const key = JSON.stringify([loadBalancerKey, group.name]);
        const running = this.policyOf(key, group);
        policies.set(key, running);
        const previous = this.current.get(loadBalancerKey)?.get(group.name);
        const flows = (member: string): number => localFlows(loadBalancerKey, group.name, member);
        ofBalancer.set(group.name, this.weightsOf(running.policy, group, previous, flows, nowMs));
      }
      if (ofBalancer.size > 0)
        weights.set(loadBalancerKey, keepSame(ofBalancer, this.current.get(loadBalancerKey)));
    }
    this.policies = policies;
    this.forget(balancers);
    this.current = keepSame(weights, this.current);
    return this.current;
  }

  private policyOf(key: string, group: GroupConfig): Running {
    const running = this.policies.get(key);
    if (running !== undefined && JSON.stringify(running.settings) === JSON.stringify(group.policy))
      return running;
    return { settings: group.policy, policy: createPolicy(group.policy!) };
  }

  private weightsOf(
    policy: Policy,
    group: GroupConfig,
    previous: WeightsByMember | undefined,
    flows: (member: string) => number,
    nowMs: number,
  ): WeightsByMember {
    const figures = this.figures.get(group.name);
    const members = membersOf(group);
    const receivedAgoMs = figures === undefined ? 0 : nowMs - figures.receivedMs;
    const loads = members.map((member) => {
      const joined = JSON.stringify([group.name, member.name]);
      if (!this.joinedMs.has(joined)) this.joinedMs.set(joined, nowMs);
      const sinceMs = nowMs - this.joinedMs.get(joined)!;
      return memberLoad(member, figures?.members.get(member.name), sinceMs, receivedAgoMs);
    });
    const weights = weightsByMember(policy, { nowMs, members: loads, previous, localFlows: flows });
    return previous !== undefined && sameNumbers(previous, weights) ? previous : weights;
  }

  /** Drops state of groups and members that no LB of this host enforces any more. */
  private forget(balancers: readonly EnforcedGroups[]): void {
    const groups = new Map(
      balancers.flatMap((balancer) => balancer.groups.map((group) => [group.name, group])),
    );
    for (const name of this.figures.keys()) if (!groups.has(name)) this.figures.delete(name);
    const members = new Set(
      [...groups.values()].flatMap((group) =>
        membersOf(group).map(({ name }) => JSON.stringify([group.name, name])),
      ),
    );
    for (const key of this.joinedMs.keys()) if (!members.has(key)) this.joinedMs.delete(key);
  }
}

export const computesHere = ({ policy }: GroupConfig): boolean =>
  policy !== undefined && policy.mode !== 'distribute-rules';

const sameNumbers = (a: WeightsByMember, b: WeightsByMember): boolean =>
  a.size === b.size && [...b].every(([name, value]) => a.get(name) === value);

/** The previous map if it holds the same objects. */
function keepSame<Value>(
  next: ReadonlyMap<string, Value>,
  previous: ReadonlyMap<string, Value> | undefined,
): ReadonlyMap<string, Value> {
  if (previous === undefined || previous.size !== next.size) return next;
  return [...next].every(([key, value]) => previous.get(key) === value) ? previous : next;
}
