/**
 * Exact, interleaved weighted round robin.
 *
 * Theory of operation. Each member of a criteria set has a running credit. A pick adds every member's weight to its
 * credit, selects the member with the most (the first of equals), and charges it the sum of all weights. After as
 * many picks as the sum of the weights, every credit is back at its start and every member was selected as often as
 * its weight, so *any* run of that length has the configured shares; a member of weight w in a cycle of n is selected
 * about every n/w picks, not in runs. A precomputed ring would be O(1) but as long as the cycle.
 *
 * For a client that avoids itself, the excluded member neither earns nor pays, and the others' earnings rise by as
 * much as the sum of the weights falls. Such a pick therefore costs the same as any other, and if a load balancer
 * serves both kinds of clients, no member gains by being selected at a lower price. Credits are in 65536ths of a
 * weight, which is exact for a single client and accurate to 10^-5 in a mixture.
 *
 * LBs that start with equal credits would all send their first flows to the same member. `stagger` starts each LB at
 * another point of the cycle.
 */
import { ALGORITHM, type RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { Candidates } from './candidates.ts';
import { hasSameMembers } from './previous-sets.ts';

/** Credit for a weight of 1. */
const UNIT = 65_536;
/** Maximum number of picks simulated in advance. */
const MAX_STAGGER = 64;

export class WeightedRoundRobin {
  /** By member; whole numbers below 2^49. */
  private credits = new Float64Array(0);

  /**
   * Keeps the credits of criteria sets that are the same in both tables; others restart. `previous`: for each
   * criteria set, its predecessor in `was`.
   */
  adopt(rules: RuleTable, was: RuleTable | undefined, previous: Int32Array, stagger: number): void {
    const before = this.credits;
    this.credits = new Float64Array(rules.memberCount);
    for (let rule = 0; rule < rules.ruleCount; rule++) {
      if (rules.algorithm(rule) !== ALGORITHM['weighted-round-robin']) continue;
      const first = rules.firstCriteria(rule);
      for (let set = first; set < first + rules.criteriaCount(rule); set++) {
        const old = previous[set]!;
        if (was === undefined || old === NONE || !hasSameMembers(rules, set, was, old)) {
          this.skipAhead(rules, rule, set, stagger);
          continue;
        }
        const from = was.firstMember(old);
        this.credits.set(before.subarray(from, from + was.membersOf(old)), rules.firstMember(set));
      }
    }
  }

  /** Member for the next new flow, or NONE if all weights are 0. */
  pick(candidates: Candidates): number {
    const { credits } = this;
    const { first, end, rules, withoutSelf, totalWeight, weightOfAll } = candidates;
    const unit = withoutSelf ? Math.round((UNIT * weightOfAll) / totalWeight) : UNIT;
    let best = NONE;
    let bestCredit = 0;
    for (let member = first; member < end; member++) {
      const weight = withoutSelf ? candidates.weight(member) : rules.weight(member);
      if (weight === 0) continue;
      const credit = credits[member]! + weight * unit;
      credits[member] = credit;
      if (best === NONE || credit > bestCredit) {
        best = member;
        bestCredit = credit;
      }
    }
    if (best !== NONE) credits[best]! -= totalWeight * unit;
    return best;
  }

  /** Simulates the first picks of a cycle. */
  private skipAhead(rules: RuleTable, rule: number, set: number, stagger: number): void {
    const candidates = new Candidates();
    candidates.aim(rules, rule, set, NOBODY);
    const cycle = candidates.totalWeight;
    for (let i = cycle === 0 ? 0 : stagger % Math.min(cycle, MAX_STAGGER); i > 0; i--) this.pick(candidates);
  }
}

/** A flow of no member. */
const NOBODY = { s0: 0, s1: 0, s2: 0, s3: 0, ports: 0, protocol: 0, ingress: 0 };
