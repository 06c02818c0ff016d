/**
 * Which member gets a new flow: exact weighted round robin, spread out.
 *
 * Theory of operation. Each member of a criteria set has a running credit. A pick adds every member's weight to
 * its credit, takes the member with the most (the first of equals), and charges it the sum of all weights. After
 * as many picks as the weights sum up to, every credit is back where it was and every member has been taken
 * exactly its weight's number of times, so *any* run of that length has the configured shares; and a member of
 * weight w in a cycle of n is taken about every n/w picks, not in runs. One pick costs about 1 ns per member and
 * happens once per flow; a precomputed ring would be O(1) but as long as the cycle.
 *
 * LBs that start with equal credits would all send their first flows to the same member. `stagger` lets each
 * LB begin at another point of the cycle.
 */
import { NONE } from '../tables/bucket-index.ts';
import type { RuleTable } from '../tables/rule-table.ts';

export class WeightedRoundRobin {
  private credits = new Int32Array(0);

  /** Takes over the credits of criteria sets that are the same in both tables; others start anew. */
  adopt(rules: RuleTable, was: RuleTable | undefined, stagger: number): void {
    const credits = new Int32Array(rules.memberCount);
    for (let rule = 0; rule < rules.ruleCount; rule++) {
      const first = rules.firstCriteria(rule);
      for (let i = 0; i < rules.criteriaCount(rule); i++) {
        const old = was === undefined ? NONE : sameCriteria(rules, rule, i, was);
        const from = rules.firstMember(first + i);
        for (let m = 0; m < rules.membersOf(first + i); m++) {
          credits[from + m] = old === NONE ? 0 : this.credits[old + m]!;
        }
        if (old === NONE) this.skipAhead(rules, first + i, credits, stagger);
      }
    }
    this.credits = credits;
  }

  /** Member for the next new flow of a criteria set, or NONE if all weights are 0. */
  pick(rules: RuleTable, criteria: number): number {
    return pickFrom(rules, criteria, this.credits);
  }

  /** Plays the first picks of a cycle; at most 64, or the cycle's length. */
  private skipAhead(rules: RuleTable, criteria: number, credits: Int32Array, stagger: number): void {
    let cycle = 0;
    const first = rules.firstMember(criteria);
    for (let m = first; m < first + rules.membersOf(criteria); m++) cycle += rules.weight(m);
    if (cycle === 0) return;
    for (let i = stagger % Math.min(cycle, 64); i > 0; i--) pickFrom(rules, criteria, credits);
  }
}

function pickFrom(rules: RuleTable, criteria: number, credits: Int32Array): number {
  const first = rules.firstMember(criteria);
  const end = first + rules.membersOf(criteria);
  let total = 0;
  let best = NONE;
  let bestCredit = 0;
  for (let member = first; member < end; member++) {
    const weight = rules.weight(member);
    if (weight === 0) continue;
    total += weight;
    const credit = credits[member]! + weight;
    credits[member] = credit;
    if (best === NONE || credit > bestCredit) {
      best = member;
      bestCredit = credit;
    }
  }
  if (best !== NONE) credits[best]! -= total;
  return best;
}

/** First member of the criteria set in `was` with the same rule id, members and weights, or NONE. */
function sameCriteria(rules: RuleTable, rule: number, i: number, was: RuleTable): number {
  for (let old = 0; old < was.ruleCount; old++) {
    if (was.id(old) !== rules.id(rule) || i >= was.criteriaCount(old)) continue;
    const now = rules.firstCriteria(rule) + i;
    const then = was.firstCriteria(old) + i;
    if (was.membersOf(then) !== rules.membersOf(now)) return NONE;
    for (let m = 0; m < rules.membersOf(now); m++) {
      const a = rules.firstMember(now) + m;
      const b = was.firstMember(then) + m;
      if (rules.statSlot(a) !== was.statSlot(b) || rules.weight(a) !== was.weight(b)) return NONE;
    }
    return was.firstMember(then);
  }
  return NONE;
}
