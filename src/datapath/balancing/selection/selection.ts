/**
 * Selects the member of a new flow at one load balancer.
 *
 * Theory of operation. The rule has matched, and the criteria set in effect is known. The candidates are the set's
 * members with weight, without the client itself if the rule says so (candidates.ts). If the rule has affinity and
 * the client's member is still a candidate, that member is used (affinity.ts). Otherwise the rule's algorithm
 * decides:
 *
 *   weighted-round-robin   exact shares                          O(members)       65 ns   3.6 µs
 *   least-connections      fewest active flows for the weight    O(members)       90 ns   6.6 µs
 *   random-two-choices     the less loaded of two drawn          O(log members)  110 ns   0.3 µs
 *   maglev                 consistent hash of the flow           O(1)             60 ns   60 ns
 *
 * (for 10 and 1000 members, test/bench/selection.ts). All this happens once per flow. State that outlives a revision
 * of the rules (round-robin positions) is carried over in `adopt`. Selection reads no clock and no entropy: time is a
 * parameter, and random numbers derive from the datapath's hash key and the load balancer's id, so a replay makes the
 * same choices.
 */
import type { AffinityTable } from '../../../tables/balancing/affinity-table.ts';
import { ALGORITHM, CHOSEN_BY, type RuleTable } from '../../../tables/balancing/rule-table.ts';
import { NONE } from '../../../tables/common/bucket-index.ts';
import { mix5 } from '../../../tables/common/hash.ts';
import { Xorshift } from '../../../tables/common/xorshift.ts';
import type { StatTable } from '../../../tables/stat-table.ts';
import type { TraceSink } from '../../frame/trace-sink.ts';
import { ActiveFlows } from './active-flows.ts';
import { Affinity } from './affinity.ts';
import { Candidates, type NewFlow } from './candidates.ts';
import { LeastConnections } from './least-connections.ts';
import { maglevMember } from './maglev.ts';
import { previousSets } from './previous-sets.ts';
import { RandomTwoChoices } from './random-two-choices.ts';
import { WeightedRoundRobin } from './weighted-round-robin.ts';

/** The host's tables that selection needs. */
export interface SelectionTables {
  readonly stats: StatTable;
  readonly affinities: AffinityTable;
  readonly hashKey: readonly [number, number];
}

export class Selection {
  /** Reason of the last choice: CHOSEN_BY. */
  chosenBy = 0;
  private readonly balancer: number;
  private readonly candidates = new Candidates();
  private readonly affinity: Affinity;
  private readonly roundRobin = new WeightedRoundRobin();
  private readonly leastConnections: LeastConnections;
  private readonly twoChoices: RandomTwoChoices;

  /**
   * `balancer`: the load balancer's id, which staggers round robins. `group` and `balancer` seed the random numbers.
   */
  constructor({ stats, affinities, hashKey }: SelectionTables, balancer: number, group = 0) {
    this.balancer = balancer;
    this.affinity = new Affinity(affinities, balancer);
    const flows = new ActiveFlows(stats, balancer);
    this.leastConnections = new LeastConnections(flows);
    this.twoChoices = new RandomTwoChoices(
      flows,
      new Xorshift(mix5(hashKey[0], hashKey[1], balancer, group, 0)),
    );
  }

  /** Applies new rules; `was`: the previous ones. */
  adopt(rules: RuleTable, was: RuleTable | undefined): void {
    const previous = previousSets(rules, was);
    this.roundRobin.adopt(rules, was, previous, this.balancer);
    this.leastConnections.adopt(rules, previous, this.balancer);
    this.twoChoices.adopt(rules);
  }

  /** Member for a new flow by a rule's criteria set, or NONE if there is no usable one. */
  pick(rules: RuleTable, rule: number, criteria: number, flow: NewFlow, nowMs: number): number {
    const { candidates } = this;
    candidates.aim(rules, rule, criteria, flow);
    if (rules.affinityMs(rule) === 0) return this.choose();
    const kept = this.affinity.keptMember(candidates, nowMs);
    if (kept !== NONE) {
      this.chosenBy = CHOSEN_BY.affinity;
      return kept;
    }
    const chosen = this.choose();
    if (chosen !== NONE) this.affinity.remember(candidates, chosen, nowMs);
    return chosen;
  }

  /** Reports the last choice; `chosen`: position of the member in the table, or NONE. */
  report(sink: TraceSink, chosen: number): void {
    const { candidates, chosenBy } = this;
    const { rules, first, end } = candidates;
    const members = Array.from({ length: end - first }, (_, i) => ({
      member: rules.memberId(first + i),
      weight: rules.weight(first + i),
      isSelf: candidates.withoutSelf && candidates.isSelf(first + i),
    }));
    const member = chosen === NONE ? NONE : rules.memberId(chosen);
    sink.fact({ kind: 'selection', by: chosenBy, candidates: members, chosen: member });
  }

  private choose(): number {
    const { candidates } = this;
    const algorithm = candidates.rules.algorithm(candidates.rule);
    this.chosenBy = algorithm;
    switch (algorithm) {
      case ALGORITHM['least-connections']:
        return this.leastConnections.pick(candidates);
      case ALGORITHM['random-two-choices']:
        return this.twoChoices.pick(candidates);
      case ALGORITHM.maglev:
        return maglevMember(candidates);
      default:
        return this.roundRobin.pick(candidates);
    }
  }
}
