/**
 * Weights that this host computes from the fleet's figures and each load balancer's own flows, for groups whose policy
 * has mode `distribute-stats` or `both`.
 *
 * Theory of operation. Each group and LB has its own policies (policy/set-policies.ts), as policies may keep state.
 * They start from the configured weights, independently of the controllers' policies. The fleet's figures arrive as
 * GlobalStats; their age counts until new ones arrive, and the policy decides how to use old figures. `compute`
 * returns weights for all LBs that enforce such a group: the previous map itself if nothing has changed, so that
 * nothing is published.
 */
import { isDeepStrictEqual } from 'node:util';
import { memberSinceMs, setKey, setsAhead } from '../config/model/criteria-sets.ts';
import { membersOf } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import type { EnforcedGroups } from '../host/host.ts';
import { type GroupWeights, NO_WEIGHTS, type WeightsByLoadBalancer } from '../host/publishing/weights.ts';
import type { GlobalStats, MemberGlobal } from '../messages/messages.ts';
import { type SetLoads, SetPolicies, type WeightsBySet } from '../policy/set-policies.ts';
import { memberLoad } from '../policy/weights-by-member.ts';
import type { Moment } from '../runtime/runtime.ts';

/** Active flows of one LB by group and member. */
export type LocalFlows = (loadBalancerKey: string, group: string, member: string) => number;

interface Running {
  readonly settings: GroupConfig['policy'];
  readonly policies: SetPolicies;
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

  /** Load is dated by the monotonic clock, like `received`; criteria sets use the wall clock. */
  compute(balancers: readonly EnforcedGroups[], localFlows: LocalFlows, now: Moment): WeightsByLoadBalancer {
    const policies = new Map<string, Running>();
    const weights = new Map<string, GroupWeights>();
    const loads = new Map<GroupConfig, SetLoads[]>();
    const here = oncePerList((groups) => groups.filter(computesHere));
    for (const { loadBalancerKey, groups } of balancers) {
      const ofBalancer = new Map<string, WeightsBySet>();
      for (const group of here(groups)) {
        const key = JSON.stringify([loadBalancerKey, group.name]);
        const running = this.policiesOf(key, group);
        policies.set(key, running);
        const sets = loads.get(group) ?? this.setLoads(group, now);
        loads.set(group, sets);
        const flows = (member: string): number => localFlows(loadBalancerKey, group.name, member);
        ofBalancer.set(group.name, running.policies.compute(sets, now.monotonicMs, flows));
      }
      if (ofBalancer.size > 0)
        weights.set(loadBalancerKey, keepSame(ofBalancer, this.current.get(loadBalancerKey)));
    }
    this.policies = policies;
    this.forget(balancers);
    this.current = keepSame(weights, this.current);
    return this.current;
  }

  private policiesOf(key: string, { policy }: GroupConfig): Running {
    const running = this.policies.get(key);
    if (running !== undefined && isDeepStrictEqual(running.settings, policy)) return running;
    return { settings: policy, policies: new SetPolicies(policy!) };
  }

  /** For the set in force and the next one, from the configured weights. */
  private setLoads(group: GroupConfig, { monotonicMs, wallMs }: Moment): SetLoads[] {
    const figures = this.figures.get(group.name);
    const receivedAgoMs = figures === undefined ? 0 : monotonicMs - figures.receivedMs;
    return setsAhead(group, wallMs).map((set) => ({
      key: setKey(set),
      members: set.members.map((member) => {
        const { name, weight, configuredWeight = weight } = member;
        const inGroupMs = monotonicMs - this.joinedAt(group, name, monotonicMs);
        const inSetMs = wallMs - memberSinceMs(group, set, name);
        const sinceMs = Math.max(0, Math.min(inGroupMs, inSetMs));
        const configured = { ...member, weight: configuredWeight };
        return memberLoad(configured, figures?.members.get(name), sinceMs, receivedAgoMs);
      }),
    }));
  }

  private joinedAt(group: GroupConfig, member: string, nowMs: number): number {
    const key = JSON.stringify([group.name, member]);
    const joinedMs = this.joinedMs.get(key) ?? nowMs;
    this.joinedMs.set(key, joinedMs);
    return joinedMs;
  }

  /** Drops state of groups and members that no LB of this host enforces any more. */
  private forget(balancers: readonly EnforcedGroups[]): void {
    if (this.figures.size === 0 && this.joinedMs.size === 0) return;
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

/** Load balancers that enforce the same groups have the same list of them. */
function oncePerList(
  select: (groups: readonly GroupConfig[]) => readonly GroupConfig[],
): (groups: readonly GroupConfig[]) => readonly GroupConfig[] {
  const selected = new Map<readonly GroupConfig[], readonly GroupConfig[]>();
  return (groups) => {
    const result = selected.get(groups) ?? select(groups);
    selected.set(groups, result);
    return result;
  };
}

export const computesHere = ({ policy }: GroupConfig): boolean =>
  policy !== undefined && policy.mode !== 'distribute-rules';

/** The previous map if it holds the same objects. */
function keepSame<Value>(
  next: ReadonlyMap<string, Value>,
  previous: ReadonlyMap<string, Value> | undefined,
): ReadonlyMap<string, Value> {
  if (previous === undefined || previous.size !== next.size) return next;
  return [...next].every(([key, value]) => previous.get(key) === value) ? previous : next;
}
