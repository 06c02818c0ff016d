/**
 * The VM manager: compares wanted and existing VMs, and issues the orders that reconcile them.
 *
 * Theory of operation. The leading controller owns one. It requests changes (`instantiate`, `release`, `scale`,
 * `allocate`), passes on agents' messages (`hostAttached`, `hostDetached`, `take`) and calls `tick` a few times a
 * second; the manager returns orders to hosts, events, and records to store. It does no I/O and has no timers, so a
 * test consists of a clock and a list of sent orders.
 *
 * Orders are idempotent and repeated when a host returns: a driver answers a repeated `start` with the VM's state. A
 * broken connection therefore loses nothing, and a manager restored from its records finds every VM again. A wanted
 * VM that ends is replaced under a new name, at once after its first failure and then with growing delays
 * (vm-record.ts); a VM that may still run on a lost host keeps its address until the host returns.
 */
import type { TemplateConfig } from '../../config/model/model.ts';
import { expectOneOf } from '../../config/problems/problems.ts';
import { Refusal } from '../../config/problems/refusal.ts';
import type { VmEvent, VmOrder } from '../../messages/messages.ts';
import { chooseAddresses } from './addresses.ts';
import { type HostLoad, type PlacementRequest, placeVm } from './placement.ts';
import { afterEvent, notLaterThan, replacementOf, type VmRecord } from './vm-record.ts';

/** A host that is away for longer counts as having lost its VMs. */
export const HOST_LOSS_MS = 10_000;
/** An order without effect within this time, plus the template's own timeout, has failed. */
const ORDER_TIMEOUT_MS = 15_000;
/** A VM on a host that never returned is forgotten after this time, and its address freed. */
const FORGET_MS = 60 * 60_000;
/** Freed addresses are reused after this time, or when no other is free. */
const REST_MS = 60_000;
/** Addresses waiting for reuse. */
const MAX_RESTING = 4096;
/** Limit over all templates and hosts. */
export const MAX_RECORDS = 16_384;

export type VmEventKind = VmEvent['kind'];

export interface VmChange {
  readonly kind: VmEventKind;
  readonly vm: VmRecord;
  readonly detail: string;
}

export type RecordChange =
  | { readonly id: string; readonly record: VmRecord }
  | { readonly id: string; readonly record: undefined };

export interface VmManagerOptions {
  /** The stored records. */
  readonly records?: Iterable<VmRecord>;
  /** As currently configured. */
  templates(): readonly TemplateConfig[];
  /** Attached hosts. */
  hosts(): readonly HostLoad[];
  /** As currently configured; the networks of templates. */
  vniOf(network: string): number;
  /** Whether the address is used outside the VM manager. */
  isAddressTaken(network: string, address: string): boolean;
  /** May be lost: orders are repeated when the host attaches again. */
  send(host: string, order: VmOrder): void;
  persist(changes: readonly RecordChange[]): void;
  onEvent(event: VmChange): void;
  /** A pending VM cannot be started now; called once per reason. */
  onWait(vm: VmRecord, why: string): void;
  /** Milliseconds since 1970 by a clock that does not jump during this manager's life. */
  now(): number;
  /** A few characters that make a new VM's name unique. */
  suffix(): string;
}

export class VmManager {
  private readonly options: VmManagerOptions;
  private readonly records: Map<string, VmRecord>;
  /** Addresses of ended VMs, and when they ended: oldest first. */
  private readonly freedAtMs = new Map<string, number>();
  /** Hosts with VMs that are away: since when. */
  private readonly awaySinceMs = new Map<string, number>();
  /** Reason why a pending VM is not started, by its name. */
  private readonly waiting = new Map<string, string>();

  constructor(options: VmManagerOptions) {
    this.options = options;
    const nowMs = options.now();
    const records = [...(options.records ?? [])].map((record) => notLaterThan(nowMs, record));
    this.records = new Map(records.map((record) => [record.id, record]));
  }

  list(): VmRecord[] {
    return [...this.records.values()];
  }

  /** Time in its phase. */
  ageMs({ sinceMs }: VmRecord): number {
    return this.options.now() - sinceMs;
  }

  /** Reason why a pending VM waits; undefined: it does not. */
  waitsFor(id: string): string | undefined {
    return this.waiting.get(id);
  }

  /** Reason why no attached host suits the template; undefined: one does, or none is attached. */
  refusal(templateName: string): string | undefined {
    const hosts = this.options.hosts();
    if (hosts.length === 0) return undefined;
    const placement = placeVm(this.request(this.template(templateName), undefined), hosts);
    return 'refusal' in placement ? placement.refusal : undefined;
  }

  /** Creates a VM of a template, for the template's group or another one; it starts with the next `tick`. */
  instantiate(templateName: string, group?: string): VmRecord {
    const template = this.template(templateName);
    const wanted = this.wantedOf(templateName).length;
    if (wanted >= template.maxInstances || this.records.size >= MAX_RECORDS) {
      const limit = Math.min(template.maxInstances, MAX_RECORDS);
      throw new Refusal(409, `template ${templateName}: found ${wanted} VMs, expected fewer than ${limit}`);
    }
    const nowMs = this.options.now();
    const record: VmRecord = {
      id: this.newId(templateName),
      template: templateName,
      group: group ?? template.group,
      phase: 'pending',
      isWanted: true,
      addresses: [],
      sinceMs: nowMs,
      notBeforeMs: nowMs,
      failures: 0,
    };
    this.keep(record);
    return record;
  }

  /** Assigns an idle serving VM to this group; undefined: the template has none. */
  allocate(group: string, templateName: string): VmRecord | undefined {
    const spare = this.wantedOf(templateName).find(
      (record) => record.phase === 'serving' && record.group === undefined,
    );
    if (spare === undefined) return undefined;
    const record = { ...spare, group };
    this.keep(record);
    return record;
  }

  /** Ends a VM permanently; the caller has drained it. */
  release(id: string): void {
    const record = this.records.get(id);
    if (record === undefined) throw new Refusal(404, `VM: found ${id}, expected one that exists`);
    if (record.phase === 'pending') {
      this.forget(record);
      this.emit('terminated', record, 'released before it was started');
    } else if (record.phase !== 'stopping') {
      const phase = record.phase === 'lost' ? 'lost' : 'stopping';
      this.keep({ ...record, isWanted: false, phase, sinceMs: this.options.now() });
      this.order(record, 'stop');
    }
  }

  /** Adjusts the number of wanted VMs: starts missing ones, releases the youngest. */
  scale(templateName: string, count: number): void {
    const wanted = this.wantedOf(templateName);
    for (let missing = count - wanted.length; missing > 0; missing--) this.instantiate(templateName);
    for (const { id } of wanted.slice(count)) this.release(id);
  }

  /** An agent has attached: its VMs are queried; those of a previous agent of the host have ended. */
  hostAttached(host: string, agentEpoch: number): void {
    this.awaySinceMs.delete(host);
    for (const record of this.on(host)) {
      if (record.agentEpoch !== agentEpoch) this.ended(record, 'crashed', 'its host has restarted', false);
      else this.order(record, record.phase === 'stopping' || record.phase === 'lost' ? 'stop' : 'start');
    }
  }

  hostDetached(host: string): void {
    this.awaySinceMs.set(host, this.options.now());
  }

  /** An agent's event. An unknown VM is stopped. */
  take(host: string, event: VmEvent): void {
    const record = this.records.get(event.vm);
    const isOver = event.kind === 'terminated' || event.kind === 'crashed';
    if (record?.host !== host) {
      if (!isOver) this.options.send(host, stopOrder(event.vm, event.template));
      return;
    }
    const after = afterEvent(record, event.kind, this.options.now());
    if (after === undefined) return;
    if (after === 'ended') {
      this.ended(record, isOver ? event.kind : 'crashed', event.detail, true);
      return;
    }
    this.keep(after);
    this.emit(event.kind, after, event.detail);
  }

  /** Performs all due actions. */
  tick(): void {
    const nowMs = this.options.now();
    this.noteAway(nowMs);
    for (const record of this.list()) {
      if (record.phase === 'pending') this.startPending(record, nowMs);
      else if (record.phase === 'lost') this.forgetLost(record, nowMs);
      else if (this.isAwayFor(record.host, HOST_LOSS_MS, nowMs))
        this.lose(record, nowMs, `its host ${record.host} is away`);
      else if (nowMs - record.sinceMs > this.patienceMs(record)) this.overdue(record, nowMs);
    }
  }

  // ---------------------------------------------------------------------------------------------------------------

  private startPending(record: VmRecord, nowMs: number): void {
    if (nowMs < record.notBeforeMs) return;
    const template = this.options.templates().find(({ name }) => name === record.template);
    if (template === undefined) {
      this.forget(record);
      this.emit('terminated', record, `template ${record.template} is no longer configured`);
      return;
    }
    const hosts = this.options.hosts();
    const avoid = record.failures > 0 ? record.avoid : undefined;
    const placement = placeVm(this.request(template, avoid), hosts);
    if ('refusal' in placement) return this.wait(record, placement.refusal);
    const addresses = this.freeAddresses(template, nowMs);
    if (addresses.length === 0) {
      return this.wait(record, `no address of ${template.addresses.join(', ')} is free`);
    }
    this.waiting.delete(record.id);
    const { host } = placement;
    const agentEpoch = hosts.find((candidate) => candidate.host === host)!.agentEpoch;
    const started: VmRecord = {
      ...record,
      phase: 'starting',
      host,
      agentEpoch,
      addresses,
      sinceMs: nowMs,
    };
    this.keep(started);
    this.order(started, 'start');
  }

  private request(template: TemplateConfig, avoid: string | undefined): PlacementRequest {
    return {
      template: template.name,
      network: { name: template.network, vni: this.options.vniOf(template.network) },
      allowed: template.hosts,
      avoid,
      vmsOn: (name) => this.on(name).length,
      siblingsOn: (name) => this.on(name).filter((other) => other.template === template.name).length,
    };
  }

  private wait(record: VmRecord, why: string): void {
    if (this.waiting.get(record.id) === why) return;
    this.waiting.set(record.id, why);
    this.options.onWait(record, why);
  }

  private freeAddresses(template: TemplateConfig, nowMs: number): string[] {
    const isTaken = (address: string): boolean => this.isTaken(template, address);
    const isResting = (address: string): boolean =>
      nowMs - (this.freedAtMs.get(address) ?? -Infinity) < REST_MS;
    const rested = chooseAddresses(template.addresses, (address) => isTaken(address) || isResting(address));
    return rested.length > 0 ? rested : chooseAddresses(template.addresses, isTaken);
  }

  private isTaken(template: TemplateConfig, address: string): boolean {
    return (
      this.options.isAddressTaken(template.network, address) ||
      this.list().some((record) => record.addresses.includes(address))
    );
  }

  private noteAway(nowMs: number): void {
    const attached = new Set(this.options.hosts().map(({ host }) => host));
    for (const { host } of this.records.values()) {
      if (host !== undefined && !attached.has(host) && !this.awaySinceMs.has(host))
        this.awaySinceMs.set(host, nowMs);
    }
  }

  private isAwayFor(host: string | undefined, ms: number, nowMs: number): boolean {
    const since = host === undefined ? undefined : this.awaySinceMs.get(host);
    return since !== undefined && nowMs - since >= ms;
  }

  /** The VM's state is unknown: a replacement is started, and its address stays reserved. */
  private lose(record: VmRecord, nowMs: number, detail: string): void {
    this.keep({ ...record, phase: 'lost', isWanted: false, sinceMs: nowMs });
    this.emit('crashed', record, detail);
    if (record.isWanted) this.replace(record, record.phase === 'starting' || record.phase === 'created');
  }

  private forgetLost(record: VmRecord, nowMs: number): void {
    if (nowMs - record.sinceMs > FORGET_MS) this.forget(record);
  }

  private patienceMs({ phase, template: name }: VmRecord): number {
    const template = this.options.templates().find((candidate) => candidate.name === name);
    if (phase === 'serving') return Infinity;
    if (phase === 'created') return ORDER_TIMEOUT_MS + (template?.readyTimeoutMs ?? 0);
    return ORDER_TIMEOUT_MS + (phase === 'stopping' ? (template?.stopTimeoutMs ?? 0) : 0);
  }

  /** The host does not carry out an order: a stop is repeated, a start is revoked. */
  private overdue(record: VmRecord, nowMs: number): void {
    if (record.phase === 'stopping') this.keep({ ...record, sinceMs: nowMs });
    else this.lose(record, nowMs, `${record.phase} for too long on host ${record.host}`);
    this.order(record, 'stop');
  }

  private ended(record: VmRecord, kind: VmEventKind, detail: string, isFault: boolean): void {
    this.forget(record);
    // A lost VM has already been reported and replaced.
    if (record.phase !== 'lost') this.emit(kind, record, detail);
    if (record.isWanted) this.replace(record, isFault);
  }

  private replace(record: VmRecord, isFault: boolean): void {
    const nowMs = this.options.now();
    const replacement = replacementOf(record, this.newId(record.template), isFault, nowMs);
    this.keep(replacement);
    this.startPending(replacement, nowMs);
  }

  private order(record: VmRecord, command: VmOrder['command']): void {
    const { id, host, addresses } = record;
    if (host === undefined) return;
    const template = this.options.templates().find(({ name }) => name === record.template);
    if (command === 'stop' || template === undefined) {
      this.options.send(host, stopOrder(id, record.template));
      return;
    }
    const definition = JSON.stringify({ ...template, addresses, group: record.group });
    this.options.send(host, { command, vm: id, template: template.name, definition });
  }

  private on(host: string): VmRecord[] {
    return this.list().filter((record) => record.host === host);
  }

  /** Oldest first. */
  private wantedOf(template: string): VmRecord[] {
    return this.list().filter((record) => record.isWanted && record.template === template);
  }

  private template(name: string): TemplateConfig {
    const templates = this.options.templates();
    const template = templates.find((candidate) => candidate.name === name);
    if (template !== undefined) return template;
    const known = templates.map((candidate) => candidate.name);
    throw new Refusal(404, `template: found ${name}, expected ${expectOneOf(name, known)}`);
  }

  private newId(template: string): string {
    for (;;) {
      const id = `${template}-${this.options.suffix()}`;
      if (!this.records.has(id)) return id;
    }
  }

  private keep(record: VmRecord): void {
    this.records.set(record.id, record);
    this.options.persist([{ id: record.id, record }]);
  }

  private forget({ id, addresses }: VmRecord): void {
    this.records.delete(id);
    this.waiting.delete(id);
    for (const address of addresses) {
      this.freedAtMs.delete(address);
      this.freedAtMs.set(address, this.options.now());
    }
    const oldest = this.freedAtMs.keys().next();
    if (this.freedAtMs.size > MAX_RESTING && !oldest.done) this.freedAtMs.delete(oldest.value);
    this.options.persist([{ id, record: undefined }]);
  }

  private emit(kind: VmEventKind, vm: VmRecord, detail: string): void {
    this.options.onEvent({ kind, vm, detail });
  }
}

const stopOrder = (vm: string, template: string): VmOrder => ({
  command: 'stop',
  vm,
  template,
  definition: '',
});
