/**
 * Computes weights by the groups' policies, and the groups with these weights.
 *
 * Theory of operation. A group without a policy, or whose agents compute (`distribute-stats`), is distributed as
 * configured. For the others the policy runs at its interval, when another criteria set comes into force, and, with
 * `onChange`, when the group's members change; its result replaces the configured weights in the criteria set that is
 * in force and in the next one. Until the policy has run, members keep their weights, and new ones have their
 * configured weight. The configured weights are sent beside the policy's: agents of mode `both` start from them.
 *
 * A group becomes a new object only when something in it has changed.
 *
 * A policy whose result depends only on its input is at rest when its result equals the weights in force: it does not
 * run again until its figures, its group, or the freshness of the figures change.
 *
 * With `perLoadBalancer` the policy also runs for each reported load balancer with its own flows
 * (balancer-weights.ts); weights that differ from the group's are sent beside them, to that host only.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  memberSinceMs,
  membersInForce,
  nextSetChangeMs,
  setKey,
  setsAhead,
} from '../../config/model/criteria-sets.ts';
import { membersOf } from '../../config/model/group-members.ts';
import type { CriteriaConfig, GroupConfig, MemberConfig } from '../../config/model/model.ts';
import type { BalancerWeights, MemberGlobal } from '../../messages/messages.ts';
import { NO_SET_WEIGHTS, SetPolicies, type WeightsBySet } from '../../policy/set-policies.ts';
import { memberLoad, type WeightsByMember } from '../../policy/weights-by-member.ts';
import type { Moment } from '../../runtime/runtime.ts';
import type { HostLoads } from '../load/aggregation.ts';
import { WeightsOfBalancers } from './balancer-weights.ts';

/** Figures of a group's members over all hosts. */
export interface Loads {
  loads(group: string, nowMs: number): ReadonlyMap<string, MemberGlobal>;
  loadsByBalancer(group: string, nowMs: number): ReadonlyMap<string, HostLoads>;
  /** Changes with the result of `loads`, except for ages. */
  versionOf(group: string, nowMs: number): number;
  /** Age of the oldest host's report. */
  silenceMs(nowMs: number): number;
}

/** Weights that a policy has changed, by member, and the loads that it saw. */
export interface WeightChange {
  readonly group: string;
  readonly policy: string;
  readonly before: WeightsByMember;
  readonly after: WeightsByMember;
  readonly loads: ReadonlyMap<string, MemberGlobal>;
}

export class GroupWeights {
  private readonly source: Loads;
  private readonly changed: (change: WeightChange) => void;
  private readonly entries = new Map<string, WeightedGroup>();

  constructor(source: Loads, changed: (change: WeightChange) => void = () => {}) {
    this.source = source;
    this.changed = changed;
  }

  /** The host's load balancers whose weights differ from the group's; the same object until they change. */
  balancersOf(group: string, host: string): readonly BalancerWeights[] | undefined {
    return this.entries.get(group)?.balancers.of(host);
  }

  /** All groups with the weights in force. */
  get groups(): ReadonlyMap<string, GroupConfig> {
    return new Map([...this.entries].map(([name, entry]) => [name, entry.result]));
  }

  /** Applies the configured groups; true if the distributed ones have changed. */
  setGroups(groups: ReadonlyMap<string, GroupConfig>, now: Moment): boolean {
    let isChanged = false;
    for (const name of this.entries.keys()) {
      if (!groups.has(name)) isChanged = this.entries.delete(name) || isChanged;
    }
    for (const [name, group] of groups) {
      const before = this.entries.get(name);
      if (before?.source === group) continue;
      if (before === undefined)
        this.entries.set(name, new WeightedGroup(group, now.monotonicMs, this.changed));
      else before.replace(group, now.monotonicMs);
      const entry = this.entries.get(name)!;
      if (before !== undefined && entry.isOnChange) entry.compute(this.source, now);
      isChanged = true;
    }
    return isChanged;
  }

  /** Runs the due policies; true if a weight has changed. */
  tick(now: Moment): boolean {
    let isChanged = false;
    for (const entry of this.entries.values()) {
      if (!entry.isDue(now.monotonicMs)) continue;
      isChanged = entry.compute(this.source, now) || isChanged;
    }
    return isChanged;
  }
}

class WeightedGroup {
  source: GroupConfig;
  result: GroupConfig;
  private readonly changed: (change: WeightChange) => void;
  readonly balancers = new WeightsOfBalancers();
  private policies: SetPolicies | undefined;
  private dueMs: number;
  /** Version of the loads for which the result equalled the weights in force; undefined: the policy must run. */
  private restsAt: number | undefined;
  /** When each member joined, monotonic; -Infinity for the initial ones. */
  private readonly joinedMs = new Map<string, number>();

  constructor(group: GroupConfig, nowMs: number, changed: (change: WeightChange) => void) {
    this.changed = changed;
    this.source = group;
    this.result = group;
    this.policies = policiesOf(group);
    this.dueMs = nowMs + (group.policy?.intervalMs ?? 0);
    for (const { name } of membersOf(group)) this.joinedMs.set(name, Number.NEGATIVE_INFINITY);
  }

  get isOnChange(): boolean {
    return this.policies !== undefined && this.source.policy!.onChange;
  }

  isDue(nowMs: number): boolean {
    return this.policies !== undefined && nowMs >= this.dueMs;
  }

  /** All hosts' figures are recent enough to count. */
  private isFresh(source: Loads, nowMs: number): boolean {
    return source.silenceMs(nowMs) <= this.source.policy!.staleAfterMs;
  }

  /** Time alone does not change the result: the policy keeps no state and no member has joined recently. */
  private isTimeless(nowMs: number): boolean {
    const { slowStartMs, staleAfterMs } = this.source.policy!;
    if (!isPure(this.source)) return false;
    const sinceMs = nowMs - Math.max(slowStartMs, staleAfterMs);
    for (const joinedMs of this.joinedMs.values()) if (joinedMs > sinceMs) return false;
    return true;
  }

  replace(group: GroupConfig, nowMs: number): void {
    const inForce = this.policies?.inForce ?? NO_SET_WEIGHTS;
    if (!isDeepStrictEqual(group.policy, this.source.policy)) {
      this.policies = policiesOf(group);
      this.dueMs = nowMs;
    }
    this.policies?.goOnFrom(rescaled(inForce, this.source, group));
    this.source = group;
    this.restsAt = undefined;
    // The stored weights may include members that must not get new flows.
    this.balancers.clear();
    const names = new Set(membersOf(group).map(({ name }) => name));
    for (const name of this.joinedMs.keys()) if (!names.has(name)) this.joinedMs.delete(name);
    for (const name of names) if (!this.joinedMs.has(name)) this.joinedMs.set(name, nowMs);
    this.result = withWeights(group, this.policies?.inForce);
  }

  compute(source: Loads, now: Moment): boolean {
    const { monotonicMs: nowMs, wallMs } = now;
    const { name: group, policy } = this.source;
    const { intervalMs, perLoadBalancer } = policy!;
    const version = source.versionOf(group, nowMs);
    this.dueMs = nowMs + Math.min(intervalMs, nextSetChangeMs(this.source, wallMs) - wallMs);
    if (version === this.restsAt && this.isFresh(source, nowMs)) return false;
    this.restsAt = undefined;
    const loads = source.loads(group, nowMs);
    const sets = setsAhead(this.source, wallMs).map((set) => ({
      key: setKey(set),
      members: set.members.map((member) =>
        memberLoad(member, loads.get(member.name), this.sinceMs(set, member, now)),
      ),
    }));
    const before = this.policies!.inForce;
    const weights = this.policies!.compute(sets, nowMs);
    const isOther =
      perLoadBalancer === true &&
      this.balancers.compute(policy!, source.loadsByBalancer(group, nowMs), { nowMs, sets, weights });
    if (weights === before) {
      if (this.isTimeless(nowMs) && this.isFresh(source, nowMs)) this.restsAt = version;
      return isOther;
    }
    const was = this.result;
    this.result = withWeights(this.source, weights);
    const [inForce, wasInForce] = [weightsOf(this.result, wallMs), weightsOf(was, wallMs)];
    if (!isDeepStrictEqual(inForce, wasInForce))
      this.changed({ group, policy: policy!.kind, before: wasInForce, after: inForce, loads });
    return true;
  }

  private sinceMs(set: CriteriaConfig, { name }: MemberConfig, { monotonicMs, wallMs }: Moment): number {
    const inGroupMs = monotonicMs - this.joinedMs.get(name)!;
    const inSetMs = wallMs - memberSinceMs(this.source, set, name);
    return Math.max(0, Math.min(inGroupMs, inSetMs));
  }
}

/** Of the criteria set in force. */
const weightsOf = (group: GroupConfig, wallMs: number): WeightsByMember =>
  new Map(membersInForce(group, wallMs).map(({ name, weight }) => [name, weight]));

/** Whether the policy is stateless, so that the same loads give the same weights. */
const isPure = ({ policy, criteria }: GroupConfig): boolean =>
  policy !== undefined &&
  policy.kind !== 'latency-aware' &&
  policy.outlierEjection === undefined &&
  policy.perLoadBalancer !== true &&
  // The version of the loads does not count what members report.
  policy.metric !== 'reported' &&
  criteria.length === 1 &&
  criteria[0]!.fromMs === undefined &&
  criteria[0]!.untilMs === undefined;

const policiesOf = ({ policy }: GroupConfig): SetPolicies | undefined =>
  policy === undefined || policy.mode === 'distribute-stats' ? undefined : new SetPolicies(policy);

/** Weights after a change of the configured weights: scaled in proportion until the policy runs. */
function rescaled(weights: WeightsBySet, before: GroupConfig, after: GroupConfig): WeightsBySet {
  const next = new Map<string, WeightsByMember>();
  const previous = new Map(before.criteria.map((set) => [setKey(set), set.members]));
  for (const set of after.criteria) {
    const key = setKey(set);
    const inForce = weights.get(key);
    if (inForce !== undefined) next.set(key, rescaledSet(inForce, previous.get(key) ?? [], set.members));
  }
  return next;
}

function rescaledSet(
  weights: WeightsByMember,
  before: readonly MemberConfig[],
  after: readonly MemberConfig[],
): WeightsByMember {
  const previous = new Map(before.map(({ name, weight }) => [name, weight]));
  const next = new Map(weights);
  for (const { name, weight } of after) {
    const [was, inForce] = [previous.get(name), weights.get(name)];
    if (was === weight || inForce === undefined) continue;
    if (was === undefined || was === 0) next.delete(name);
    else next.set(name, weight === 0 ? 0 : clampWeight((inForce * weight) / was));
  }
  return next;
}

const clampWeight = (weight: number): number => Math.min(65_535, Math.max(1, Math.round(weight)));

/** The configured weight is kept beside a policy's, for agents whose own policies start from it. */
function withWeights(group: GroupConfig, weights: WeightsBySet = NO_SET_WEIGHTS): GroupConfig {
  if (weights.size === 0) return group;
  const criteria = group.criteria.map((set) => {
    const ofSet = weights.get(setKey(set));
    if (ofSet === undefined) return set;
    const members = set.members.map((member) => {
      const weight = ofSet.get(member.name) ?? member.weight;
      return weight === member.weight ? member : { ...member, weight, configuredWeight: member.weight };
    });
    return { ...set, members };
  });
  return { ...group, criteria };
}
