/**
 * The rules that one LB has in force: compiled table, endpoints of VIPs and members, round-robin positions.
 *
 * A rule that names a VIP works in each network whose ports the LB serves: endpoints are (network, address), so
 * there is one scope per network. New rules come with new endpoints before the old ones are given back, so an
 * endpoint that stays keeps its number; running flows hold references of their own.
 */
import { NONE } from '../tables/bucket-index.ts';
import {
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_FIXED_MAC,
  ROLE_MEMBER,
  ROLE_VIP,
} from '../tables/endpoint-table.ts';
import { REWRITE_KIND, RuleTable } from '../tables/rule-table.ts';
import type { Frame } from './frame.ts';
import { WeightedRoundRobin } from './selection.ts';

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
  private readonly endpoints: EndpointTable;
  private readonly selection = new WeightedRoundRobin();
  private readonly stagger: number;

  /** `stagger`: where in their cycles round robins begin, another for each LB. */
  constructor(endpoints: EndpointTable, stagger: number) {
    this.endpoints = endpoints;
    this.stagger = stagger;
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

  /** Position of the member for a new flow by a criteria set, or NONE if there is no usable one. */
  pick(criteria: number): number {
    return this.selection.pick(this.rules, criteria);
  }

  /** Endpoint of a member in a network, or NONE if the endpoint table was full. */
  memberEndpoint(network: number, member: number): number {
    return this.scopes.get(network)!.memberEndpoints[member]!;
  }

  /** Takes new rules into force for the networks of the LB's ports. Returns false if the endpoint table is full. */
  adopt(memory: ArrayBufferLike, networks: readonly number[], revision: number): boolean {
    const sameNetworks = networks.length === this.scopes.size && networks.every((n) => this.scopes.has(n));
    if (memory === this.memory && sameNetworks) return true;
    const rules = new RuleTable(memory);
    const old = this.scopes;
    this.scopes = new Map(networks.map((network) => [network, this.scopeFor(rules, network)]));
    this.selection.adopt(rules, this.table, this.stagger);
    this.table = rules;
    this.memory = memory;
    this.revision = revision;
    this.release(old);
    return ![...this.scopes.values()].some(({ held }) => held.includes(NONE));
  }

  close(): void {
    this.release(this.scopes);
    this.scopes = new Map();
    this.table = undefined;
    this.memory = undefined;
  }

  private scopeFor(rules: RuleTable, network: number): Scope {
    const rulesOf = new Map<number, number[]>();
    const memberEndpoints = new Int32Array(rules.memberCount);
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
          if (member === NONE) continue;
          if (rules.memberMacHigh(m) < 0) this.endpoints.clearRole(member, ROLE_FIXED_MAC);
          else this.endpoints.setMac(member, rules.memberMacHigh(m), rules.memberMacLow(m));
        }
      }
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
