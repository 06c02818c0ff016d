/** All numbers that a host gives to the things its datapath knows, and whose they are. */

import type { PlannedLoadBalancer } from '../../config/model/load-balancer-plan.ts';
import type { Configuration, PortConfig } from '../../config/model/model.ts';
import { type UplinkLeg, uplinkLegs } from '../../config/model/uplink-legs.ts';
import { DEFAULT_LIMITS } from '../../tables/tables.ts';
import { IdRegistry } from './id-registry.ts';

export interface IdLimits {
  readonly maxPorts: number;
  readonly maxStatSlots: number;
}

/** Connection rows keep these numbers in 12, 16 or 20 bits (tables/connection-record.ts). */
const MAX_NETWORKS = 4096;
const MAX_LOAD_BALANCERS = 4096;
const MAX_GROUPS = 65_536;
const MAX_RULES = 1 << 20;

/** Whom a statistics row counts for. */
export interface StatSlotOwner {
  readonly loadBalancerKey: string;
  readonly group: string;
  readonly member: string;
  readonly address: string;
  readonly port?: number;
}

/** What has numbers of its own. */
export const NUMBERED = ['networks', 'ports', 'loadBalancers', 'groups', 'rules', 'statSlots'] as const;

/** Names by number, as one host leaves them to the next. */
export type Numbers = Readonly<Record<(typeof NUMBERED)[number], readonly string[]>>;

export class DatapathIds {
  private readonly networks = new IdRegistry('networks', MAX_NETWORKS);
  private readonly ports: IdRegistry;
  private readonly loadBalancers = new IdRegistry('load balancers', MAX_LOAD_BALANCERS);
  private readonly groups = new IdRegistry('groups', MAX_GROUPS);
  private readonly rules = new IdRegistry('rules', MAX_RULES);
  private readonly statSlots: IdRegistry;
  private readonly slotOwners: StatSlotOwner[] = [];
  private readonly portNames: string[] = [];
  private readonly reused = new Set<number>();

  constructor(limits: IdLimits = DEFAULT_LIMITS, isStatSlotIdle: (slot: number) => boolean = () => true) {
    // The last port and the last row are the datapath's own (datapath/frame/context.ts).
    this.ports = new IdRegistry('ports', limits.maxPorts - 1);
    this.statSlots = new IdRegistry('statistics rows', limits.maxStatSlots - 1, isStatSlotIdle);
  }

  /** All numbers that were ever given out. */
  get numbers(): Numbers {
    return Object.fromEntries(NUMBERED.map((kind) => [kind, this[kind].names])) as unknown as Numbers;
  }

  /** Grows whenever a number is given to something else than before. */
  get changes(): number {
    return NUMBERED.reduce((sum, kind) => sum + this[kind].changes, 0);
  }

  /** Before any is given out: what a former host has called by these numbers keeps them. Throws RangeError if they are too many. */
  follow(numbers: Numbers): void {
    for (const kind of NUMBERED) this[kind].follow(numbers[kind]);
    for (const [id, identity] of numbers.ports.entries()) this.portNames[id] = portNameIn(identity);
    for (const [slot, identity] of numbers.statSlots.entries()) this.slotOwners[slot] = slotOwnerIn(identity);
  }

  network(name: string): number {
    return this.networks.acquire(name);
  }

  port(port: PortConfig): number {
    const id = this.ports.acquire(portIdentity(port));
    this.portNames[id] = port.name;
    return id;
  }

  /** The number of a port that is in use. */
  findPort(port: PortConfig): number | undefined {
    return this.ports.find(portIdentity(port));
  }

  /** The number of a port that is in use, or was once. */
  findFormerPort(port: PortConfig): number | undefined {
    return this.ports.findAny(portIdentity(port));
  }

  /** The number of an uplink's port in one network: as a port of its own to the datapath. */
  uplinkLeg(leg: UplinkLeg): number {
    const id = this.ports.acquire(legIdentity(leg));
    this.portNames[id] = leg.uplink;
    return id;
  }

  /** The number of one that is in use. */
  findUplinkLeg(leg: UplinkLeg): number | undefined {
    return this.ports.find(legIdentity(leg));
  }

  loadBalancer(key: string): number {
    return this.loadBalancers.acquire(key);
  }

  group(name: string): number {
    return this.groups.acquire(name);
  }

  rule(group: string, vip: string): number {
    return this.rules.acquire(`${group}@${vip}`);
  }

  statSlot(owner: StatSlotOwner): number {
    const identity = statSlotIdentity(owner);
    const slot = this.statSlots.acquire(identity);
    const former = this.slotOwners[slot];
    if (former !== undefined && statSlotIdentity(former) === identity) return slot;
    if (former !== undefined) this.reused.add(slot);
    this.slotOwners[slot] = owner;
    return slot;
  }

  /** Rows in use that counted for somebody else, and are not known to have been cleared since. */
  get reusedStatSlots(): number[] {
    return [...this.reused];
  }

  /** Rows of a group's member at all LBs and addresses, those that it no longer uses too. */
  statSlotsOf(group: string, member: string): number[] {
    return [...this.statSlotOwners()]
      .filter(([, owner]) => owner.group === group && owner.member === member)
      .map(([slot]) => slot);
  }

  /** The one that the row counts for, or counted for last. */
  statSlotOwner(slot: number): StatSlotOwner | undefined {
    return this.slotOwners[slot];
  }

  /** All rows that were ever given out. */
  statSlotOwners(): IterableIterator<[slot: number, owner: StatSlotOwner]> {
    return this.slotOwners.entries();
  }

  /** The name of the port that has the number, or had it last. */
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

  /** Port numbers that were ever in use are below this one. */
  get portHighWater(): number {
    return this.ports.highWater;
  }

  /** Frees what a configuration in force does not use. */
  retainOnly(configuration: Configuration, plan: readonly PlannedLoadBalancer[]): void {
    this.reused.clear();
    this.networks.retainOnly(new Set(configuration.networks.map(({ name }) => name)));
    const legs = uplinkLegs(configuration).map(legIdentity);
    this.ports.retainOnly(new Set([...configuration.ports.map(portIdentity), ...legs]));
    this.loadBalancers.retainOnly(new Set(plan.map(({ key }) => key)));
    this.groups.retainOnly(new Set(configuration.groups.map(({ name }) => name)));
    this.rules.retainOnly(
      new Set(configuration.groups.flatMap(({ name, vip }) => vip.map((address) => `${name}@${address}`))),
    );
    const owners = plan.flatMap(({ key, groups }) =>
      groups.flatMap(({ name, criteria }) =>
        criteria.flatMap(({ members }) =>
          members.map((member) =>
            statSlotIdentity({ ...member, loadBalancerKey: key, group: name, member: member.name }),
          ),
        ),
      ),
    );
    this.statSlots.retainOnly(new Set(owners));
  }
}

const portIdentity = ({ name, network, netns, interface: device, mac }: PortConfig): string =>
  JSON.stringify([name, network, netns, device, mac]);

const portNameIn = (identity: string): string => {
  const [name, uplink] = JSON.parse(identity) as [string, string];
  return name === '' ? uplink : name;
};

/** No port has it: those begin with a name, which is never empty. */
const legIdentity = ({ uplink, interface: device, network, vlan }: UplinkLeg): string =>
  JSON.stringify(['', uplink, device, network, vlan ?? 0]);

const statSlotIdentity = ({ loadBalancerKey, group, member, address, port }: StatSlotOwner): string =>
  JSON.stringify([loadBalancerKey, group, member, address, port ?? 0]);

function slotOwnerIn(identity: string): StatSlotOwner {
  const [loadBalancerKey, group, member, address, port] = JSON.parse(identity) as [
    string,
    string,
    string,
    string,
    number,
  ];
  return { loadBalancerKey, group, member, address, ...(port === 0 ? {} : { port }) };
}
