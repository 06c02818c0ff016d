/**
 * Weights that people have given members for the load balancer of one port (`member weight --port`). They replace
 * whatever the group, its policy or this host's computation gives those members there; the other members keep theirs.
 */
import { setKey } from '../../config/model/criteria-sets.ts';
import type { PlannedLoadBalancer } from '../../config/model/load-balancer-plan.ts';
import type { GroupConfig, MemberConfig } from '../../config/model/model.ts';
import { ownEntry } from '../../config/model/own-entry.ts';
import type { WeightsBySet } from '../../policy/set-policies.ts';
import type { WeightsByMember } from '../../policy/weights-by-member.ts';
import { type GroupWeights, weightsOfSet } from './weights.ts';

type Plan = Pick<PlannedLoadBalancer, 'key' | 'ports' | 'groups'>;

interface Merged {
  readonly weights: GroupWeights | undefined;
  readonly groups: readonly GroupConfig[];
  readonly ports: readonly string[];
  readonly result: GroupWeights;
}

export class HandWeights {
  /** Groups with such weights. */
  private groups: readonly GroupConfig[] = [];
  /** By load balancer. */
  private merged = new Map<string, Merged>();
  private before = new Map<string, Merged>();

  /** To be called for each build, before `over`. */
  begin(groups: readonly GroupConfig[]): void {
    this.groups = groups.filter(hasHandWeights);
    this.before = this.merged;
    this.merged = new Map();
  }

  /** `weights` with those given by hand; the same object as in the last build if nothing has changed. */
  over(planned: Plan, weights: GroupWeights | undefined): GroupWeights | undefined {
    if (this.groups.length === 0) return weights;
    const ports = planned.ports.map(({ name }) => name);
    const own = this.groups.filter((group) => isAt(group, ports) && planned.groups.includes(group));
    if (own.length === 0) return weights;
    const last = this.before.get(planned.key);
    const isSame = last?.weights === weights && sameItems(last?.groups, own) && sameItems(last?.ports, ports);
    const result = last !== undefined && isSame ? last.result : mergedOf(weights, own, ports);
    this.merged.set(planned.key, { weights, groups: own, ports, result });
    return result;
  }
}

/** By group, an immutable object. */
const known = new WeakMap<GroupConfig, boolean>();

function hasHandWeights(group: GroupConfig): boolean {
  let has = known.get(group);
  if (has === undefined) {
    has = group.criteria.some(({ members }) =>
      members.some(({ weightsByPort }) => weightsByPort !== undefined),
    );
    known.set(group, has);
  }
  return has;
}

const isAt = (group: GroupConfig, ports: readonly string[]): boolean =>
  group.criteria.some(({ members }) => members.some((member) => weightAt(member, ports) !== undefined));

/** A load balancer of several ports has the weight of the first that has one. */
function weightAt({ weightsByPort }: MemberConfig, ports: readonly string[]): number | undefined {
  if (weightsByPort === undefined) return undefined;
  return ports.map((port) => ownEntry(weightsByPort, port)).find((weight) => weight !== undefined);
}

function mergedOf(
  weights: GroupWeights | undefined,
  groups: readonly GroupConfig[],
  ports: readonly string[],
): GroupWeights {
  const merged = new Map<string, WeightsBySet>(weights);
  for (const group of groups) {
    const sets = new Map<string, WeightsByMember>();
    for (const set of group.criteria) {
      const ofSet = new Map(weightsOfSet(weights?.get(group.name), set));
      for (const member of set.members) {
        const weight = weightAt(member, ports);
        if (weight !== undefined) ofSet.set(member.name, weight);
      }
      sets.set(setKey(set), ofSet);
    }
    merged.set(group.name, sets);
  }
  return merged;
}

const sameItems = <Item>(a: readonly Item[] | undefined, b: readonly Item[]): boolean =>
  a?.length === b.length && a.every((item, at) => item === b[at]);
