/**
 * The rules that one LB has in force: compiled table, endpoints of VIPs and members, and how members are selected.
 *
 * A rule that names a VIP works in each network whose ports the LB serves: endpoints are (network, address), so
 * there is one scope per network. New rules come with new endpoints before the old ones are given back, so an
 * endpoint that stays keeps its number; running flows hold references of their own.
 */
import {
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_FIXED_MAC,
  ROLE_MEMBER,
  ROLE_VIP,
} from '../../tables/balancing/endpoint-table.ts';
import { REWRITE_KIND, RuleTable } from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { Context } from '../frame/context.ts';
import type { Frame } from '../frame/frame.ts';
import type { LoadBalancerSpec } from '../snapshot.ts';
import { Selection } from './selection/selection.ts';

/** What an LB knows of one network that its ports are in. */
interface Scope {
  /** VIP endpoint → positions of its rules, most specific first. */
  readonly rulesOf: Map<number, number[]>;
  /** Position of a member in the rule table → endpoint. */
  readonly memberEndpoints: Int32Array;
  readonly held: number[];
}

export class BalancerRules {
  /** Revision of the snapshot that brought the rules. */
  revision = 0;
  private table: RuleTable | undefined;
  private memory: ArrayBufferLike | undefined;
  private scopes = new Map<number, Scope>();
  private readonly context: Context;
  private readonly endpoints: EndpointTable;
  private readonly selection: Selection;

  /** `id`: the load balancer's. */
  constructor(context: Context, id: number) {
    this.context = context;
    this.endpoints = context.tables.endpoints;
    this.selection = new Selection(context.tables, id);
  }

  /** The rules; only to be asked after `match` has found one. */
  get rules(): RuleTable {
    return this.table!;
  }

  /** Position of the rule for a packet to a VIP endpoint, or NONE: the VIP is another LB's, or an old one. */
  match(vip: number, frame: Frame): number {
    const candidates = this.scopes.get(frame.network)?.rulesOf.get(vip);
    if (candidates === undefined) return NONE;
    const { rules } = this;
    const { protocol, s0, s1, s2, s3 } = frame;
    for (let i = 0; i < candidates.length; i++) {
      const rule = candidates[i]!;
      if (rules.matches(rule, protocol, frame.destinationPort, frame.sourcePort, s0, s1, s2, s3)) return rule;
    }
    return NONE;
  }

  /**
   * A rule for the frame's source, whatever the protocol and ports: one with a member for new flows, if any has one.
   * NONE: there is no rule.
   */
  matchAny(vip: number, frame: Frame): number {
    const candidates = this.scopes.get(frame.network)?.rulesOf.get(vip);
    if (candidates === undefined) return NONE;
    const { s0, s1, s2, s3 } = frame;
    let found = NONE;
    for (let i = 0; i < candidates.length; i++) {
      const rule = candidates[i]!;
      if (!this.rules.hasSource(rule, s0, s1, s2, s3)) continue;
      if (this.hasMember(rule)) return rule;
      if (found === NONE) found = rule;
    }
    return found;
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
    return this.selection.pick(this.rules, rule, criteria, frame, this.context.nowMs);
  }

  /** Why the member picked last: a connection record's decision word. */
  decision(rule: number, criteria: number): number {
    const { rules } = this;
    const set = criteria - rules.firstCriteria(rule);
    return (this.selection.chosenBy << 28) | (set << 16) | rules.group(rule);
  }

  /** Endpoint of a member in a network, or NONE if the endpoint table was full. */
  memberEndpoint(network: number, member: number): number {
    return this.scopes.get(network)!.memberEndpoints[member]!;
  }

  /** Takes new rules into force for the networks of the LB's ports. Returns false if the endpoint table is full. */
  adopt(spec: LoadBalancerSpec, networks: readonly number[], revision: number): boolean {
    const memory = spec.ruleTable;
    const sameNetworks = networks.length === this.scopes.size && networks.every((n) => this.scopes.has(n));
    if (memory === this.memory && sameNetworks) return true;
    const rules = new RuleTable(spec);
    const old = this.scopes;
    this.scopes = new Map(networks.map((network) => [network, this.scopeFor(rules, network)]));
    this.selection.adopt(rules, this.table);
    this.table = rules;
    this.memory = memory;
    this.revision = revision;
    this.release(old);
    return ![...this.scopes.values()].some(({ held }) => held.includes(NONE));
  }

  /** Calls with every member of every rule: position of the rule, number of the member. */
  forEachMember(visit: (rule: number, member: number) => void): void {
    const { rules } = this;
    for (let rule = 0; rule < rules.ruleCount; rule++) {
      const first = rules.firstCriteria(rule);
      for (let set = first; set < first + rules.criteriaCount(rule); set++) {
        const member = rules.firstMember(set);
        for (let m = member; m < member + rules.membersOf(set); m++) visit(rule, rules.memberId(m));
      }
    }
  }

  close(): void {
    this.release(this.scopes);
    this.scopes = new Map();
    this.table = undefined;
    this.memory = undefined;
  }

  private scopeFor(rules: RuleTable, network: number): Scope {
    const rulesOf = new Map<number, number[]>();
    const memberEndpoints = new Int32Array(rules.memberCount).fill(NONE);
    const held: number[] = [];
    for (let rule = 0; rule < rules.ruleCount; rule++) {
      const vip = this.intern(network, (i) => rules.vipWord(rule, i), ROLE_VIP);
      held.push(vip);
      if (vip === NONE) continue;
      // With `port` the VIP is a VM's own address, and the VM's to answer for.
      if (rules.rewriteKind(rule) === REWRITE_KIND.port) this.endpoints.clearRole(vip, ROLE_ANSWERED);
      else this.endpoints.addRole(vip, ROLE_ANSWERED);
      rulesOf.set(vip, [...(rulesOf.get(vip) ?? []), rule]);
      const first = rules.firstCriteria(rule);
      for (let set = first; set < first + rules.criteriaCount(rule); set++) {
        for (let m = rules.firstMember(set); m < rules.firstMember(set) + rules.membersOf(set); m++) {
          const member = this.intern(network, (i) => rules.memberWord(m, i), ROLE_MEMBER);
          held.push(member);
          memberEndpoints[m] = member;
          if (member !== NONE) this.endpoints.clearRole(member, ROLE_FIXED_MAC);
        }
      }
    }
    // After all: a MAC that one group gives its member holds, though another group does not.
    for (let m = 0; m < rules.memberCount; m++) {
      const member = memberEndpoints[m]!;
      if (member === NONE || rules.memberMacHigh(m) < 0) continue;
      this.endpoints.setMac(member, rules.memberMacHigh(m), rules.memberMacLow(m));
    }
    return { rulesOf, memberEndpoints, held };
  }

  private intern(network: number, word: (i: number) => number, role: number): number {
    const endpoint = this.endpoints.intern(network, word(0), word(1), word(2), word(3));
    if (endpoint !== NONE) this.endpoints.addRole(endpoint, role);
    return endpoint;
  }

  private release(scopes: ReadonlyMap<number, Scope>): void {
    for (const { held } of scopes.values()) {
      for (const endpoint of held) if (endpoint !== NONE) this.endpoints.release(endpoint);
    }
  }
}
