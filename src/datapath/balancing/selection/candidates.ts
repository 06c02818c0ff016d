/**
 * The candidates for one new flow: the members of its criteria set, except the client's own if its rule avoids that
 * and another one is usable. A cursor, reused for every flow; the algorithms select from it.
 */
import type { RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';

/**
 * The fields of a flow's first packet that selection uses; a Frame has them. Addresses are four words, IPv4 as
 * ::ffff:a.b.c.d.
 */
export interface NewFlow {
  readonly s0: number;
  readonly s1: number;
  readonly s2: number;
  readonly s3: number;
  /** Source port << 16 | destination port. */
  readonly ports: number;
  readonly protocol: number;
  /** Ingress port of its first packet. */
  readonly ingress: number;
}

export class Candidates {
  rules!: RuleTable;
  rule = 0;
  criteria = 0;
  /** Members of the criteria set are `first` … `end` - 1. */
  first = 0;
  end = 0;
  flow!: NewFlow;
  /** The client's own members are excluded. */
  withoutSelf = false;
  /** Weights of the candidates, and of all members of the criteria set: up to 2^32. */
  totalWeight = 0;
  weightOfAll = 0;

  /** Points the cursor at a rule's criteria set, for a flow. */
  aim(rules: RuleTable, rule: number, criteria: number, flow: NewFlow): void {
    this.rules = rules;
    this.rule = rule;
    this.criteria = criteria;
    this.flow = flow;
    this.first = rules.firstMember(criteria);
    this.end = this.first + rules.membersOf(criteria);
    this.weightOfAll = this.end === this.first ? 0 : rules.weightUpTo(this.end - 1);
    const own = rules.avoidsSelf(rule) ? this.ownWeight() : 0;
    this.withoutSelf = own > 0 && own < this.weightOfAll;
    this.totalWeight = this.withoutSelf ? this.weightOfAll - own : this.weightOfAll;
  }

  /**
   * Weight of a member for this flow; 0: not a candidate. If no member is excluded, `rules` returns the same faster.
   */
  weight(member: number): number {
    return this.withoutSelf && this.isSelf(member) ? 0 : this.rules.weight(member);
  }

  isSelf(member: number): boolean {
    const { s0, s1, s2, s3 } = this.flow;
    return this.rules.isAt(member, s0, s1, s2, s3);
  }

  /** The candidate with this number, or NONE. `place` in the criteria set is searched first. */
  findById(id: number, place: number): number {
    const { rules, first, end } = this;
    let member = first + place;
    if (member >= end || rules.memberId(member) !== id) {
      for (member = first; member < end && rules.memberId(member) !== id; ) member++;
    }
    return member < end && this.weight(member) > 0 ? member : NONE;
  }

  /** Weight of the members that are the client itself. */
  private ownWeight(): number {
    const { rules, end } = this;
    const { s0, s1, s2, s3 } = this.flow;
    let weight = 0;
    for (let member = this.first; member < end; member++) {
      if (rules.isAt(member, s0, s1, s2, s3)) weight += rules.weight(member);
    }
    return weight;
  }
}
