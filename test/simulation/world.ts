/** Three controllers, twenty hosts, etcd and the network between them; what is true in it, and what must hold. */
import type { Logger } from 'pino';
import type { StoredRules } from '../../src/agent/rule-store.ts';
import { parseConfiguration } from '../../src/config/load.ts';
import { findMember } from '../../src/config/model/group-members.ts';
import type { Transaction } from '../../src/controller/store/etcd-wire/protocol.ts';
import { SimulatedEtcd } from './etcd.ts';
import type { Flow, FlowEvents } from './fleet-host.ts';
import { ControllerMachine, HostMachine } from './machines.ts';
import { Network } from './network.ts';
import { Orders } from './orders.ts';
import { type SimulatedProcess, VirtualTime } from './virtual-time.ts';

export const GROUPS = 2;
export const MEMBERS = 3;
const HOSTS = 20;
export const POLICY_INTERVAL_MS = 1_000;

export const groupName = (at: number): string => `g${at}`;
export const memberName = (at: number): string => `m${at}`;
const addressOf = (group: number, member: number): string => `10.1.${group + 1}.${member + 1}`;

const NETWORKS = (probeAddress: string): string =>
  `networks: [{ name: app, vni: 5001, subnets: [10.1.0.0/16]${probeAddress} }]`;

const groupsText = (): string =>
  Array.from(
    { length: GROUPS },
    (_, group) => `
  - name: ${groupName(group)}
    network: app
    vip: 10.1.200.${group + 1}
    protocol: tcp
    port: 80
    policy: { kind: inverse-load, interval: ${POLICY_INTERVAL_MS}ms, tolerance: 0 }
    health: { kind: tcp, interval: 2s, timeout: 500ms, rise: 2, fall: 2, quorum: majority }
    members: [${Array.from({ length: MEMBERS }, (_, at) => `{ name: ${memberName(at)}, address: ${addressOf(group, at)} }`).join(', ')}]`,
  ).join('');

const controllerConfiguration = (name: string) =>
  parseConfiguration(`host: ${name}\n${NETWORKS('')}\ngroups:${groupsText()}\n`);

const hostConfiguration = (name: string, at: number) =>
  parseConfiguration(
    `host: ${name}\n${NETWORKS(`, probeAddress: 10.1.250.${at + 1}`)}
ports: [{ name: ${name}-vm, network: app, netns: ${name}-vm, addresses: [10.1.100.${at + 1}/16] }]\n`,
  );

export class World {
  readonly time: VirtualTime;
  readonly network: Network;
  readonly etcd: SimulatedEtcd;
  readonly controllers: readonly ControllerMachine[];
  readonly hosts: readonly HostMachine[];
  /** Addresses of members that are dead. */
  readonly dead = new Set<string>();
  readonly orders = new Orders();
  /** Errors that the product has logged. */
  readonly errors: string[] = [];
  /** By group and member: the earliest time at which a drain's deadline may be reached. */
  readonly deadlines = new Map<string, number>();
  /** When the last of all deadlines is reached. */
  lastDeadlineMs = 0;
  /**
   * How much the clocks of controllers differ at most: deadlines are instants of their clock, which a new leader and a host that has not
   * begun to count them go by.
   */
  controllerSkewMs = 0;
  private readonly inForce = new Map<SimulatedProcess, StoredRules>();
  private lastWriter = 0;

  constructor(seed: number) {
    this.time = new VirtualTime(seed);
    this.network = new Network(this.time);
    this.etcd = new SimulatedEtcd(this.time);
    this.etcd.onWrite = (transaction) => this.checkWriter(transaction);
    this.controllers = ['c1', 'c2', 'c3'].map(
      (name) => new ControllerMachine(this, name, controllerConfiguration(name)),
    );
    // The hosts are given the addresses of the controllers.
    this.hosts = Array.from(
      { length: HOSTS },
      (_, at) => new HostMachine(this, `h${at + 1}`, hostConfiguration(`h${at + 1}`, at)),
    );
  }

  /** Also of leaders that do not know yet that they are none. */
  get leaders(): ControllerMachine[] {
    return this.controllers.filter(({ leads }) => leads);
  }

  /** Whether a probe of the host reaches a living member. */
  isAlive(_host: string, address: string): boolean {
    return !this.dead.has(address);
  }

  address(group: number, member: number): string {
    return addressOf(group, member);
  }

  logOf(process: SimulatedProcess): Logger {
    const note =
      (level: string) =>
      (first: unknown, second?: string): void => {
        const { err } = typeof first === 'object' && first !== null ? (first as { err?: Error }) : {};
        const line = `${process.name} ${level}: ${second ?? first}${err === undefined ? '' : ` ${err.stack}`}`;
        this.time.note(line);
        if (level === 'error') this.errors.push(line);
      };
    const quiet = (): void => {};
    return {
      debug: quiet,
      info: note('info'),
      warn: note('warn'),
      error: note('error'),
    } as unknown as Logger;
  }

  /** The first thing that did not hold. Noted, not thrown: the product's code would take it for an error of its own. */
  violation: string | undefined;

  private violated(what: string): void {
    this.violation ??= what;
  }

  // --- what must hold at every moment ------------------------------------------------------------------------------

  /** Writes of one epoch only: of the candidate whose key is the oldest at that moment, and never of an older one again. */
  private checkWriter({ compare, success }: Transaction): void {
    const keys = success.flatMap((operation) =>
      'requestPut' in operation ? [operation.requestPut.key.toString()] : [],
    );
    if (!keys.some((key) => key.startsWith('/sluice/state/'))) return;
    const key = compare.find((one) => one.key.toString().startsWith('/sluice/election/'));
    const candidates = [...this.etcd.rows].filter(([name]) => name.startsWith('/sluice/election/'));
    const oldest = Math.min(...candidates.map(([, { createRevision }]) => createRevision));
    if (key?.createRevision !== oldest)
      this.violated(`a write of ${key?.createRevision} while ${oldest} leads: ${keys}`);
    if (oldest < this.lastWriter) this.violated(`a write of ${oldest} after one of ${this.lastWriter}`);
    this.lastWriter = oldest;
  }

  /** To be called after every event. */
  check(): void {
    if (this.violation !== undefined) throw new Violation(this.violation);
    for (const { name, process, rules } of this.hosts) {
      const before = this.inForce.get(process);
      if (before === rules.current) continue;
      const { epoch, revision } = rules.current;
      if (
        before !== undefined &&
        (epoch < before.epoch || (epoch === before.epoch && revision < before.revision))
      )
        this.violated(`${name} took ${epoch}/${revision} after ${before.epoch}/${before.revision}`);
      this.inForce.set(process, rules.current);
    }
    if (this.time.pending > MAX_PENDING) this.violated(`${this.time.pending} events are planned`);
    if (this.network.openConnections > MAX_CONNECTIONS)
      this.violated(`${this.network.openConnections} connections are open`);
  }

  flowEvents(machine: HostMachine): FlowEvents {
    return {
      began: (flow) => this.checkBegin(machine, flow),
      ended: (flow, why) => this.checkEnd(machine, flow, why),
    };
  }

  /** A failed member gets no flow once its host has acknowledged. */
  private checkBegin({ name }: HostMachine, { group, member }: Flow): void {
    for (const { controller } of this.leaders) {
      const term = controller!.leadership!;
      const feed = term.distribution.feedOf(name);
      if (feed === undefined || feed.sentRevision === 0 || feed.appliedRevision !== feed.sentRevision)
        continue;
      const published = term.distribution.published.get(group);
      const state = published && findMember(published, member)?.state;
      if (state === 'failed' && feed.epoch >= this.newestEpochAt(name))
        this.violated(`${name} began a flow of ${group} to ${member}, which has failed there`);
    }
  }

  private newestEpochAt(name: string): number {
    return this.hosts.find((host) => host.name === name)!.rules.current.epoch;
  }

  /** Drained flows end only by themselves, by the deadline, or because their member has failed. */
  private checkEnd({ name, host }: HostMachine, { group, member }: Flow, why: string): void {
    const config = host.configuration.groups.find((each) => each.name === group);
    const state = config && findMember(config, member)?.state;
    if (why === 'exit' && state === 'draining')
      this.violated(`${name}: a flow of ${group} to ${member} ended, which only drains`);
    if (why !== 'deadline') return;
    const atMs = this.deadlines.get(`${group} ${member}`) ?? Number.POSITIVE_INFINITY;
    if (this.time.nowMs < atMs - this.controllerSkewMs - TOLERANCE_MS)
      this.violated(`${name}: a flow of ${group} to ${member} ended ${atMs - this.time.nowMs} ms too early`);
  }
}

const TOLERANCE_MS = 50;
const MAX_PENDING = 20_000;
const MAX_CONNECTIONS = 400;

export class Violation extends Error {
  override readonly name = 'Violation';
}
