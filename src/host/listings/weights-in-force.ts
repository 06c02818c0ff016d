/** Weights that a group's members have now at each load balancer that enforces the group. */
import { setInForce } from '../../config/model/criteria-sets.ts';
import type { WeightsByMember } from '../../policy/weights-by-member.ts';
import type { BuiltSnapshot } from '../publishing/snapshot-builder.ts';

/** By the load balancer's name. `group`: its number. */
export function weightsInForce(
  { loadBalancers }: Pick<BuiltSnapshot, 'loadBalancers'>,
  group: number,
  nowMs: number,
): ReadonlyMap<string, WeightsByMember> {
  const found = new Map<string, WeightsByMember>();
  for (const { spec, compiled } of loadBalancers) {
    const rules = compiled.flatMap((one) => one.rules.filter((rule) => rule.group === group));
    if (rules.length === 0) continue;
    // A group with VIPs of both families has a rule for each, with the members of that family.
    const members = rules.flatMap((rule) => setInForce(rule, nowMs)?.members ?? []);
    found.set(spec.name, new Map(members.map(({ name, weight }) => [name, weight])));
  }
  return found;
}
