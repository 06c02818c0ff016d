/** Current weights of groups' members at each load balancer. */
import { mostCommon } from '../../api/group-listings.ts';
import { setsInForce } from '../../config/model/criteria-sets.ts';
import type { WeightsByMember } from '../../policy/weights-by-member.ts';
import type { BuiltSnapshot, CompiledGroup } from '../publishing/snapshot-builder.ts';

type Built = Pick<BuiltSnapshot, 'loadBalancers'>;

/** Of one group, by the load balancer's name. `group`: its number. */
export function weightsInForce(
  { loadBalancers }: Built,
  group: number,
  nowMs: number,
): ReadonlyMap<string, WeightsByMember> {
  const found = new Map<string, WeightsByMember>();
  for (const { spec, compiled } of loadBalancers) {
    const own = compiled.find(({ rules }) => rules[0]!.group === group);
    if (own !== undefined) found.set(spec.name, weightsOf(own, nowMs));
  }
  return found;
}

/** By group number: the weight that most load balancers have. A weight list shared by several is read once. */
export function commonWeights({ loadBalancers }: Built, nowMs: number): ReadonlyMap<number, WeightsByMember> {
  const counts = new Map<CompiledGroup, number>();
  for (const { compiled } of loadBalancers) {
    for (const one of compiled) counts.set(one, (counts.get(one) ?? 0) + 1);
  }
  const byGroup = new Map<number, (readonly [WeightsByMember, number])[]>();
  for (const [compiled, count] of counts) {
    const { group } = compiled.rules[0]!;
    byGroup.set(group, [...(byGroup.get(group) ?? []), [weightsOf(compiled, nowMs), count]]);
  }
  const common = new Map<number, WeightsByMember>();
  for (const [group, variants] of byGroup) {
    const [first] = variants[0]!;
    const weightOf = (member: string): number =>
      mostCommon(variants.map(([weights, count]) => [weights.get(member) ?? 0, count]))!;
    const members = [...first.keys()].map((member) => [member, weightOf(member)] as const);
    common.set(group, variants.length === 1 ? first : new Map(members));
  }
  return common;
}

/** A group with VIPs of both families has a rule for each, with the members of that family. */
const weightsOf = ({ rules }: CompiledGroup, nowMs: number): WeightsByMember =>
  new Map(
    rules
      .flatMap((rule) => setsInForce(rule, nowMs).flatMap(({ members }) => members))
      .map(({ name, weight }) => [name, weight]),
  );
