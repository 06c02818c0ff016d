/** Maps criteria sets to their predecessors when rules are replaced. */
import type { RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';

/** For each criteria set, the one of the same rule and number in `was`, or NONE. */
export function previousSets(rules: RuleTable, was: RuleTable | undefined): Int32Array {
  const previous = new Int32Array(rules.setCount).fill(NONE);
  if (was === undefined) return previous;
  const positions = new Map<number, number>();
  for (let rule = 0; rule < was.ruleCount; rule++) positions.set(was.id(rule), rule);
  for (let rule = 0; rule < rules.ruleCount; rule++) {
    const old = positions.get(rules.id(rule));
    if (old === undefined) continue;
    const count = Math.min(rules.criteriaCount(rule), was.criteriaCount(old));
    for (let i = 0; i < count; i++) previous[rules.firstCriteria(rule) + i] = was.firstCriteria(old) + i;
  }
  return previous;
}

/** Whether two criteria sets have the same members with the same weights, in the same order. */
export function hasSameMembers(a: RuleTable, setOfA: number, b: RuleTable, setOfB: number): boolean {
  const count = a.membersOf(setOfA);
  if (b.membersOf(setOfB) !== count) return false;
  for (let i = 0; i < count; i++) {
    const one = a.firstMember(setOfA) + i;
    const other = b.firstMember(setOfB) + i;
    if (a.memberId(one) !== b.memberId(other) || a.weight(one) !== b.weight(other)) return false;
  }
  return true;
}
