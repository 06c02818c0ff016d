/**
 * The rules that one LB has in force, and how members are selected.
 *
 * The rules themselves are shared by all load balancers with the same groups (rule-sets.ts). What is this LB's own is the
 * running state of its selections, which is made when the first flow of a group comes, and takes over what the group's
 * previous rules have left when they have changed.
 */
import type { RuleTable } from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { Candidate, GroupRules, RuleSet } from './rule-sets.ts';
import { Selection } from './selection/selection.ts';

interface Running {
  readonly selection: Selection;
  /** The rules that it was adopted to. */
  readonly table: RuleTable;
}

export class BalancerRules {
  private readonly context: Context;
  private readonly id: number;
  private sets: readonly RuleSet[] = [];
  /** What `match` has found last. */
  private found: GroupRules | undefined;
  private foundSet: RuleSet | undefined;
  /** By group. */
  private readonly running = new Map<number, Running>();
  private last: Running | undefined;
  private chosenBy = 0;

  /** `id`: the load balancer's. */
  constructor(context: Context, id: number) {
    this.context = context;
    this.id = id;
  }

  /** The rules of the group that `match` has found; positions of rules are places there. */
  get rules(): RuleTable {
    return this.found!.table;
  }

  /** Of the snapshot that brought the rules. */
  get revision(): number {
    return this.foundSet!.revision;
  }

  /** Position of the rule for a packet to a VIP endpoint, or NONE: the VIP is another LB's, or an old one. */
  match(vip: number, frame: Frame): number {
    const candidates = this.candidatesOf(vip, frame);
    if (candidates === undefined) return NONE;
    for (let i = 0; i < candidates.length; i++) {
      const { group, rule } = candidates[i]!;
      if (!group.table.matches(rule, frame)) continue;
      this.found = group;
      return rule;
    }
    return NONE;
  }

  /**
   * A rule for the frame's source, whatever the protocol and ports: one with a member for new flows, if any has one.
   * NONE: there is no rule.
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

  /** Whether a rule has a member for new flows now. */
  hasMember(rule: number): boolean {
    const set = this.rules.effectiveCriteria(rule, this.context.wallMs);
    return set !== NONE && this.isUsable(set);
  }

  /** Whether a criteria set has a member for new flows. */
  isUsable(criteria: number): boolean {
    const { rules } = this;
    const members = rules.membersOf(criteria);
    return members > 0 && rules.weightUpTo(rules.firstMember(criteria) + members - 1) > 0;
  }

  /** Position of the member for a new flow by a rule's criteria set, or NONE if there is no usable one. */
  pick(rule: number, criteria: number, frame: Frame): number {
    const { rules } = this;
    const selection = this.selectionOf(rules, rules.group(rule));
    const member = selection.pick(rules, rule, criteria, frame, this.context.nowMs);
    this.chosenBy = selection.chosenBy;
    return member;
  }

  private selectionOf(table: RuleTable, group: number): Selection {
    // Flows of one group tend to come in a row.
    if (this.last?.table === table) return this.last.selection;
    let running = this.running.get(group);
    if (running?.table !== table) {
      const selection = running?.selection ?? new Selection(this.context.tables, this.id, group);
      selection.adopt(table, running?.table);
      running = { selection, table };
      this.running.set(group, running);
    }
    this.last = running;
    return running.selection;
  }

  /** Why the member picked last: a connection record's decision word. */
  decision(rule: number, criteria: number): number {
    const { rules } = this;
    const set = criteria - rules.firstCriteria(rule);
    return (this.chosenBy << 28) | (set << 16) | rules.group(rule);
  }

  /** Endpoint of a member, or NONE if the endpoint table was full. */
  memberEndpoint(member: number): number {
    return this.found!.memberEndpoints[member]!;
  }

  /** These sets are in force from now on, one per network; no load balancer has these groups any more. */
  adopt(sets: readonly RuleSet[], lostGroups: readonly number[]): void {
    this.sets = sets;
    this.found = undefined;
    this.foundSet = undefined;
    this.last = undefined;
    for (const group of lostGroups) this.running.delete(group);
  }
}
