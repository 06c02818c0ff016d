/**
 * Weights of the groups whose policy is computed here: when to compute, and what goes out.
 *
 * Theory of operation. A group without a policy, or whose agents compute (`distribute-stats`), goes out as it is
 * configured. For the others the policy is asked at its interval, and, with `onChange`, when the group's members
 * change; its answer takes the place of the configured weights in the criteria set that is effective then. Until the
 * policy has been asked, members keep the weights they had, and new ones have their configured weight.
 *
 * A group goes out as a new object only when something about it has changed.
 *
 * A policy whose answer follows from its input alone is at rest when it has answered with the weights in force: it is not
 * asked again until its figures, its group, or what is said about their age have changed.
 *
 * With `perLoadBalancer` the policy is asked once more for each load balancer that has reported, with its own flows
 * (balancer-weights.ts); where that gives other weights than the group's, they go out beside it, to that host alone.
 */
import { isDeepStrictEqual } from 'node:util';
import { membersOf } from '../../config/model/group-members.ts';
import type { GroupConfig, MemberConfig } from '../../config/model/model.ts';
import type { BalancerWeights, MemberGlobal } from '../../messages/messages.ts';
import { createPolicy } from '../../policy/create-policy.ts';
import type { MemberLoad, Policy } from '../../policy/policy.ts';
import type { HostLoads } from '../load/aggregation.ts';
import { WeightsOfBalancers } from './balancer-weights.ts';

/** Figures of a group's members over all hosts. */
export interface Loads {
  loads(group: string, nowMs: number): ReadonlyMap<string, MemberGlobal>;
  loadsByBalancer(group: string, nowMs: number): ReadonlyMap<string, HostLoads>;
  /** Changes with what `loads` says, but for ages. */
  versionOf(group: string, nowMs: number): number;
  /** Of the host that has not reported for the longest. */
  silenceMs(nowMs: number): number;
}

export class GroupWeights {
  private readonly source: Loads;
  private readonly entries = new Map<string, WeightedGroup>();

  constructor(source: Loads) {
    this.source = source;
  }

  /** Load balancers of the host whose weights are not the group's; the same object as long as nothing changes. */
  balancersOf(group: string, host: string): readonly BalancerWeights[] | undefined {
    return this.entries.get(group)?.balancers.of(host);
  }

  /** All groups with the weights in force. */
  get groups(): ReadonlyMap<string, GroupConfig> {
    return new Map([...this.entries].map(([name, entry]) => [name, entry.result]));
  }

  /** By member, as the policy said last; undefined: no policy has been asked here. */
  weightsOf(group: string): ReadonlyMap<string, number> | undefined {
    return this.entries.get(group)?.weights;
  }

  /** The groups as they are configured now; true if what goes out has changed. */
  setGroups(groups: ReadonlyMap<string, GroupConfig>, nowMs: number): boolean {
    let isChanged = false;
    for (const name of this.entries.keys()) {
      if (!groups.has(name)) isChanged = this.entries.delete(name) || isChanged;
    }
    for (const [name, group] of groups) {
      const before = this.entries.get(name);
      if (before?.source === group) continue;
      if (before === undefined) this.entries.set(name, new WeightedGroup(group, nowMs));
      else before.replace(group, nowMs);
      const entry = this.entries.get(name)!;
      if (before !== undefined && entry.isOnChange) entry.compute(this.source, nowMs);
      isChanged = true;
    }
    return isChanged;
  }

  /** Asks the policies that are due; true if a weight has changed. */
  tick(nowMs: number): boolean {
    let isChanged = false;
    for (const entry of this.entries.values()) {
      if (!entry.isDue(nowMs)) continue;
      isChanged = entry.compute(this.source, nowMs) || isChanged;
    }
    return isChanged;
  }
}

class WeightedGroup {
  source: GroupConfig;
  result: GroupConfig;
  weights: ReadonlyMap<string, number> | undefined;
  readonly balancers = new WeightsOfBalancers();
  private policy: Policy | undefined;
  private dueMs: number;
  /** Version of the loads with which the policy has answered with what was in force; undefined: it is not at rest. */
  private restsAt: number | undefined;
  /** Since when each is a member, on the caller's clock; those of the beginning: always. */
  private readonly joinedMs = new Map<string, number>();

  constructor(group: GroupConfig, nowMs: number) {
    this.source = group;
    this.result = group;
    this.policy = policyOf(group);
    this.dueMs = nowMs + (group.policy?.intervalMs ?? 0);
    for (const { name } of membersOf(group)) this.joinedMs.set(name, Number.NEGATIVE_INFINITY);
  }

  get isOnChange(): boolean {
    return this.policy !== undefined && this.source.policy!.onChange;
  }

  isDue(nowMs: number): boolean {
    return this.policy !== undefined && nowMs >= this.dueMs;
  }

  /** No host's figures are about to count as old. */
  private isFresh(source: Loads, nowMs: number): boolean {
    return source.silenceMs(nowMs) <= this.source.policy!.staleAfterMs;
  }

  /** The passing of time alone changes nothing for the policy: nobody has joined of late. */
  private isTimeless(nowMs: number): boolean {
    const { slowStartMs, staleAfterMs } = this.source.policy!;
    if (!isPure(this.source)) return false;
    const sinceMs = nowMs - Math.max(slowStartMs, staleAfterMs);
    for (const joinedMs of this.joinedMs.values()) if (joinedMs > sinceMs) return false;
    return true;
  }

  replace(group: GroupConfig, nowMs: number): void {
    if (!isDeepStrictEqual(group.policy, this.source.policy)) {
      this.policy = policyOf(group);
      this.dueMs = nowMs;
      if (this.policy === undefined) this.weights = undefined;
    }
    this.weights = this.weights && rescaled(this.weights, this.source, group);
    this.source = group;
    this.restsAt = undefined;
    // They may be of members that are to have no flows any more.
    this.balancers.clear();
    const names = new Set(membersOf(group).map(({ name }) => name));
    for (const name of this.joinedMs.keys()) if (!names.has(name)) this.joinedMs.delete(name);
    for (const name of names) if (!this.joinedMs.has(name)) this.joinedMs.set(name, nowMs);
    this.result = withWeights(group, this.weights, nowMs);
  }

  compute(source: Loads, nowMs: number): boolean {
    const { name: group } = this.source;
    const version = source.versionOf(group, nowMs);
    if (version === this.restsAt && this.isFresh(source, nowMs)) {
      this.dueMs = nowMs + this.source.policy!.intervalMs;
      return false;
    }
    this.restsAt = undefined;
    const loads = source.loads(group, nowMs);
    this.dueMs = nowMs + this.source.policy!.intervalMs;
    const members = effectiveMembers(this.source, nowMs);
    const input = members.map((member) =>
      memberLoad(member, loads.get(member.name), nowMs - this.joinedMs.get(member.name)!),
    );
    const previous = this.weights && members.map(({ name }) => this.weights!.get(name) ?? 0);
    const next = this.policy!.weights({ nowMs, members: input, previous });
    const weights = new Map(members.map(({ name }, i) => [name, next[i]!]));
    const { perLoadBalancer } = this.source.policy!;
    const isOther =
      perLoadBalancer === true &&
      this.balancers.compute(this.source.policy!, source.loadsByBalancer(group, nowMs), {
        nowMs,
        members: input,
        weights: next,
      });
    if (isDeepStrictEqual(weights, this.weights)) {
      if (this.isTimeless(nowMs) && this.isFresh(source, nowMs)) this.restsAt = version;
      return isOther;
    }
    this.weights = weights;
    this.result = withWeights(this.source, weights, nowMs);
    return true;
  }
}

/** Whether the policy remembers nothing, and its answer is that of the same figures. */
const isPure = ({ policy, criteria }: GroupConfig): boolean =>
  policy !== undefined &&
  policy.kind !== 'latency-aware' &&
  policy.outlierEjection === undefined &&
  policy.perLoadBalancer !== true &&
  criteria.length === 1 &&
  criteria[0]!.fromMs === undefined &&
  criteria[0]!.untilMs === undefined;

const policyOf = ({ policy }: GroupConfig): Policy | undefined =>
  policy === undefined || policy.mode === 'distribute-stats' ? undefined : createPolicy(policy);

/** Weights after configured ones have changed: in the same proportion, until the policy says otherwise. */
function rescaled(
  weights: ReadonlyMap<string, number>,
  before: GroupConfig,
  after: GroupConfig,
): ReadonlyMap<string, number> {
  const former = new Map(membersOf(before).map(({ name, weight }) => [name, weight]));
  const next = new Map(weights);
  for (const { name, weight } of membersOf(after)) {
    const [was, inForce] = [former.get(name), weights.get(name)];
    if (was === weight || inForce === undefined) continue;
    if (was === undefined || was === 0) next.delete(name);
    else next.set(name, weight === 0 ? 0 : clampWeight((inForce * weight) / was));
  }
  return next;
}

const clampWeight = (weight: number): number => Math.min(65_535, Math.max(1, Math.round(weight)));

/** Of the criteria set that decides at this time; none: no set is effective. */
export const effectiveMembers = (group: GroupConfig, nowMs: number): readonly MemberConfig[] =>
  group.criteria[effectiveSet(group, nowMs)]?.members ?? [];

const effectiveSet = (group: GroupConfig, nowMs: number): number =>
  group.criteria.findIndex(
    ({ fromMs, untilMs }) => (fromMs ?? -Infinity) <= nowMs && nowMs < (untilMs ?? Infinity),
  );

function withWeights(
  group: GroupConfig,
  weights: ReadonlyMap<string, number> | undefined,
  nowMs: number,
): GroupConfig {
  if (weights === undefined) return group;
  const at = effectiveSet(group, nowMs);
  const criteria = group.criteria.map((set, i) => {
    if (i !== at) return set;
    const members = set.members.map((member) => {
      const weight = weights.get(member.name);
      return weight === undefined ? member : { ...member, weight };
    });
    return { ...set, members };
  });
  return { ...group, criteria };
}

/** 0 micros: not measured. */
const milliseconds = (micros: number): number | undefined => (micros > 0 ? micros / 1000 : undefined);

function memberLoad(member: MemberConfig, load: MemberGlobal | undefined, sinceMs: number): MemberLoad {
  const { name, state, weight } = member;
  return {
    name,
    state,
    configuredWeight: weight,
    activeFlows: load?.activeFlows ?? 0,
    newFlowsPerSecond: load?.newFlowsPerSecond ?? 0,
    bytesPerSecond: load?.bytesPerSecond ?? 0,
    synTimeMs: milliseconds(load?.synTimeMicros ?? 0),
    rttMs: milliseconds(load?.rttMicros ?? 0),
    retransmissionsPerSecond: load?.retransmissionsPerSecond ?? 0,
    resetsPerSecond: load?.resetsPerSecond ?? 0,
    failedConnectsPerSecond: load?.failedConnectsPerSecond ?? 0,
    ageMs: load?.ageMs ?? Number.POSITIVE_INFINITY,
    sinceMs,
  };
}
