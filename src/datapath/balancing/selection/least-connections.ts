/**
 * Weighted least connections: the member with the fewest (active flows + 1) / weight, as counted by this load
 * balancer. Including the new flow makes the heaviest of idle members the first, and never fills a member beyond its
 * share.
 *
 * The search begins after the last selected member, and the first of equals is selected, so ties rotate. A member
 * that joins gets all new flows until it has caught up.
 */
import type { RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import type { ActiveFlows } from './active-flows.ts';
import type { Candidates } from './candidates.ts';

export class LeastConnections {
  private readonly flows: ActiveFlows;
  /** By criteria set: start of the next search. */
  private nextPlace = new Int32Array(0);

  constructor(flows: ActiveFlows) {
    this.flows = flows;
  }

  /** `previous`: for each criteria set, its predecessor in the old rules, or NONE. */
  adopt(rules: RuleTable, previous: Int32Array, stagger: number): void {
    const before = this.nextPlace;
    this.nextPlace = new Int32Array(rules.setCount);
    for (let set = 0; set < rules.setCount; set++) {
      const place = previous[set] === NONE ? stagger : before[previous[set]!]!;
      this.nextPlace[set] = place % Math.max(1, rules.membersOf(set));
    }
  }

  /** Member with the fewest active flows for its weight, or NONE if all weights are 0. */
  pick(candidates: Candidates): number {
    const { first, end, rules, criteria, withoutSelf } = candidates;
    let best = NONE;
    let bestFlows = 0;
    let bestWeight = 0;
    let member = first + this.nextPlace[criteria]!;
    for (let left = end - first; left > 0; left--) {
      const weight = withoutSelf ? candidates.weight(member) : rules.weight(member);
      if (weight > 0) {
        const flows = this.flows.of(rules.memberId(member)) + 1;
        // Cross-multiplied: exact, as both products stay below 2^53.
        if (best === NONE || flows * bestWeight < bestFlows * weight) {
          best = member;
          bestFlows = flows;
          bestWeight = weight;
        }
      }
      if (++member === end) member = first;
    }
    if (best !== NONE) this.nextPlace[criteria] = best + 1 === end ? 0 : best + 1 - first;
    return best;
  }
}
