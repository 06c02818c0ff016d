/**
 * Exact weighted round robin, spread out.
 *
 * Theory of operation. Each member of a criteria set has a running credit. A pick adds every member's weight to
 * its credit, takes the member with the most (the first of equals), and charges it the sum of all weights. After
 * as many picks as the weights sum up to, every credit is back where it was and every member has been taken
 * exactly its weight's number of times, so *any* run of that length has the configured shares; and a member of
 * weight w in a cycle of n is taken about every n/w picks, not in runs. A precomputed ring would be O(1) but as long
 * as the cycle.
 *
 * A client that avoids itself picks among the others: the member left out neither earns nor pays, and what the others
 * earn goes up by as much as the sum of the weights goes down. So such a pick costs the same as any other, and where
 * a load balancer serves both kinds of clients nobody gains by being picked when it is cheap. Credits are kept in
 * 65536ths of a weight, so that this is exact for a client alone and right to 10^-5 in a mixture.
 *
 * LBs that start with equal credits would all send their first flows to the same member. `stagger` lets each
 * LB begin at another point of the cycle.
 */
import { ALGORITHM, type RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { Candidates } from './candidates.ts';
import { hasSameMembers } from './previous-sets.ts';

/** Credit for a weight of 1. */
const UNIT = 65_536;
/** Picks played in advance at most. */
const MAX_STAGGER = 64;

export class WeightedRoundRobin {
  /** By member; whole numbers below 2^49. */
  private credits = new Float64Array(0);

  /**
   * Takes over the credits of criteria sets that are the same in both tables; others start anew. `previous`: for each
   * criteria set, the one in `was` that it follows.
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

  /** Plays the first picks of a cycle. */
  private skipAhead(rules: RuleTable, rule: number, set: number, stagger: number): void {
    const candidates = new Candidates();
    candidates.aim(rules, rule, set, NOBODY);
    const cycle = candidates.totalWeight;
    for (let i = cycle === 0 ? 0 : stagger % Math.min(cycle, MAX_STAGGER); i > 0; i--) this.pick(candidates);
  }
}

/** A flow of no member's. */
const NOBODY = { s0: 0, s1: 0, s2: 0, s3: 0, ports: 0, protocol: 0, ingress: 0 };
