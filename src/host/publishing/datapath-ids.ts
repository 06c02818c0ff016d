/** All numbers that a host assigns to the objects its datapath knows, and their owners. */

import { difference } from '../../config/model/difference.ts';
import type { PlannedLoadBalancer } from '../../config/model/load-balancer-plan.ts';
import type { Configuration, GroupConfig, PortConfig } from '../../config/model/model.ts';
import { type UplinkLeg, uplinkLegs } from '../../config/model/uplink-legs.ts';
import { DEFAULT_LIMITS } from '../../tables/tables.ts';
import { IdRegistry } from './id-registry.ts';

export interface IdLimits {
  readonly maxPorts: number;
}

/** Connection rows keep these numbers in 12, 16 or 20 bits (tables/balancing/connection-record.ts). */
const MAX_NETWORKS = 4096;
const MAX_LOAD_BALANCERS = 4096;
const MAX_GROUPS = 65_536;
const MAX_RULES = 1 << 20;
const MAX_MEMBERS = 1 << 20;

/** A member at one address: what a number identifies. */
export interface MemberIdentity {
  readonly group: string;
  readonly member: string;
  readonly address: string;
  readonly port?: number;
}

/** Kinds of numbered things. */
export const NUMBERED = ['networks', 'ports', 'loadBalancers', 'groups', 'rules', 'members'] as const;

/** Names by number, as inherited by the next host. */
export type Numbers = Readonly<Record<(typeof NUMBERED)[number], readonly string[]>>;

/** A number and the name that has it. */
export type GivenNumber = readonly [kind: (typeof NUMBERED)[number], id: number, name: string];

/** Objects that the datapath knows by number. */
export interface NumberedThings {
  readonly configuration: Configuration;
  readonly plan: readonly PlannedLoadBalancer[];
}

export class DatapathIds {
  private readonly networks = new IdRegistry('networks', MAX_NETWORKS);
  private readonly ports: IdRegistry;
  private readonly loadBalancers = new IdRegistry('load balancers', MAX_LOAD_BALANCERS);
  private readonly groups = new IdRegistry('groups', MAX_GROUPS);
  private readonly rules = new IdRegistry('rules', MAX_RULES);
  private readonly firewallRules = new IdRegistry('firewall rules', DEFAULT_LIMITS.maxFirewallRules);
  private readonly members: IdRegistry;
  private readonly identities: MemberIdentity[] = [];
  /** Numbers of each group's members, including removed ones. */
  private readonly membersOfGroup = new Map<string, Set<number>>();
  private readonly portNames: string[] = [];

  /** `isMemberIdle`: whether no connection counts for this member any more. */
  constructor(limits: IdLimits = DEFAULT_LIMITS, isMemberIdle: (member: number) => boolean = () => true) {
    // The last port is the datapath's own (datapath/frame/context.ts).
    this.ports = new IdRegistry('ports', limits.maxPorts - 1);
    this.members = new IdRegistry('members', MAX_MEMBERS, isMemberIdle);
  }

  /** All numbers assigned so far. */
  get numbers(): Numbers {
    return Object.fromEntries(NUMBERED.map((kind) => [kind, this[kind].names])) as unknown as Numbers;
  }

  /** Numbers assigned to another name since the last call. */
  takeGiven(): GivenNumber[] {
    return NUMBERED.flatMap((kind) =>
      this[kind].takeGiven().map((id): GivenNumber => [kind, id, this[kind].nameOf(id)!]),
    );
  }

  /**
   * Call before any assignment: names keep the numbers that the previous host gave them. Throws RangeError if they
   * are too many.
   */
  follow(numbers: Numbers): void {
    for (const kind of NUMBERED) this[kind].follow(numbers[kind]);
    for (const [id, identity] of numbers.ports.entries()) this.portNames[id] = portNameIn(identity);
    for (const [id, identity] of numbers.members.entries()) this.identify(id, memberIn(identity));
  }

  network(name: string): number {
    return this.networks.acquire(name);
  }

  port(port: PortConfig): number {
    const id = this.ports.acquire(portIdentity(port));
    this.portNames[id] = port.name;
    return id;
  }

  /** The number of a port in use. */
  findPort(port: PortConfig): number | undefined {
    return this.ports.find(portIdentity(port));
  }

  /** The number of a port in use or used before. */
  findPreviousPort(port: PortConfig): number | undefined {
    return this.ports.findAny(portIdentity(port));
  }

  /** The number of an uplink's port in use or used before. */
  findPreviousUplinkLeg(leg: UplinkLeg): number | undefined {
    return this.ports.findAny(legIdentity(leg));
  }

  /** The number of an uplink's port in one network, which is a separate port to the datapath. */
  uplinkLeg(leg: UplinkLeg): number {
    const id = this.ports.acquire(legIdentity(leg));
    this.portNames[id] = leg.uplink;
    return id;
  }

  /** The number of an uplink's port in use. */
  findUplinkLeg(leg: UplinkLeg): number | undefined {
    return this.ports.find(legIdentity(leg));
  }

  loadBalancer(key: string): number {
    return this.loadBalancers.acquire(key);
  }

  group(name: string): number {
    return this.groups.acquire(name);
  }

  /** The number of a group in use. */
  findGroup(name: string): number | undefined {
    return this.groups.find(name);
  }

  rule(group: string, vip: string): number {
    return this.rules.acquire(`${group}@${vip}`);
  }

  firewallRule(firewall: string, rule: string): number {
    return this.firewallRules.acquire(firewallRuleName(firewall, rule));
  }

  /** The number of a rule in use. */
  findFirewallRule(firewall: string, rule: string): number | undefined {
    return this.firewallRules.find(firewallRuleName(firewall, rule));
  }

  /** The current or last firewall and rule with the number. */
  firewallRuleOf(id: number): [firewall: string, rule: string] {
    return JSON.parse(this.firewallRules.nameOf(id) ?? '["",""]') as [string, string];
  }

  member(identity: MemberIdentity): number {
    const id = this.members.acquire(memberName(identity));
    const known = this.identities[id];
    if (known === undefined || memberName(known) !== memberName(identity)) this.identify(id, identity);
    return id;
  }

  private identify(id: number, identity: MemberIdentity): void {
    const previous = this.identities[id];
    if (previous !== undefined) this.membersOfGroup.get(previous.group)?.delete(id);
    this.identities[id] = identity;
    const ofGroup = this.membersOfGroup.get(identity.group);
    if (ofGroup === undefined) this.membersOfGroup.set(identity.group, new Set([id]));
    else ofGroup.add(id);
  }

  /** Numbers of a group's member at all addresses, including those no longer used; of all members if none is named. */
  membersOf(group: string, member?: string): number[] {
    const all = [...(this.membersOfGroup.get(group) ?? [])];
    return member === undefined ? all : all.filter((id) => this.identities[id]!.member === member);
  }

  /** The current or last member with the number: the same object until the number is reassigned. */
  memberOf(id: number): MemberIdentity | undefined {
    return this.identities[id];
  }

  /** All members that ever had a number. */
  allMembers(): IterableIterator<[id: number, member: MemberIdentity]> {
    return this.identities.entries();
  }

  /** `PlannedLoadBalancer.key` */
  loadBalancerKey(id: number): string | undefined {
    return this.loadBalancers.nameOf(id);
  }

  networkName(id: number): string | undefined {
    return this.networks.nameOf(id);
  }

  /** Name of the current or last port with the number. */
  portName(id: number): string | undefined {
    return this.portNames[id];
  }

  groupName(id: number): string | undefined {
    return this.groups.nameOf(id);
  }

  /** `group@vip` */
  ruleName(id: number): string | undefined {
    return this.rules.nameOf(id);
  }

  /** Above all port numbers ever used. */
  get portHighWater(): number {
    return this.ports.highWater;
  }

  /**
   * Frees unused numbers. `previous`: what was in use before, so that only the difference is examined; absent:
   * numbers may belong to builds that never came into force, so all are examined.
   */
  retain(now: NumberedThings, previous?: NumberedThings): void {
    const { configuration, plan } = now;
    const legs = uplinkLegs(configuration).map(legIdentity);
    this.networks.retainOnly(new Set(configuration.networks.map(({ name }) => name)));
    this.ports.retainOnly(new Set([...configuration.ports.map(portIdentity), ...legs]));
    this.loadBalancers.retainOnly(new Set(plan.map(({ key }) => key)));
    const { firewalls = [] } = configuration;
    this.firewallRules.retainOnly(
      new Set(firewalls.flatMap(({ name, rules }) => rules.map((rule) => firewallRuleName(name, rule.name)))),
    );
    if (previous === undefined) {
      this.groups.retainOnly(new Set(configuration.groups.map(({ name }) => name)));
      this.rules.retainOnly(new Set(configuration.groups.flatMap(ruleNames)));
      this.members.retainOnly(new Set(configuration.groups.flatMap(memberNames)));
      return;
    }
    const { gone, come } = difference(previous.configuration.groups, configuration.groups);
    free(this.groups, gone, come, ({ name }) => [name]);
    free(this.rules, gone, come, ruleNames);
    free(this.members, gone, come, memberNames);
  }
}

/**
 * Groups have distinct names, and the names of their parts begin with them: a changed group counts as removed and
 * added.
 */
function free(
  registry: IdRegistry,
  gone: readonly GroupConfig[],
  come: readonly GroupConfig[],
  namesOf: (group: GroupConfig) => readonly string[],
): void {
  const used = new Set(come.flatMap(namesOf));
  for (const name of gone.flatMap(namesOf)) if (!used.has(name)) registry.release(name);
}

const ruleNames = ({ name, vip }: GroupConfig): string[] => vip.map((address) => `${name}@${address}`);

const memberNames = ({ name, criteria }: GroupConfig): string[] =>
  criteria.flatMap(({ members }) =>
    members.map((member) => memberName({ ...member, group: name, member: member.name })),
  );

const firewallRuleName = (firewall: string, rule: string): string => JSON.stringify([firewall, rule]);

const portIdentity = ({ name, network, netns, interface: device, mac }: PortConfig): string =>
  JSON.stringify([name, network, netns, device, mac]);

const portNameIn = (identity: string): string => {
  const [name, uplink] = JSON.parse(identity) as [string, string];
  return name === '' ? uplink : name;
};

/** Distinct from every port's: those begin with a name, which is never empty. */
const legIdentity = ({ uplink, interface: device, network, vlan }: UplinkLeg): string =>
  JSON.stringify(['', uplink, device, network, vlan ?? 0]);

const memberName = ({ group, member, address, port }: MemberIdentity): string =>
  JSON.stringify([group, member, address, port ?? 0]);

function memberIn(name: string): MemberIdentity {
  const [group, member, address, port] = JSON.parse(name) as [string, string, string, number];
  return { group, member, address, ...(port === 0 ? {} : { port }) };
}
