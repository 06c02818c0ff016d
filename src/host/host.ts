/**
 * One running host: datapath thread, ports, publisher, statistics, and every change to them.
 *
 * Theory of operation. The main thread owns the configuration, the datapath's thread owns counters and connection
 * state. A change is prepared first (devices opened), then published as one snapshot, then the replaced parts are
 * removed; if a step fails, the steps before it are undone and the state is as before. Changes are serialized in one
 * queue, so each sees the result of the previous one.
 *
 * Groups are given to the host (agent.ts has them from a controller); it never edits them. The difference between two
 * states of a group decides about running flows: a failed member loses all of them at once, a removed one its
 * datagram flows, and a draining one the remaining flows at its deadline, with no further request.
 *
 * The end of the datapath ends the host: `onDeath` is called and the owner ends the process. After a kill or `stop`
 * with handover, the next process continues the flows as if only the configuration had changed
 * (takeover/takeover.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { SerialQueue } from '../api/serial-queue.ts';
import { planLoadBalancers } from '../config/model/load-balancer-plan.ts';
import type { Configuration, GroupConfig, PortConfig } from '../config/model/model.ts';
import { HostError, messageOf } from '../config/problems/host-error.ts';
import type { EventSink } from '../events/event.ts';
import type { MadeThings } from '../run-dir/made-things.ts';
import { UndoStack } from '../run-dir/undo-stack.ts';
import type { Runtime, Timer } from '../runtime/runtime.ts';
import { Tables } from '../tables/tables.ts';
import { Captures } from './captures/captures.ts';
import { DeniedPackets } from './denied-packets.ts';
import { type DrainDeadline, DrainTimer } from './drain-deadlines.ts';
import { DropEvents } from './drop-events.ts';
import { memberExits } from './member-exits.ts';
import { clashesOf } from './ports/port-clashes.ts';
import { PortDevices } from './ports/port-devices.ts';
import { portEvents } from './ports/port-events.ts';
import { portSetups } from './ports/port-setup.ts';
import { QueueLosses } from './ports/queue-losses.ts';
import { planReload, unchangeable } from './ports/reload-plan.ts';
import { Uplinks } from './ports/uplinks.ts';
import { Publisher } from './publishing/publisher.ts';
import { SnapshotBuilder } from './publishing/snapshot-builder.ts';
import type { WeightsByLoadBalancer } from './publishing/weights.ts';
import { StatCollector } from './stat-collector.ts';
import { TableEvents } from './table-fill.ts';
import { type LeftTables, NumbersFile } from './takeover/left-tables.ts';
import {
  type ExitedMembers,
  exitsMeanwhile,
  mapBesideLeftTables,
  takeOverFlows,
} from './takeover/takeover.ts';
import type { DatapathThread, ThreadEvents } from './thread/datapath-thread.ts';
import { type PreparedDatapath, startThread } from './thread/prepared-datapath.ts';
import { limitsFor } from './thread/table-memory.ts';

const NAMESPACE_WATCH_MS = 1_000;

export interface HostOptions {
  readonly configuration: Configuration;
  /** On tmpfs. */
  readonly tablesFile: string;
  readonly numbersFile: string;
  /** What the previous host left; its files are already removed. */
  readonly leftTables?: LeftTables;
  /** Prepared before the previous host ended. */
  readonly prepared?: PreparedDatapath;
  readonly state: MadeThings;
  /** The clock of the groups' drain deadlines; absent: this machine's. */
  readonly controllersClockMs?: number;
  readonly log: Logger;
  readonly events: EventSink;
  readonly runtime: Runtime;
  /** The datapath has ended or hangs. */
  onDeath(reason: string): void;
}

/** The prepared one, or a new one. */
async function datapathOf(options: HostOptions, events: ThreadEvents) {
  const { configuration, prepared, tablesFile, state } = options;
  if (prepared?.fits(configuration)) {
    const { thread, limits, mapping } = prepared;
    prepared.take(tablesFile, state, events);
    return { thread, limits, mapping, leftTables: options.leftTables };
  }
  await prepared?.discard();
  const limits = limitsFor(configuration);
  const { mapping, leftTables } = mapBesideLeftTables(options, limits);
  return {
    thread: await startThread(configuration, limits, tablesFile, events),
    limits,
    mapping,
    leftTables,
  };
}

export class Host {
  readonly thread: DatapathThread;
  readonly tables: Tables;
  readonly builder: SnapshotBuilder;
  readonly publisher: Publisher;
  readonly ports: PortDevices;
  readonly queueLosses: QueueLosses;
  readonly uplinks: Uplinks;
  readonly collector: StatCollector;
  readonly captures: Captures;
  /** What runs once a second beside the statistics. */
  private readonly watches: readonly Watch[];
  private readonly log: Logger;
  readonly events: EventSink;
  readonly runtime: Runtime;
  private readonly drainTimer: DrainTimer;
  private readonly goneListeners = new Set<(port: string) => void>();
  private namespaceWatch: Timer | undefined;
  private readonly changes = new SerialQueue();

  /** Resolves when traffic can flow; on failure rejects after removing everything that it made. */
  static async start(options: HostOptions): Promise<Host> {
    const { configuration, state } = options;
    let host: Host | undefined;
    const events = {
      onPortsGone: (ids: readonly number[]) => host?.portsGone(ids),
      onDeath: options.onDeath,
    };
    const { thread, limits, mapping, leftTables } = await datapathOf(options, events);
    const undo = new UndoStack();
    undo.push('stop the datapath', () => thread.stop());
    try {
      // This handle only reads counters and rows, so it needs no hash key.
      host = new Host(thread, new Tables(mapping.bytes, 0, limits, [0, 0]), options);
      if (leftTables !== undefined) {
        const { tables, log, builder } = host;
        await takeOverFlows(leftTables, { thread, tables, ids: builder.ids, log }, configuration);
        if (leftTables.totals !== undefined) host.collector.carry(leftTables.totals);
      }
      await host.ports.openAll([...portSetups(configuration).values()], undo);
      host.uplinks.openMissing(configuration, undo);
      state.addFile(options.numbersFile);
      await host.publisher.publishFirst(configuration);
      await host.endFlowsOf(exitsMeanwhile(host.builder.ids, configuration.groups));
      await host.attachOpened();
      if (options.controllersClockMs !== undefined)
        host.drainTimer.controllersShow(options.controllersClockMs);
      host.drainTimer.watch(configuration);
      host.collector.start(options.runtime);
      for (const watch of host.watches) watch.start(options.runtime);
      host.uplinks.watch();
      host.watchNamespaces();
      return host;
    } catch (error) {
      for (const problem of await undo.run()) options.log.error(problem);
      throw error;
    }
  }

  private constructor(thread: DatapathThread, tables: Tables, options: HostOptions) {
    const isMemberIdle = (member: number): boolean => !tables.stats.hasRowOf(member);
    this.thread = thread;
    this.tables = tables;
    this.log = options.log;
    this.events = options.events;
    this.runtime = options.runtime;
    this.drainTimer = new DrainTimer(options.runtime, (due) => this.finishDrain(due));
    this.builder = new SnapshotBuilder({ offloads: true, limits: tables.limits, isMemberIdle });
    this.captures = new Captures({
      thread,
      ids: this.builder.ids,
      maxPorts: tables.limits.maxPorts,
      runtime: options.runtime,
      configuration: () => this.configuration,
    });
    const numbers = new NumbersFile(options.numbersFile, tables.limits, this.builder.ids);
    this.publisher = new Publisher(thread, this.builder, () => {
      const problem = numbers.save();
      if (problem !== undefined) this.log.warn(problem);
    });
    this.ports = new PortDevices(thread, this.builder.ids, options.state);
    this.uplinks = new Uplinks(thread, this.builder.ids, options, options.runtime, () =>
      this.repairUplinks(),
    );
    this.queueLosses = new QueueLosses(() => this.ports.taps);
    const { ids } = this.builder;
    const configuration = (): Configuration => this.configuration;
    this.watches = [
      this.queueLosses,
      new DeniedPackets(tables.deniedLog, ids, options.events),
      new DropEvents({ counters: tables.portCounters, ids, configuration }, options.events),
      new TableEvents(tables, options.events),
    ];
    this.collector = new StatCollector(tables.stats, this.builder.ids, (rows, notedAt) =>
      this.thread.releaseRows(rows, notedAt),
    );
  }

  /** The configuration in force: the file, the host's groups, and ports added at run time. */
  get configuration(): Configuration {
    return this.publisher.inForce!.configuration;
  }

  /**
   * Ends datapath and ports after the running change; or leaves the ports' devices and the flows to the next host.
   * The owner removes namespaces and files.
   */
  stop(how: 'end' | 'handOver'): Promise<void> {
    return this.exclusively(async () => {
      this.runtime.clearTimer(this.namespaceWatch);
      this.drainTimer.stop();
      this.captures.endAll();
      this.collector.stop();
      for (const watch of this.watches) watch.stop();
      await this.thread.stop();
      this.ports.closeAll(how);
      this.uplinks.closeAll();
    });
  }

  // --- groups ----------------------------------------------------------------------------------------------

  /**
   * Applies new groups, all or none. Resolves with the revision when they are in force and flows of failed or removed
   * members have ended. `controllersClockMs`: current reading of the controllers' clock.
   */
  applyGroups(
    groups: readonly GroupConfig[],
    weights: WeightsByLoadBalancer = this.publisher.inForce!.weights,
    controllersClockMs?: number,
  ): Promise<number> {
    return this.exclusively(async () => {
      if (controllersClockMs !== undefined) this.drainTimer.controllersShow(controllersClockMs);
      const running = this.publisher.inForce!;
      const base = { ...running.base, groups: reuseUnchanged(groups, running.base.groups) };
      if (isSameList(base.groups, running.base.groups) && weights === running.weights) {
        return this.publisher.revision;
      }
      const exited = this.exitedMembers(running.base, base);
      const revision = await this.publisher.publish({ base, weights });
      await this.endFlowsOf(exited);
      this.drainTimer.watch(base);
      return revision;
    });
  }

  /** The LBs that would enforce these groups, and which each enforces. */
  enforcedGroups(groups: readonly GroupConfig[]): EnforcedGroups[] {
    const plan = planLoadBalancers({ ...this.configuration, groups: [...groups] });
    return plan.map(({ key, groups }) => ({ loadBalancerKey: key, groups }));
  }

  /** Taken before the change, which frees the numbers of removed members. */
  private exitedMembers(before: Configuration, after: Configuration): ExitedMembers[] {
    return memberExits(before.groups, after.groups).map(({ group, member, ends }) => ({
      members: this.builder.ids.membersOf(group, member),
      ends,
    }));
  }

  private async endFlowsOf(exited: readonly ExitedMembers[]): Promise<void> {
    for (const { members, ends } of exited) await this.thread.purge(members, ends);
  }

  /** The deadline has passed: the member's remaining flows end; it stays draining. */
  private finishDrain({ group, member }: DrainDeadline): void {
    this.exclusively(async () => {
      await this.thread.purge(this.builder.ids.membersOf(group, member), 'all');
      this.drainTimer.watch(this.configuration);
      this.events.emit({
        type: 'member.drained',
        subject: `${group}/${member}`,
        reason: 'its deadline was reached',
        line: `group ${group}: deadline of draining member ${member} reached, its flows are dropped`,
      });
    }).catch((error) => this.log.error(`group ${group}: drain of ${member}: ${messageOf(error)}`));
  }

  // --- reload ----------------------------------------------------------------------------------------------

  /** Applies a changed configuration, all of it or, if a part fails, none. */
  reload(configuration: Configuration): Promise<number> {
    return this.exclusively(async () => {
      const running = this.publisher.inForce!.base;
      const previous = this.runtimePorts;
      // A probe port yields; the health checks create another one.
      const kept = previous.filter((p) => p.purpose !== 'probe' || clashesOf(p, configuration).length === 0);
      const problems = [
        ...unchangeable(running, configuration),
        ...kept.flatMap((port) => clashesOf(port, configuration)),
      ];
      if (problems.length > 0) throw new HostError(409, 'this needs a restart (down, then up)', problems);
      const wanted = {
        ...configuration,
        networks: reuseUnchanged(configuration.networks, running.networks),
        ports: reuseUnchanged(configuration.ports, running.ports),
        uplinks: configuration.uplinks && reuseUnchanged(configuration.uplinks, running.uplinks ?? []),
        firewalls:
          configuration.firewalls && reuseUnchanged(configuration.firewalls, running.firewalls ?? []),
        groups: reuseUnchanged(configuration.groups, running.groups),
      };
      const plan = planReload(
        this.withRuntimePorts(running),
        { ...wanted, ports: [...wanted.ports, ...kept] },
        this.ports.goneNames,
      );
      const gone = new Set(this.ports.goneNames);
      const undo = new UndoStack();
      let isTouched = false;
      // Undone last: by then the previous devices exist again.
      undo.push('put the previous rules back', async () => {
        if (isTouched) await this.bringIntoForce(running, previous);
      });
      try {
        // New devices are opened first unless an old one occupies their place, so a failure costs nothing.
        this.uplinks.openMissing(configuration, undo);
        for (const change of plan.giveUp) this.ports.adjust(change, undo);
        for (const setup of plan.open) this.ports.open(setup, undo);
        isTouched = plan.close.length > 0;
        for (const { port } of plan.close) await this.ports.close(port.name, undo);
        for (const setup of plan.replace) this.ports.open(setup, undo);
        for (const change of plan.adjust) this.ports.adjust(change, undo);
        const exited = this.exitedMembers(running, wanted);
        const revision = await this.bringIntoForce(wanted, kept);
        await this.endFlowsOf(exited);
        this.drainTimer.watch(wanted);
        await this.uplinks.closeUnwanted(wanted);
        for (const problem of this.ports.removeUnusedNamespaces()) this.log.warn(problem);
        for (const event of portEvents(running, wanted, gone)) this.events.emit(event);
        return revision;
      } catch (error) {
        for (const problem of await undo.run()) this.log.error(`after a failed reload: ${problem}`);
        throw error instanceof HostError ? error : new HostError(500, messageOf(error));
      }
    });
  }

  /** No event reports a namespace that lost its name while the descriptor of an inherited device holds it. */
  private watchNamespaces(): void {
    this.namespaceWatch = this.runtime.setTicker(() => {
      if (this.ports.orphans.length === 0) return;
      this.exclusively(async () => {
        const ids = this.ports.orphans;
        for (const id of ids) await this.thread.detach(id);
        this.portsGone(ids);
      }).catch((error) => this.log.error(`a port whose namespace is gone: ${messageOf(error)}`));
    }, NAMESPACE_WATCH_MS);
    this.namespaceWatch.unref();
  }

  // --- ports beside the file's ------------------------------------------------------------------------------

  /**
   * Adds a port in a new namespace of its own, which outlives reloads. Resolves when its traffic can flow; rejects
   * without any change if name, device, MAC or an address is in use.
   */
  addPort(port: PortConfig): Promise<void> {
    return this.exclusively(async () => {
      const problems = clashesOf(port, this.configuration);
      if (problems.length > 0) throw new HostError(409, `port ${port.name} cannot be added`, problems);
      const before = this.runtimePorts;
      const ports = [...this.configuration.ports, port];
      const setup = portSetups({ ...this.configuration, ports }).get(port.name)!;
      const undo = new UndoStack();
      try {
        this.ports.open(setup, undo);
        await this.publisher.publish({ runtimePorts: [...before, port] });
        undo.push('put the previous rules back', async () => {
          await this.publisher.publish({ runtimePorts: before });
        });
        await this.ports.attachOpened();
        this.tellOfRuntimePort('port.added', port);
      } catch (error) {
        for (const problem of await undo.run()) this.log.error(`port ${port.name}: ${problem}`);
        throw error;
      }
    });
  }

  /** Removes a port made by `addPort`, with its namespace and every process in it; also if it is already gone. */
  removePort(name: string): Promise<void> {
    return this.exclusively(async () => {
      const port = this.runtimePorts.find((other) => other.name === name);
      if (port === undefined) return;
      try {
        await this.ports.remove(port);
        this.tellOfRuntimePort('port.removed', port);
      } finally {
        await this.publisher.publish({ runtimePorts: this.runtimePorts.filter((other) => other !== port) });
      }
    });
  }

  /** The ports of health checks come and go with their members. */
  private tellOfRuntimePort(type: 'port.added' | 'port.removed', { name, purpose }: PortConfig): void {
    if (purpose !== 'probe') this.events.emit({ type, subject: name, reason: purpose ?? '' });
  }

  /** Calls back with the names of ports whose devices have disappeared, until the returned function is called. */
  onPortGone(listener: (port: string) => void): () => void {
    this.goneListeners.add(listener);
    return () => this.goneListeners.delete(listener);
  }

  private get runtimePorts(): readonly PortConfig[] {
    return this.publisher.inForce!.runtimePorts;
  }

  private withRuntimePorts(configuration: Configuration): Configuration {
    return { ...configuration, ports: [...configuration.ports, ...this.runtimePorts] };
  }

  // -----------------------------------------------------------------------------------------------------------

  /** The rules come first, so that every frame comes from a port that the datapath knows. */
  private async bringIntoForce(
    base: Configuration,
    runtimePorts: readonly PortConfig[] = this.runtimePorts,
  ): Promise<number> {
    const revision = await this.publisher.publish({ base, runtimePorts });
    await this.attachOpened();
    return revision;
  }

  /** All at once: a frame from one port may leave by any other. */
  private async attachOpened(): Promise<void> {
    const opened = [...this.ports.toAttach(), ...this.uplinks.toAttach()];
    await this.thread.attach(opened.map(({ id, device }) => ({ port: id, device })));
    this.ports.markAttached();
    this.uplinks.markAttached();
  }

  /** An uplink's interface has disappeared or returned. */
  private repairUplinks(): Promise<void> {
    return this.exclusively(async () => {
      if (await this.uplinks.reopen()) await this.bringIntoForce(this.publisher.inForce!.base);
    });
  }

  private portsGone(ids: readonly number[]): void {
    this.uplinks.noteGone(ids);
    for (const name of this.ports.noteGone(ids)) {
      this.events.emit({
        type: 'port.down',
        subject: name,
        reason: 'its device has disappeared',
        line: `port ${name}: its device has disappeared; a reload creates it again`,
        level: 'warn',
      });
      for (const listener of this.goneListeners) listener(name);
    }
  }

  // -----------------------------------------------------------------------------------------------------------

  private exclusively<Result>(change: () => Promise<Result>): Promise<Result> {
    return this.changes.run(change);
  }
}

interface Watch {
  start(runtime: Runtime): void;
  stop(): void;
}

/** An LB and the groups whose rules it enforces. */
export interface EnforcedGroups {
  readonly loadBalancerKey: string;
  readonly groups: readonly GroupConfig[];
}

/**
 * Unchanged items are the same objects as before, and the whole list if none changed, so that load balancers keep
 * their compiled rules and the datapath its ports.
 */
function reuseUnchanged<Named extends { readonly name: string }>(
  next: readonly Named[],
  previous: readonly Named[],
): Named[] {
  const byName = new Map(previous.map((one) => [one.name, one]));
  const list = next.map((one) => {
    const before = byName.get(one.name);
    return before === one || (before !== undefined && isDeepStrictEqual(before, one)) ? before : one;
  });
  return isSameList(list, previous) ? (previous as Named[]) : list;
}

const isSameList = <Item>(a: readonly Item[], b: readonly Item[]): boolean =>
  a.length === b.length && a.every((item, at) => item === b[at]);
