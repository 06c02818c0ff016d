/**
 * The selection of one load balancer under test, without packets: rules come into force, new flows are asked for, and
 * the answer is the place of the member in its criteria set. Flows that were given stay active until `end`.
 */

import { ActiveFlows } from '../../src/datapath/balancing/selection/active-flows.ts';
import type { NewFlow } from '../../src/datapath/balancing/selection/candidates.ts';
import { Selection } from '../../src/datapath/balancing/selection/selection.ts';
import type { MemberSpec, RuleSpec } from '../../src/tables/balancing/rule-spec.ts';
import { compileRules, RuleTable } from '../../src/tables/balancing/rule-table.ts';
import { NONE } from '../../src/tables/common/bucket-index.ts';
import { STAT, type StatTable } from '../../src/tables/stat-table.ts';
import { DEFAULT_LIMITS, Tables } from '../../src/tables/tables.ts';
import { addressWords } from './addresses.ts';

/** A rule of one criteria set; members by their weights, member i at 10.1.(i / 256).(1 + i mod 250). */
export const ruleOf = (id: number, weights: readonly number[], more: Partial<RuleSpec> = {}): RuleSpec => ({
  id,
  group: id,
  vip: `10.1.0.${100 + id}`,
  protocol: 'any',
  sources: [],
  rewrite: 'address',
  algorithm: 'weighted-round-robin',
  onEmpty: 'reject',
  criteria: [{ members: membersOf(weights, id * 100) }],
  ...more,
});

/** Members with numbers from `firstId` on. */
export const membersOf = (weights: readonly number[], firstId = 0): MemberSpec[] =>
  weights.map((weight, i) => ({
    id: firstId + i,
    name: `app${i}`,
    address: memberAddress(i),
    weight,
    state: 'active',
  }));

export const memberAddress = (i: number): string => `10.1.${Math.floor(i / 250)}.${1 + (i % 250)}`;

export const tableOf = (...rules: RuleSpec[]): RuleTable => new RuleTable(compileRules(rules));

/** A TCP flow to port 80. */
export function flowFrom(address: string, sourcePort = 40_000): NewFlow {
  const [s0, s1, s2, s3] = addressWords(address);
  return { s0, s1, s2, s3, ports: (sourcePort << 16) | 80, protocol: 6, ingress: 0 };
}

/** A client that is nobody's member. */
export const CLIENT = flowFrom('10.9.0.1');

export interface SelectionBedOptions {
  readonly balancer?: number;
  readonly hashKey?: readonly [number, number];
  readonly maxAffinities?: number;
  /** Over those of another bed, as load balancers of one host share them. */
  readonly tables?: Tables;
}

export class SelectionBed {
  readonly tables: Tables;
  readonly selection: Selection;
  private readonly balancer: number;
  nowMs = 1_000;
  private table: RuleTable | undefined;

  constructor(rules: readonly RuleSpec[] | RuleTable, options: SelectionBedOptions = {}) {
    const { balancer = 0, hashKey = [0x5eed, 0xfeed], maxAffinities = 1_024 } = options;
    this.balancer = balancer;
    this.tables = options.tables ?? makeTables(maxAffinities, hashKey);
    this.selection = new Selection(this.tables, balancer);
    this.adopt(rules);
  }

  get rules(): RuleTable {
    if (this.table === undefined) throw new Error('selection bed: no rules');
    return this.table;
  }

  get stats(): StatTable {
    return this.tables.stats;
  }

  /** Puts rules in force. */
  adopt(rules: readonly RuleSpec[] | RuleTable): void {
    const table = rules instanceof RuleTable ? rules : tableOf(...rules);
    this.selection.adopt(table, this.table);
    this.table = table;
  }

  /** Place of the member for a new flow by the rule with this id, or NONE. */
  pick(flow: NewFlow = CLIENT, id?: number, criteriaSet = 0): number {
    const { rules } = this;
    const set = rules.firstCriteria(this.position(id)) + criteriaSet;
    const member = this.selection.pick(rules, this.position(id), set, flow, this.nowMs);
    return member === NONE ? NONE : member - rules.firstMember(set);
  }

  /** The next picks for one client. */
  picks(count: number, flow: NewFlow = CLIENT, id?: number): number[] {
    return Array.from({ length: count }, () => this.pick(flow, id));
  }

  /** Picks, and counts the flow as active. */
  begin(flow: NewFlow = CLIENT, id?: number): number {
    const place = this.pick(flow, id);
    if (place !== NONE) this.load(place, 1, id);
    return place;
  }

  /** A flow of the member ends. */
  end(place: number, id?: number): void {
    this.load(place, -1, id);
  }

  /** Adds active flows to a member. */
  load(place: number, flows: number, id?: number): void {
    this.stats.add(this.stats.acquire(this.balancer, this.memberOf(place, id)), STAT.activeFlows, flows);
  }

  active(place: number, id?: number): number {
    return new ActiveFlows(this.stats, this.balancer).of(this.memberOf(place, id));
  }

  private memberOf(place: number, id?: number): number {
    const { rules } = this;
    return rules.memberId(rules.firstMember(rules.firstCriteria(this.position(id))) + place);
  }

  private position(id: number | undefined): number {
    if (id === undefined) return 0;
    for (let rule = 0; rule < this.rules.ruleCount; rule++) if (this.rules.id(rule) === id) return rule;
    throw new Error(`selection bed: found no rule ${id}`);
  }
}

function makeTables(maxAffinities: number, hashKey: readonly [number, number]): Tables {
  const limits = {
    ...DEFAULT_LIMITS,
    maxConnections: 1,
    maxEndpoints: 1,
    maxStatSlots: 4_096,
    maxMacs: 1,
    maxNeighbours: 1,
    maxAffinities,
  };
  const tables = new Tables(new ArrayBuffer(Tables.bytesNeeded(limits)), 0, limits, hashKey);
  tables.initialise();
  return tables;
}

/** How many of the picks fell on each of the members. */
export function sharesOf(picks: readonly number[], members: number): number[] {
  const shares = new Array<number>(members).fill(0);
  for (const place of picks) if (place !== NONE) shares[place]!++;
  return shares;
}

export const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
