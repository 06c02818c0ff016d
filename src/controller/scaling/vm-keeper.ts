/**
 * Runs the VM manager in a leader's term: sends its orders to agents, stores its records, and turns its events into
 * members of groups.
 *
 * Theory of operation. A VM that serves joins its group; a crashed one is marked failed at once, so that no client
 * waits for it, and then removed. A VM to be removed is drained first; when its last flow has ended, or the drain's
 * deadline has passed, its member is removed and the VM is released. The manager is ahead of the store: records that
 * cannot be written are written later, and a VM that the store has lost is stopped when its host reports it.
 */
import type { Logger } from 'pino';
import type { Changed, MemberAdd } from '../../api/shapes.ts';
import { findMember, membersOf } from '../../config/model/group-members.ts';
import {
  type MemberConfig,
  type NetworkConfig,
  networksOf,
  type TemplateConfig,
} from '../../config/model/model.ts';
import { messageOf, Refusal } from '../../config/problems/refusal.ts';
import type { EventSink, EventType, Outlets } from '../../events/event.ts';
import type { VmEvent } from '../../messages/messages.ts';
import { type Runtime, steadyWallClock, type Timer } from '../../runtime/runtime.ts';
import type { AttachedAgent } from '../agents/attached-agent.ts';
import type { GroupStates } from '../groups/group-states.ts';
import { type Entries, KEYS, vmRecords } from '../groups/stored-documents.ts';
import type { Change } from '../store/store.ts';
import type { Term } from '../term.ts';
import { membersOfVm } from '../vm-manager/addresses.ts';
import type { HostLoad } from '../vm-manager/placement.ts';
import { type RecordChange, type VmChange, VmManager } from '../vm-manager/vm-manager.ts';
import type { VmRecord } from '../vm-manager/vm-record.ts';

/** What the VM keeper needs of its controller. */
export interface FleetActions {
  readonly groups: GroupStates;
  readonly templates: readonly TemplateConfig[];
  readonly networks: readonly NetworkConfig[];
  /** `by`: who changes it, for people. */
  addMember(group: string, member: MemberAdd, by?: string): Promise<Changed>;
  drainMember(group: string, member: string, deadlineMs?: number, by?: string): Promise<Changed>;
  failMember(group: string, member: string): Promise<Changed>;
  removeMember(group: string, member: string, by?: string): Promise<Changed>;
  /** Sent under the term's epoch. */
  write(changes: readonly Change[]): Promise<void>;
  /** Takes effect even if the store rejects writes. */
  writeFindings(changes: readonly Change[]): Promise<void>;
}

interface Retry {
  readonly atMs: number;
  readonly what: string;
  task(): Promise<void>;
}

const TICK_MS = 200;
const RETRY_MS = 1_000;
/** A drain that was just started may not be in force everywhere yet. */
const SHORTEST_DRAIN_MS = 2_000;

/** Who changes members, for people. */
const ACTOR = 'VM manager';

/** What is told as an event; the steps between are in the log only. */
const EVENT_TYPES: Partial<Record<VmEvent['kind'], Exclude<EventType, `audit.${string}`>>> = {
  serving: 'vm.started',
  crashed: 'vm.crashed',
  terminated: 'vm.stopped',
};

export class VmKeeper {
  readonly manager: VmManager;
  private readonly term: Term;
  private readonly actions: FleetActions;
  private readonly log: Logger;
  private readonly events: EventSink;
  private readonly runtime: Runtime;
  private readonly clock: Timer;
  private readonly unwritten = new Map<string, VmRecord | undefined>();
  private isWriting = false;
  private retryAtMs = Number.NEGATIVE_INFINITY;
  /** Failed actions on VMs that are retried. */
  private readonly retries = new Map<string, Retry>();
  /** VMs being drained before their release: since when. */
  private readonly leaving = new Map<string, number>();
  /** Failed VMs that have successors. */
  private readonly replaced = new Set<string>();

  constructor(term: Term, entries: Entries, actions: FleetActions, { log, events }: Outlets<Logger>) {
    const { runtime } = term;
    this.term = term;
    this.runtime = runtime;
    this.actions = actions;
    this.log = log;
    this.events = events;
    this.manager = new VmManager({
      records: vmRecords(entries),
      templates: () => actions.templates,
      hosts: () => [...term.agents.values()].map(hostLoad),
      vniOf: (network) => actions.networks.find(({ name }) => name === network)!.vni,
      isAddressTaken: (network, address) => this.isAddressTaken(network, address),
      send: (host, order) => term.agents.get(host)?.send({ type: 'vmOrder', ...order }),
      persist: (changes) => this.persist(changes),
      onEvent: (event) => this.onEvent(event),
      onWait: ({ id, template }, why) => log.warn(`VM ${id} (${template}) waits: ${why}`),
      now: steadyWallClock(runtime),
      suffix: () => hexDigits(runtime.random()),
    });
    this.clock = runtime.setTicker(() => this.tick(), TICK_MS);
    this.clock.unref();
  }

  stop(): void {
    this.runtime.clearTimer(this.clock);
  }

  attached({ host, hello }: AttachedAgent): void {
    this.manager.hostAttached(host, hello.agentEpoch);
  }

  detached(host: string): void {
    this.manager.hostDetached(host);
  }

  took(host: string, event: VmEvent): void {
    this.manager.take(host, event);
  }

  /** The group's wanted VMs, by the names of their members. */
  ofGroup(group: string): Map<string, VmRecord> {
    const own = this.manager.list().filter((record) => record.isWanted && record.group === group);
    return new Map(own.flatMap((record) => this.memberNames(record).map((name) => [name, record])));
  }

  /** Adds a member to the group: an idle VM, or a new one. */
  add(group: string, template: string): void {
    const allocated = this.manager.allocate(group, template);
    if (allocated === undefined) this.manager.instantiate(template, group);
    else this.join(allocated);
  }

  /** Drains the VM's member; it ends with its last flow, or after `deadlineMs`. */
  async drain(group: string, member: string, deadlineMs: number): Promise<void> {
    const record = this.ofGroup(group).get(member);
    if (record === undefined) throw new Refusal(409, `group ${group}: ${member} is no VM`);
    await this.drainRecord(group, record, deadlineMs);
  }

  /** Ends a VM: drains it first if it is a member. */
  async retire(id: string, deadlineMs: number): Promise<void> {
    const record = this.manager.list().find((other) => other.id === id);
    if (record === undefined) return;
    const { group } = record;
    if (group === undefined || this.memberNames(record).length === 0) return this.manager.release(id);
    await this.drainRecord(group, record, deadlineMs);
  }

  /**
   * Notes that `count` successors start: the same number of VMs that health checks have failed, oldest first, are no
   * longer wanted.
   */
  async replaceFailed(group: string, count: number): Promise<void> {
    const failed = this.manager
      .list()
      .filter((record) => record.group === group && !this.replaced.has(record.id) && this.isFailed(record));
    for (const { id } of failed.slice(0, count)) this.replaced.add(id);
    await this.releaseReplaced(group);
  }

  /**
   * Stops failed VMs that have successors. They stay while the group has no active member: if all members fail, the
   * cause lies elsewhere, and they may recover.
   */
  async releaseReplaced(group: string): Promise<void> {
    for (const id of this.replaced) {
      const record = this.manager.list().find((other) => other.id === id);
      if (record === undefined || !this.isFailed(record)) this.replaced.delete(id);
      else if (record.group === group && this.membersOf(group).some(({ state }) => state === 'active')) {
        this.log.warn(
          `VM ${id} is stopped: health checks of group ${group} have failed it, its successor has started`,
        );
        this.replaced.delete(id);
        this.leaving.delete(id);
        await this.takeOut(record, true);
        this.manager.release(id);
      }
    }
  }

  /** Whether health checks have failed it as a member of its group. */
  private isFailed(record: VmRecord): boolean {
    if (!record.isWanted || record.phase !== 'serving' || record.group === undefined) return false;
    const failed = this.membersOf(record.group).filter(({ state }) => state === 'failed');
    const names = this.memberNames(record);
    return names.length > 0 && names.every((name) => failed.some((member) => member.name === name));
  }

  private membersOf(group: string): readonly MemberConfig[] {
    const state = this.actions.groups.get(group);
    return state === undefined ? [] : membersOf(state.group);
  }

  /** Whether it is being drained before its release. */
  isLeaving(id: string): boolean {
    return this.leaving.has(id);
  }

  /** Cancels the drain of a member. */
  async reactivate(group: string, member: string): Promise<void> {
    const record = this.ofGroup(group).get(member);
    if (record !== undefined) await this.reactivateVm(record.id);
  }

  async reactivateVm(id: string): Promise<void> {
    const record = this.manager.list().find((other) => other.id === id);
    if (record === undefined || !record.isWanted) return;
    this.leaving.delete(id);
    await this.addMembers(record);
  }

  // ---------------------------------------------------------------------------------------------------------------

  private async drainRecord(group: string, record: VmRecord, deadlineMs: number): Promise<void> {
    this.leaving.set(record.id, this.runtime.monotonicMs());
    for (const name of this.memberNames(record)) {
      if (this.has(group, name)) await this.actions.drainMember(group, name, deadlineMs, ACTOR);
    }
  }

  private tick(): void {
    const nowMs = this.runtime.monotonicMs();
    try {
      this.manager.tick();
      for (const [id] of this.leaving) this.releaseIfDrained(id);
      this.findDrained();
      for (const [id, { atMs, what, task }] of this.retries) {
        if (nowMs < atMs) continue;
        this.retries.delete(id);
        this.attempt(id, what, task);
      }
    } catch (error) {
      this.log.error({ err: error }, `VMs: ${messageOf(error)}`);
    }
    if (this.unwritten.size > 0 && nowMs >= this.retryAtMs) this.flush();
  }

  private onEvent({ kind, vm, detail }: VmChange): void {
    const where = vm.host === undefined ? '' : ` on host ${vm.host}`;
    const why = detail === '' ? '' : `: ${detail}`;
    const line = `VM ${vm.id} (${vm.template})${where}: ${kind}${why}`;
    const type = EVENT_TYPES[kind];
    if (type === undefined) this.log.info(line);
    else
      this.events.emit({
        type,
        subject: vm.id,
        reason: detail,
        details: { template: vm.template, group: vm.group, on: vm.host },
        line,
        level: kind === 'crashed' ? 'warn' : 'info',
      });
    if (kind === 'serving') this.join(vm);
    else if (kind === 'crashed' || kind === 'terminated') this.leave(vm);
  }

  private join(record: VmRecord): void {
    this.attempt(record.id, `join group ${record.group}`, () => this.addMembers(record));
  }

  /** A newer action on a VM replaces the one being retried. */
  private attempt(id: string, what: string, task: () => Promise<void>): void {
    this.retries.delete(id);
    task().catch((error) => {
      this.events.emit({
        type: 'vm.failed',
        subject: id,
        reason: messageOf(error),
        details: { what },
        line: `VM ${id} could not ${what}: ${messageOf(error)}`,
        level: 'warn',
      });
      if (!this.retries.has(id))
        this.retries.set(id, { atMs: this.runtime.monotonicMs() + RETRY_MS, what, task });
    });
  }

  private async addMembers(record: VmRecord): Promise<void> {
    const { group } = record;
    const template = this.actions.templates.find(({ name }) => name === record.template);
    const config = group === undefined ? undefined : this.actions.groups.get(group)?.group;
    if (group === undefined || template === undefined || config === undefined) return;
    for (const member of membersOfVm(record, template, config)) {
      if (this.stateOf(group, member.name) !== 'active') await this.actions.addMember(group, member, ACTOR);
    }
  }

  /** The VM has ended: drops everything pending. */
  private leave(record: VmRecord): void {
    this.leaving.delete(record.id);
    this.attempt(record.id, `leave group ${record.group}`, () => this.takeOut(record, true));
  }

  private async takeOut(record: VmRecord, isFailed: boolean): Promise<void> {
    const { group } = record;
    if (group === undefined) return;
    for (const name of this.memberNames(record)) {
      if (isFailed && this.has(group, name)) await this.actions.failMember(group, name);
      if (this.has(group, name)) await this.actions.removeMember(group, name, ACTOR);
    }
  }

  /** Drains started by a previous leader. */
  private findDrained(): void {
    for (const record of this.manager.list()) {
      if (!record.isWanted || record.group === undefined || this.leaving.has(record.id)) continue;
      const states = this.memberNames(record).map((name) => this.stateOf(record.group!, name));
      if (states.length > 0 && states.every((state) => state === 'draining')) {
        this.leaving.set(record.id, this.runtime.monotonicMs() - this.manager.ageMs(record));
      }
    }
  }

  private releaseIfDrained(id: string): void {
    const record = this.manager.list().find((other) => other.id === id);
    const sinceMs = this.leaving.get(id)!;
    if (record?.group === undefined) return void this.leaving.delete(id);
    if (this.runtime.monotonicMs() - sinceMs < SHORTEST_DRAIN_MS) return;
    const names = this.memberNames(record);
    const states = names.map((name) => this.stateOf(record.group!, name));
    if (states.includes('active')) return void this.leaving.delete(id);
    if (!names.every((name) => this.isDrained(record.group!, name))) return;
    this.leaving.delete(id);
    this.attempt(id, 'be released', async () => {
      await this.takeOut(record, false);
      this.manager.release(id);
    });
  }

  private isDrained(group: string, member: string): boolean {
    const config = this.actions.groups.get(group)?.group;
    const deadlineMs = config && findMember(config, member)?.drainDeadlineMs;
    if (deadlineMs !== undefined && this.runtime.wallMs() >= deadlineMs) return true;
    const totals = this.term.aggregation.totals(group).get(member);
    return totals === undefined || totals.newFlows <= totals.endedFlows;
  }

  private memberNames(record: VmRecord): string[] {
    const template = this.actions.templates.find(({ name }) => name === record.template);
    const group = record.group === undefined ? undefined : this.actions.groups.get(record.group)?.group;
    if (template === undefined || group === undefined) return [];
    return membersOfVm(record, template, group).map(({ name }) => name);
  }

  private has(group: string, member: string): boolean {
    return this.stateOf(group, member) !== undefined;
  }

  private stateOf(group: string, member: string) {
    const config = this.actions.groups.get(group)?.beforeHealth;
    return config && findMember(config, member)?.state;
  }

  private isAddressTaken(network: string, address: string): boolean {
    const isOfPort = [...this.term.agents.values()].some(({ ports }) =>
      ports.some(
        (port) => port.network === network && port.addresses.some((prefix) => isAt(prefix, address)),
      ),
    );
    if (isOfPort) return true;
    return [...this.actions.groups.values()].some(
      ({ group }) =>
        networksOf(group).includes(network) &&
        (group.vip.includes(address) || membersOf(group).some((member) => member.address === address)),
    );
  }

  private persist(changes: readonly RecordChange[]): void {
    for (const { id, record } of changes) this.unwritten.set(id, record);
    this.flush();
  }

  /** Writes the changes since the last write; one write at a time. */
  private async flush(): Promise<void> {
    if (this.isWriting || this.unwritten.size === 0) return;
    this.isWriting = true;
    const batch = [...this.unwritten].slice(0, MAX_BATCH);
    for (const [id] of batch) this.unwritten.delete(id);
    try {
      await this.actions.write(
        batch.map(([id, record]): Change => {
          const key = KEYS.vm + id;
          return record === undefined ? { key, deleted: true } : { key, value: record };
        }),
      );
    } catch (error) {
      // Newer changes take precedence.
      for (const [id, record] of batch) if (!this.unwritten.has(id)) this.unwritten.set(id, record);
      this.retryAtMs = this.runtime.monotonicMs() + RETRY_MS;
      this.log.warn(`records of VMs are not stored yet: ${messageOf(error)}`);
    } finally {
      this.isWriting = false;
    }
    if (this.runtime.monotonicMs() >= this.retryAtMs) this.flush();
  }
}

/** Records per write; a store takes twice as many changes. */
const MAX_BATCH = 64;

/** Six characters; `random`: 0 … below 1. */
const hexDigits = (random: number): string =>
  Math.floor(random * 0x100_0000)
    .toString(16)
    .padStart(6, '0');

const isAt = (prefix: string, address: string): boolean => prefix.slice(0, prefix.indexOf('/')) === address;

const hostLoad = ({ host, hello, ports, networks, templates }: AttachedAgent): HostLoad => ({
  host,
  agentEpoch: hello.agentEpoch,
  networks: networks?.all,
  templates: templates?.all,
  load: ports.length,
});
