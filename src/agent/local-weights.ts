/**
 * Weights that this host computes itself, from the fleet's figures and each load balancer's own flows: for groups
 * whose policy says `distribute-stats` or `both`.
 *
 * Theory of operation. One policy lives per group and LB, as it may remember what it has seen. Figures of the fleet
 * come as GlobalStats, only those that changed; they age here while nothing new comes, and the policy says what old
 * figures are worth. `compute` answers weights for all LBs that enforce such a group: the former map itself when
 * nothing has changed, so that the publisher has nothing to do.
 */

import { membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import type { EnforcedGroups } from '../host/host.ts';
import { type GroupWeights, NO_WEIGHTS, type WeightsByLoadBalancer } from '../host/publishing/weights.ts';
import type { GlobalStats, MemberGlobal } from '../messages/messages.ts';
import { createPolicy } from '../policy/create-policy.ts';
import type { MemberLoad, Policy } from '../policy/policy.ts';

/** Active flows of one LB by group and member. */
export type LocalFlows = (loadBalancerKey: string, group: string, member: string) => number;

interface Running {
  /** The settings that the policy was made of. */
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
      const ofBalancer = new Map<string, ReadonlyMap<string, number>>();
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
    previous: ReadonlyMap<string, number> | undefined,
    flows: (member: string) => number,
    nowMs: number,
  ): ReadonlyMap<string, number> {
    const figures = this.figures.get(group.name);
    const members = membersOf(group);
    const loads = members.map((member): MemberLoad => {
      const joined = JSON.stringify([group.name, member.name]);
      if (!this.joinedMs.has(joined)) this.joinedMs.set(joined, nowMs);
      const { name, state, weight: configuredWeight } = member;
      const sinceMs = nowMs - this.joinedMs.get(joined)!;
      const measured = figures?.members.get(name);
      if (measured === undefined) return { ...UNMEASURED, name, state, configuredWeight, sinceMs };
      const ageMs = measured.ageMs + (nowMs - figures!.receivedMs);
      return { ...loadOf(measured), name, state, configuredWeight, sinceMs, ageMs };
    });
    const next = policy.weights({
      nowMs,
      members: loads,
      localFlows: members.map(({ name }) => flows(name)),
      previous: previous && members.map(({ name }) => previous.get(name) ?? 0),
    });
    const weights = new Map(members.map(({ name }, at) => [name, next[at]!]));
    return previous !== undefined && sameNumbers(previous, weights) ? previous : weights;
  }

  /** What no LB here enforces any more. */
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

const UNMEASURED = {
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  retransmissionsPerSecond: 0,
  resetsPerSecond: 0,
  failedConnectsPerSecond: 0,
  ageMs: Infinity,
};

const loadOf = (member: MemberGlobal) => ({
  activeFlows: member.activeFlows,
  newFlowsPerSecond: member.newFlowsPerSecond,
  bytesPerSecond: member.bytesPerSecond,
  synTimeMs: member.synTimeMicros === 0 ? undefined : member.synTimeMicros / 1000,
  rttMs: member.rttMicros === 0 ? undefined : member.rttMicros / 1000,
  retransmissionsPerSecond: member.retransmissionsPerSecond,
  resetsPerSecond: member.resetsPerSecond,
  failedConnectsPerSecond: member.failedConnectsPerSecond,
});

const sameNumbers = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean =>
  a.size === b.size && [...b].every(([name, value]) => a.get(name) === value);

/** The former map if it holds the very same objects. */
function keepSame<Value>(
  next: ReadonlyMap<string, Value>,
  former: ReadonlyMap<string, Value> | undefined,
): ReadonlyMap<string, Value> {
  if (former === undefined || former.size !== next.size) return next;
  return [...next].every(([key, value]) => former.get(key) === value) ? former : next;
}
