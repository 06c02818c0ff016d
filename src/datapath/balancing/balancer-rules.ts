/**
 * The rules that one LB has in force, and the state of its member selection.
 *
 * The rules themselves are shared by all load balancers with the same groups (rule-sets.ts). Each LB has its own
 * selection state, which is created at the first flow of a group and carried over when the group's rules change.
 */
import { ON_EMPTY, type RuleTable } from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { TraceSink } from '../frame/trace-sink.ts';
import type { Candidate, GroupRules, RuleSet } from './rule-sets.ts';
import type { NewFlow } from './selection/candidates.ts';
import { Selection } from './selection/selection.ts';

interface Running {
  readonly selection: Selection;
  /** The rules that it was last adapted to. */
  readonly table: RuleTable;
}

export class BalancerRules {
  private readonly context: Context;
  private readonly id: number;
  private sets: readonly RuleSet[] = [];
  /** The last result of `match`. */
  private found: GroupRules | undefined;
  private foundSet: RuleSet | undefined;
  /** By group. */
  private readonly running = new Map<number, Running>();
  private last: Running | undefined;
  private chosenBy = 0;
  /** Of the last `setFor` without result: ON_EMPTY.reject or drop. */
  onEmpty = 0;
  /** Of the last `setFor`: the last set that the flow was for, or NONE. */
  reached = NONE;

  /** `id`: the load balancer's. */
  constructor(context: Context, id: number) {
    this.context = context;
    this.id = id;
  }

  /** The rules of the group found by `match`; rule positions refer to this table. */
  get rules(): RuleTable {
    return this.found!.table;
  }

  /** Revision of the snapshot with these rules. */
  get revision(): number {
    return this.foundSet!.revision;
  }

  /** Position of the rule for a packet to a VIP endpoint, or NONE: the VIP is another LB's, or no longer configured. */
  match(vip: number, frame: Frame): number {
    const candidates = this.candidatesOf(vip, frame);
    if (candidates === undefined) return NONE;
    const { sink } = this.context;
    for (let i = 0; i < candidates.length; i++) {
      const { group, rule } = candidates[i]!;
      if (!group.table.matches(rule, frame)) continue;
      if (sink !== null) reportMatch(sink, candidates.slice(0, i + 1), true);
      this.found = group;
      return rule;
    }
    if (sink !== null) reportMatch(sink, candidates, false);
    return NONE;
  }

  /**
   * A rule for the frame's source, whatever the protocol and ports; preferably one with a member for new flows. NONE:
   * there is no rule.
   */
  matchAny(vip: number, frame: Frame): number {
    const candidates = this.candidatesOf(vip, frame);
    if (candidates === undefined) return NONE;
    const { s0, s1, s2, s3 } = frame;
    let first: Candidate | undefined;
    for (let i = 0; i < candidates.length; i++) {
      const { group, rule } = candidates[i]!;
      if (!group.table.hasSource(rule, s0, s1, s2, s3)) continue;
      this.found = group;
      if (this.hasMember(rule)) return rule;
      first ??= candidates[i]!;
    }
    if (first === undefined) return NONE;
    this.found = first.group;
    return first.rule;
  }

  private candidatesOf(vip: number, { network }: Frame): readonly Candidate[] | undefined {
    const { sets } = this;
    for (let i = 0; i < sets.length; i++) {
      if (sets[i]!.network !== network) continue;
      this.foundSet = sets[i]!;
      return sets[i]!.rulesOf(vip);
    }
    return undefined;
  }

  /** Whether a rule has a member for new flows now; of priorities any one. */
  hasMember(rule: number): boolean {
    const { rules } = this;
    for (let set = rules.firstCriteria(rule); ; set++) {
      set = rules.nextSet(rule, set, this.context.wallMs, undefined);
      if (set === NONE) return false;
      if (this.isUsable(set)) return true;
      if (!rules.isConditional(set) && rules.onEmptyOf(set) !== ON_EMPTY.next) return false;
    }
  }

  /**
   * The criteria set for a new flow: the first one in effect whose condition its packet meets and, where sets say so
   * (`onEmpty: next`), that has a usable member. NONE: there is none, and `onEmpty` says what is to be done.
   */
  setFor(rule: number, frame: Frame): number {
    const { rules } = this;
    this.reached = NONE;
    for (let set = rules.firstCriteria(rule); ; set++) {
      set = rules.nextSet(rule, set, this.context.wallMs, frame);
      if (set !== NONE) this.reached = set;
      if (set !== NONE && this.isUsable(set)) return set;
      this.onEmpty = set === NONE ? rules.onEmpty(rule) : rules.onEmptyOf(set);
      if (this.onEmpty !== ON_EMPTY.next) return NONE;
    }
  }

  /** Whether a criteria set has a member for new flows. */
  private isUsable(criteria: number): boolean {
    return isUsable(this.rules, criteria);
  }

  /** Position of the member for a new flow by a rule's criteria set, or NONE if there is no usable one. */
  pick(rule: number, criteria: number, frame: Frame): number {
    const { rules } = this;
    const selection = this.selectionOf(rules, rules.group(rule));
    const { sink } = this.context;
    const member = selection.pick(rules, rule, criteria, frame, this.context.nowMs);
    this.chosenBy = selection.chosenBy;
    if (sink !== null) selection.report(sink, member);
    return member;
  }

  /** A group in a network by its number; undefined: it is not in force there. */
  groupOf(network: number, group: number): GroupRules | undefined {
    const { sets } = this;
    for (let i = 0; i < sets.length; i++) {
      if (sets[i]!.network === network) return sets[i]!.byNumber.get(group);
    }
    return undefined;
  }

  /** Whether a group of middleboxes has one for new flows in a network. */
  hasHop(network: number, group: number): boolean {
    const table = this.groupOf(network, group)?.table;
    if (table === undefined) return false;
    const set = table.nextSet(0, table.firstCriteria(0), this.context.wallMs, undefined);
    return set !== NONE && isUsable(table, set);
  }

  /** Selects a middlebox of a group for a flow: its position in the group's rules, or NONE. */
  pickHop(table: RuleTable, flow: NewFlow): number {
    const set = table.nextSet(0, table.firstCriteria(0), this.context.wallMs, undefined);
    if (set === NONE || !isUsable(table, set)) return NONE;
    const selection = this.selectionOf(table, table.group(0));
    const hop = selection.pick(table, 0, set, flow, this.context.nowMs);
    if (this.context.sink !== null) selection.report(this.context.sink, hop);
    return hop;
  }

  reportCriteria(sink: TraceSink, rule: number, set: number): void {
    const { rules } = this;
    const place = set === NONE ? -1 : set - rules.firstCriteria(rule);
    sink.fact({ kind: 'criteria', set: place, of: rules.criteriaCount(rule) });
  }

  private selectionOf(table: RuleTable, group: number): Selection {
    // Consecutive flows are often of the same group.
    if (this.last?.table === table) return this.touched(this.last.selection);
    let running = this.running.get(group);
    if (running !== undefined) this.touched(running.selection);
    if (running?.table !== table) {
      const selection = running?.selection ?? new Selection(this.context.tables, this.id, group);
      selection.adopt(table, running?.table);
      running = { selection, table };
      this.running.set(group, running);
    }
    this.last = running;
    return running.selection;
  }

  private touched(selection: Selection): Selection {
    const { sink } = this.context;
    if (sink !== null) sink.touch(selection);
    return selection;
  }

  /** Reason of the last pick: a connection record's decision word. */
  decision(rule: number, criteria: number): number {
    const { rules } = this;
    const set = criteria - rules.firstCriteria(rule);
    return (this.chosenBy << 28) | (set << 16) | rules.group(rule);
  }

  /** Endpoint of a member, or NONE if the endpoint table was full. */
  memberEndpoint(member: number): number {
    return this.found!.memberEndpoints[member]!;
  }

  /** Brings these sets into force, one per network; `lostGroups` are enforced by no load balancer any more. */
  adopt(sets: readonly RuleSet[], lostGroups: readonly number[]): void {
    this.sets = sets;
    this.found = undefined;
    this.foundSet = undefined;
    this.last = undefined;
    for (const group of lostGroups) this.running.delete(group);
  }
}

function isUsable(rules: RuleTable, criteria: number): boolean {
  const members = rules.membersOf(criteria);
  return members > 0 && rules.weightUpTo(rules.firstMember(criteria) + members - 1) > 0;
}

/** `matched`: the last of the compared rules applies. */
function reportMatch(sink: TraceSink, compared: readonly Candidate[], matched: boolean): void {
  const numbers = compared.map(({ group, rule }) => ({
    rule: group.table.id(rule),
    group: group.table.group(rule),
  }));
  sink.fact({ kind: 'rule', compared: numbers, matched });
}
