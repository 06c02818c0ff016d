/**
 * Random of two choices, weighted: two different members are drawn by weight, and the one with fewer active flows for
 * its weight gets the flow, or the first drawn if they are equal. Idle members thus have the configured shares, and
 * under load the difference between the fullest and the emptiest stays small (Mitzenmacher: "The Power of Two Choices
 * in Randomized Load Balancing", 2001); unlike least-connections, LBs do not all send to the same emptiest member.
 *
 * A draw is a ticket of 0 … sum of the eligible weights - 1, and a binary search over the running sums in the rule
 * table. Ineligible members (the client's own, the first drawn) are spans of tickets that are skipped in ascending
 * order.
 */
import type { RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { Xorshift } from '../../../tables/common/xorshift.ts';
import type { ActiveFlows } from './active-flows.ts';
import type { Candidates } from './candidates.ts';

export class RandomTwoChoices {
  private readonly flows: ActiveFlows;
  private readonly random: Xorshift;
  /** Members excluded from the draw, ascending, and their total weight. */
  private out = new Int32Array(1);
  private outCount = 0;
  private outWeight = 0;

  constructor(flows: ActiveFlows, random: Xorshift) {
    this.flows = flows;
    this.random = random;
  }

  adopt(rules: RuleTable): void {
    this.out = new Int32Array(rules.memberCount + 1);
  }

  /** The better of two drawn members, the only member, or NONE if all weights are 0. */
  pick(candidates: Candidates): number {
    const { rules, first, end, weightOfAll } = candidates;
    this.outCount = 0;
    this.outWeight = 0;
    if (candidates.withoutSelf) {
      for (let member = first; member < end; member++) {
        if (candidates.isSelf(member)) this.leaveOut(rules, member);
      }
    }
    if (this.outWeight === weightOfAll) return NONE;
    const one = this.draw(candidates);
    this.leaveOut(rules, one);
    if (this.outWeight === weightOfAll) return one;
    const other = this.draw(candidates);
    const { flows } = this;
    return flows.of(rules.memberId(other)) * rules.weight(one) <
      flows.of(rules.memberId(one)) * rules.weight(other)
      ? other
      : one;
  }

  private draw({ rules, first, end, weightOfAll }: Candidates): number {
    const { out } = this;
    let ticket = this.random.below(weightOfAll - this.outWeight);
    for (let i = 0; i < this.outCount; i++) {
      const weight = rules.weight(out[i]!);
      if (ticket < rules.weightUpTo(out[i]!) - weight) break;
      ticket += weight;
    }
    let low = first;
    let high = end - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ticket < rules.weightUpTo(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  private leaveOut(rules: RuleTable, member: number): void {
    const { out } = this;
    let at = this.outCount++;
    for (; at > 0 && out[at - 1]! > member; at--) out[at] = out[at - 1]!;
    out[at] = member;
    this.outWeight += rules.weight(member);
  }
}
