/**
 * The rules in force: one copy per group, and one index per set of groups, shared by all load balancers that enforce
 * that set.
 *
 * Theory of operation. Groups are compiled one by one (tables/rule-table.ts); load balancers with the same groups
 * share the same list of compiled groups, and parts unchanged between two snapshots are the same objects. A change
 * therefore costs only what it changes: a list with a few changed groups is updated in place if all its load
 * balancers change to the same new list; otherwise a new index is built. New groups take their endpoints before
 * previous ones release theirs, so an endpoint that stays keeps its number. Many new groups are prepared before the
 * change that brings them, a few at a time, so that packets never wait for all of them.
 *
 * A group works in each network whose ports the load balancer serves: endpoints are (network, address), so its
 * endpoints and the index exist once per network. State that changes while rules are in force (round-robin positions)
 * belongs to the load balancer (balancer-rules.ts).
 */

import {
  type EndpointTable,
  ROLE_ANSWERED,
  ROLE_FIXED_MAC,
  ROLE_MEMBER,
  ROLE_VIP,
} from '../../tables/balancing/endpoint-table.ts';
import {
  type CompiledRules,
  compareSpecificity,
  REWRITE_KIND,
  RuleTable,
} from '../../tables/balancing/rule-table.ts';
import { NONE } from '../../tables/common/bucket-index.ts';
import type { MemberRows } from './member-rows.ts';

/** A group's rules in one network. */
export class GroupRules {
  readonly compiled: CompiledRules;
  readonly table: RuleTable;
  readonly network: number;
  /** Endpoints of the rules' VIPs, and of members, by position in the table; NONE: the endpoint table was full. */
  readonly vips: Int32Array;
  readonly memberEndpoints: Int32Array;
  readonly givesMacs: boolean;
  /** Its members are middleboxes; it has no VIP. */
  readonly isHop: boolean;
  /** Rules on a VM's own address, which the VM answers for. */
  readonly isOnOwnAddress: boolean;
  /** All of its endpoints fit into the endpoint table. */
  readonly isWhole: boolean;
  /** Rule sets that contain it. */
  users = 0;

  constructor(compiled: CompiledRules, network: number, endpoints: EndpointTable) {
    const table = new RuleTable(compiled);
    this.compiled = compiled;
    this.table = table;
    this.network = network;
    this.isHop = table.ruleCount > 0 && table.isHop(0);
    this.vips = Int32Array.from({ length: this.isHop ? 0 : table.ruleCount }, (_, rule) =>
      endpoints.intern(
        network,
        table.vipWord(rule, 0),
        table.vipWord(rule, 1),
        table.vipWord(rule, 2),
        table.vipWord(rule, 3),
      ),
    );
    this.memberEndpoints = Int32Array.from({ length: table.memberCount }, (_, member) =>
      endpoints.intern(
        network,
        table.memberWord(member, 0),
        table.memberWord(member, 1),
        table.memberWord(member, 2),
        table.memberWord(member, 3),
      ),
    );
    this.isWhole = !this.vips.includes(NONE) && !this.memberEndpoints.includes(NONE);
    let givesMacs = false;
    for (let member = 0; member < table.memberCount; member++) {
      if (table.memberMacHigh(member) >= 0) givesMacs = true;
    }
    this.givesMacs = givesMacs;
    this.isOnOwnAddress = table.ruleCount > 0 && table.rewriteKind(0) === REWRITE_KIND.port;
  }

  /** The group's number. */
  get group(): number {
    return this.table.group(0);
  }
}

/** A rule that may match a packet. */
export interface Candidate {
  readonly group: GroupRules;
  /** Position in the group's table. */
  readonly rule: number;
}

/** The rules in force in one network at load balancers with the same groups. */
export class RuleSet {
  readonly network: number;
  /** Revision of the snapshot with these rules. */
  revision = 0;
  blocks: readonly CompiledRules[] = [];
  /** Load balancers that use it. */
  readonly balancers = new Set<number>();
  readonly groups = new Map<CompiledRules, GroupRules>();
  readonly byNumber = new Map<number, GroupRules>();
  /** VIP endpoint → its rules, most specific first. */
  private readonly candidates = new Map<number, Candidate[]>();
  private incomplete = 0;

  constructor(network: number) {
    this.network = network;
  }

  /** The rules of a VIP, most specific first; undefined: it has none here. */
  rulesOf(vip: number): readonly Candidate[] | undefined {
    return this.candidates.get(vip);
  }

  /** All endpoints of all groups fit into the endpoint table. */
  get isWhole(): boolean {
    return this.incomplete === 0;
  }

  add(group: GroupRules): void {
    this.groups.set(group.compiled, group);
    if (!group.isWhole) this.incomplete++;
    this.byNumber.set(group.group, group);
    group.vips.forEach((vip, rule) => {
      if (vip === NONE) return;
      const others = this.candidates.get(vip);
      const candidate = { group, rule };
      if (others === undefined) this.candidates.set(vip, [candidate]);
      else this.candidates.set(vip, [...others, candidate].sort(bySpecificity));
    });
  }

  remove(group: GroupRules): void {
    this.groups.delete(group.compiled);
    if (!group.isWhole) this.incomplete--;
    if (this.byNumber.get(group.group) === group) this.byNumber.delete(group.group);
    for (const vip of group.vips) {
      const left = this.candidates.get(vip)?.filter((candidate) => candidate.group !== group);
      if (left === undefined || left.length === 0) this.candidates.delete(vip);
      else this.candidates.set(vip, left);
    }
  }
}

const bySpecificity = (a: Candidate, b: Candidate): number =>
  compareSpecificity(a.group.table, a.rule, b.group.table, b.rule);

/** A load balancer and the groups that it enforces. */
export interface WantedRules {
  readonly balancer: number;
  readonly blocks: readonly CompiledRules[];
  readonly networks: Iterable<number>;
}

export class RuleSets {
  private readonly endpoints: EndpointTable;
  private readonly memberRows: MemberRows;
  /** By network. */
  private readonly groups = new Map<number, Map<CompiledRules, GroupRules>>();
  private sets: RuleSet[] = [];
  /** Groups with members' MACs, and groups on VMs' own addresses: few. */
  private readonly special = new Set<GroupRules>();
  /** Groups prepared for the next change. */
  private readonly prepared = new Set<GroupRules>();

  constructor(endpoints: EndpointTable, memberRows: MemberRows) {
    this.endpoints = endpoints;
    this.memberRows = memberRows;
  }

  /** Sets that a load balancer has in force. */
  get inForce(): readonly RuleSet[] {
    return this.sets;
  }

  /** Prepares a group of the next `replace` in this network; dropped if that does not contain it. */
  prepare(compiled: CompiledRules, network: number): void {
    const known = getOrMake(this.groups, network, () => new Map());
    if (known.has(compiled)) return;
    const group = new GroupRules(compiled, network, this.endpoints);
    known.set(compiled, group);
    this.prepared.add(group);
  }

  /** Replaces all rules in force. Returns the numbers of groups that are no longer in force. */
  replace(wanted: readonly WantedRules[], revision: number): number[] {
    const byList = new Map<number, Map<readonly CompiledRules[], number[]>>();
    for (const { balancer, blocks, networks } of wanted) {
      for (const network of networks) {
        const lists = getOrMake(byList, network, () => new Map());
        getOrMake(lists, blocks, () => []).push(balancer);
      }
    }
    const previous = new Set(this.sets);
    const next: RuleSet[] = [];
    const gone: GroupRules[] = [];
    const come: GroupRules[] = [];
    const due: [set: RuleSet, blocks: readonly CompiledRules[], balancers: readonly number[]][] = [];
    for (const [network, lists] of byList) {
      for (const [blocks, balancers] of lists) {
        const same = this.sets.find((set) => set.network === network && set.blocks === blocks);
        if (same === undefined) continue;
        previous.delete(same);
        due.push([same, blocks, balancers]);
      }
    }
    for (const [network, lists] of byList) {
      for (const [blocks, balancers] of lists) {
        if (due.some(([set, list]) => set.network === network && list === blocks)) continue;
        const predecessor = [...previous].find(
          (set) =>
            set.network === network &&
            set.balancers.size === balancers.length &&
            balancers.every((balancer) => set.balancers.has(balancer)),
        );
        if (predecessor !== undefined) previous.delete(predecessor);
        due.push([predecessor ?? new RuleSet(network), blocks, balancers]);
      }
    }
    for (const [set, blocks, balancers] of due) {
      next.push(set);
      set.balancers.clear();
      for (const balancer of balancers) set.balancers.add(balancer);
      if (set.blocks === blocks) continue;
      this.bring(set, blocks, gone, come);
      set.revision = revision;
    }
    for (const set of previous) {
      for (const group of set.groups.values()) this.leave(group, gone);
    }
    this.sets = next;
    this.settle(gone, come);
    this.forgetUnused();
    const lost = new Set(gone.map(({ group }) => group));
    for (const { group } of come) lost.delete(group);
    // Another version may be in force elsewhere: in another network, or with a load balancer's own weights.
    if (lost.size > 0) {
      for (const groups of this.groups.values()) for (const { group } of groups.values()) lost.delete(group);
    }
    return [...lost];
  }

  /** Gives a set these groups. */
  private bring(
    set: RuleSet,
    blocks: readonly CompiledRules[],
    gone: GroupRules[],
    come: GroupRules[],
  ): void {
    const present = new Set(blocks);
    const leaving = [...set.groups.values()].filter(({ compiled }) => !present.has(compiled));
    for (const compiled of blocks) {
      if (set.groups.has(compiled)) continue;
      const known = getOrMake(this.groups, set.network, () => new Map());
      const group = getOrMake(known, compiled, () => new GroupRules(compiled, set.network, this.endpoints));
      if (group.users === 0) come.push(group);
      group.users++;
      set.add(group);
    }
    for (const group of leaving) {
      set.remove(group);
      this.leave(group, gone);
    }
    set.blocks = blocks;
  }

  private forgetUnused(): void {
    for (const group of this.prepared) {
      if (group.users > 0) continue;
      this.groups.get(group.network)!.delete(group.compiled);
      this.release(group);
    }
    this.prepared.clear();
  }

  private leave(group: GroupRules, gone: GroupRules[]): void {
    if (--group.users > 0) return;
    this.groups.get(group.network)!.delete(group.compiled);
    gone.push(group);
  }

  /** Roles, MACs and timers of added groups; endpoints of removed ones. */
  private settle(gone: readonly GroupRules[], come: readonly GroupRules[]): void {
    const { endpoints } = this;
    for (const group of gone) {
      if (!this.special.delete(group)) continue;
      for (const member of group.memberEndpoints)
        if (member !== NONE) endpoints.clearRole(member, ROLE_FIXED_MAC);
    }
    for (const group of come) {
      for (const vip of group.vips) if (vip !== NONE) endpoints.addRole(vip, ROLE_VIP | ROLE_ANSWERED);
      for (const member of group.memberEndpoints) if (member !== NONE) endpoints.addRole(member, ROLE_MEMBER);
      group.table.forEachMember((rule, member) => {
        this.memberRows.setTimers(member, group.table.udpIdleMs(rule), group.table.udpRepickMs(rule));
      });
      if (group.givesMacs || group.isOnOwnAddress) this.special.add(group);
    }
    if (gone.some(({ isOnOwnAddress }) => isOnOwnAddress)) this.answerAll();
    // Independent of their order: if two groups configure a member's MAC, the one with the greater number wins.
    for (const group of [...this.special].sort((a, b) => a.group - b.group)) this.specialise(group);
    for (const group of gone) this.release(group);
  }

  private release({ vips, memberEndpoints }: GroupRules): void {
    for (const endpoint of vips) if (endpoint !== NONE) this.endpoints.release(endpoint);
    for (const endpoint of memberEndpoints) if (endpoint !== NONE) this.endpoints.release(endpoint);
  }

  private answerAll(): void {
    for (const groups of this.groups.values()) {
      for (const { vips } of groups.values()) {
        for (const vip of vips) if (vip !== NONE) this.endpoints.addRole(vip, ROLE_ANSWERED);
      }
    }
  }

  private specialise({ table, vips, memberEndpoints, isOnOwnAddress }: GroupRules): void {
    const { endpoints } = this;
    if (isOnOwnAddress) for (const vip of vips) if (vip !== NONE) endpoints.clearRole(vip, ROLE_ANSWERED);
    for (let member = 0; member < memberEndpoints.length; member++) {
      const endpoint = memberEndpoints[member]!;
      if (endpoint === NONE || table.memberMacHigh(member) < 0) continue;
      endpoints.setMac(endpoint, table.memberMacHigh(member), table.memberMacLow(member));
    }
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}
