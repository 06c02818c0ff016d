/**
 * One running host: datapath thread, ports, groups, publisher and agent, and every change to them.
 *
 * Theory of operation. The main thread owns what is configured, the datapath's thread owns what is counted and
 * tracked. A change is made ready first (groups checked, devices opened), then published as one snapshot, then
 * what it replaced is cleared up; if a step fails, the steps before it are undone and nothing has changed.
 * Changes wait for each other in one queue, so each sees the outcome of the one before.
 *
 * A datapath that dies takes the host with it: `onDeath` is called and the owner ends the process.
 */
import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { MemberAdd } from '../api/shapes.ts';
import type { Configuration, PortConfig } from '../config/model.ts';
import { Catalogue } from '../controller/catalogue.ts';
import {
  initialMembership,
  type Membership,
  reloadMembership,
  withOverride,
} from '../controller/membership.ts';
import { STAT, STAT_FIELDS } from '../tables/stat-table.ts';
import { Tables } from '../tables/tables.ts';
import { Agent } from './agent.ts';
import { DatapathThread } from './datapath-thread.ts';
import { type DrainDeadline, DrainTimer } from './drain-deadlines.ts';
import { HostError, messageOf } from './host-error.ts';
import type { InstanceState } from './instance-state.ts';
import { clashesOf } from './port-clashes.ts';
import { PortDevices } from './port-devices.ts';
import { portSetups } from './port-setup.ts';
import { Publisher } from './publisher.ts';
import { planReload, unchangeable } from './reload-plan.ts';
import { SnapshotBuilder } from './snapshot-builder.ts';
import { limitsFor, mapTables } from './table-memory.ts';
import { UndoStack } from './undo-stack.ts';
import { Uplinks } from './uplinks.ts';

/** Slots of 66 048 bytes, resident as they are touched; the engine keeps 64 offered to the kernel. */
const ARENA_SLOTS = 1024;

export interface HostOptions {
  readonly configuration: Configuration;
  /** On tmpfs. */
  readonly tablesFile: string;
  readonly state: InstanceState;
  readonly log: Logger;
  /** The datapath has ended or hangs. */
  onDeath(reason: string): void;
}

export class Host {
  readonly thread: DatapathThread;
  readonly tables: Tables;
  readonly builder: SnapshotBuilder;
  readonly publisher: Publisher;
  readonly ports: PortDevices;
  readonly uplinks: Uplinks;
  readonly agent: Agent;
  readonly groups: Catalogue;
  private readonly log: Logger;
  private readonly drainTimer = new DrainTimer((due) => this.finishDrain(due));
  private readonly goneListeners = new Set<(port: string) => void>();
  private lastChange: Promise<unknown> = Promise.resolve();

  /** Resolves when traffic can flow; rejects, with nothing left behind, when it cannot. */
  static async start(options: HostOptions): Promise<Host> {
    const { configuration, state } = options;
    const limits = limitsFor(configuration);
    const mapping = mapTables(options.tablesFile, limits, state);
    const seed = randomBytes(8);
    let host: Host | undefined;
    const thread = await DatapathThread.start(
      {
        engine: configuration.datapath.engine,
        slots: ARENA_SLOTS,
        busyPollUs: configuration.datapath.busyPollUs,
        limits,
        tables: { address: mapping.address, length: mapping.length },
        hashKey: [seed.readInt32LE(0), seed.readInt32LE(4)],
      },
      { onPortsGone: (ids) => host?.portsGone(ids), onDeath: options.onDeath },
    );
    const undo = new UndoStack();
    undo.push('stop the datapath', () => thread.stop());
    try {
      // Only counters and rows are read here, so no look-up needs the hash key.
      host = new Host(thread, new Tables(mapping.bytes, 0, limits, [0, 0]), options);
      for (const setup of portSetups(configuration).values()) host.ports.open(setup, undo);
      host.uplinks.openMissing(configuration, undo);
      await host.bringIntoForce(host.groups.current);
      host.agent.start();
      host.uplinks.watch();
      return host;
    } catch (error) {
      for (const problem of await undo.run()) options.log.error(problem);
      throw error;
    }
  }

  private constructor(thread: DatapathThread, tables: Tables, options: HostOptions) {
    const isStatSlotIdle = (slot: number): boolean =>
      tables.stats.fields[slot * STAT_FIELDS + STAT.newFlows] ===
      tables.stats.fields[slot * STAT_FIELDS + STAT.endedFlows];
    this.thread = thread;
    this.tables = tables;
    this.log = options.log;
    this.builder = new SnapshotBuilder({ offloads: true, limits: tables.limits, isStatSlotIdle });
    this.publisher = new Publisher(thread, this.builder);
    this.ports = new PortDevices(thread, this.builder.ids, options.state);
    this.uplinks = new Uplinks(thread, this.builder.ids, options.log, () => this.repairUplinks());
    this.agent = new Agent(tables.stats, this.builder.ids);
    this.groups = new Catalogue(initialMembership(options.configuration));
  }

  /** What is in force: the file, over it what was changed at run time, and ports that were added. */
  get configuration(): Configuration {
    return this.withRuntimePorts(this.groups.current.effective);
  }

  /** Ends datapath and ports, after the change that is under way. Namespaces and files are the owner's to remove. */
  stop(): Promise<void> {
    return this.exclusively(async () => {
      this.drainTimer.stop();
      this.agent.stop();
      await this.thread.stop();
      this.ports.closeAll();
      this.uplinks.closeAll();
    });
  }

  // --- membership ------------------------------------------------------------------------------------------

  addMember(group: string, request: MemberAdd): Promise<number> {
    return this.changeMembership(() => this.groups.add(group, request));
  }

  setWeight(group: string, member: string, weight: number): Promise<number> {
    return this.changeMembership(() => this.groups.setWeight(group, member, weight));
  }

  /** `deadlineMs`: from now. */
  drainMember(group: string, member: string, deadlineMs?: number): Promise<number> {
    const atMs = deadlineMs === undefined ? undefined : Date.now() + deadlineMs;
    return this.changeMembership(() => this.groups.drain(group, member, atMs));
  }

  removeMember(group: string, member: string): Promise<number> {
    // Taken before the change: afterwards nobody owns them. TCP flows run on to their end, datagrams move on.
    const statSlots = this.builder.ids.statSlotsOf(group, member);
    return this.changeMembership(
      () => this.groups.remove(group, member),
      () => this.thread.purge(statSlots, 'datagrams'),
    );
  }

  /** Resolves when the rules are in force and the member's connections no longer count. */
  failMember(group: string, member: string): Promise<number> {
    return this.changeMembership(
      () => this.groups.fail(group, member),
      () => this.thread.purge(this.builder.ids.statSlotsOf(group, member), 'all'),
    );
  }

  private changeMembership(propose: () => Membership, then?: () => Promise<void>): Promise<number> {
    return this.exclusively(async () => {
      const membership = propose();
      const revision = await this.publisher.publish(membership.effective);
      this.acceptMembership(membership);
      await then?.();
      return revision;
    });
  }

  private acceptMembership(membership: Membership): void {
    this.groups.accept(membership);
    this.drainTimer.watch(membership);
  }

  /** The deadline is reached: what is left of the member's flows ends; it stays draining. */
  private finishDrain({ group, member }: DrainDeadline): void {
    this.exclusively(async () => {
      const { current } = this.groups;
      const override = current.overrides.get(group)?.get(member);
      const isDue = override?.state === 'draining' && (override.drainDeadlineMs ?? Infinity) <= Date.now();
      if (!isDue) return;
      await this.thread.purge(this.builder.ids.statSlotsOf(group, member), 'all');
      this.acceptMembership(
        withOverride(current, group, member, { ...override, drainDeadlineMs: undefined }),
      );
      this.log.info(`group ${group}: deadline of draining member ${member} reached, its flows are dropped`);
    }).catch((error) => this.log.error(`group ${group}: drain of ${member}: ${messageOf(error)}`));
  }

  // --- reload ----------------------------------------------------------------------------------------------

  /** Brings a changed configuration into force; all of it or, when a part fails, nothing. */
  reload(configuration: Configuration): Promise<number> {
    return this.exclusively(async () => {
      const running = this.groups.current;
      const problems = [
        ...unchangeable(running.configuration, configuration),
        ...this.publisher.runtimePorts.flatMap((port) => clashesOf(port, configuration)),
      ];
      if (problems.length > 0) throw new HostError(409, 'this needs a restart (down, then up)', problems);
      const membership = reloadMembership(running, configuration);
      const plan = planReload(
        this.withRuntimePorts(running.configuration),
        this.withRuntimePorts(configuration),
        this.ports.goneNames,
      );
      const undo = new UndoStack();
      let isTouched = false;
      // Last to be undone: by then the former devices are there again.
      undo.push('put the former rules back', async () => {
        if (isTouched) await this.bringIntoForce(running);
      });
      try {
        // New devices come first, as far as the old ones don't stand in their place: then a failure costs nothing.
        this.uplinks.openMissing(configuration, undo);
        for (const change of plan.giveUp) this.ports.adjust(change, undo);
        for (const setup of plan.open) this.ports.open(setup, undo);
        isTouched = plan.close.length > 0;
        for (const { port } of plan.close) await this.ports.close(port.name, undo);
        for (const setup of plan.replace) this.ports.open(setup, undo);
        for (const change of plan.adjust) this.ports.adjust(change, undo);
        const revision = await this.bringIntoForce(membership);
        this.acceptMembership(membership);
        await this.uplinks.closeUnwanted(configuration);
        for (const problem of this.ports.removeUnusedNamespaces()) this.log.warn(problem);
        return revision;
      } catch (error) {
        for (const problem of await undo.run()) this.log.error(`after a failed reload: ${problem}`);
        throw error instanceof HostError ? error : new HostError(500, messageOf(error));
      }
    });
  }

  // --- ports beside the file's ------------------------------------------------------------------------------

  /**
   * A port in a namespace of its own (one of that name must not exist), which outlives reloads. Resolves when its
   * traffic can flow; rejects, with nothing changed, when name, device, MAC or an address is taken.
   */
  addPort(port: PortConfig): Promise<void> {
    return this.exclusively(async () => {
      const problems = clashesOf(port, this.configuration);
      if (problems.length > 0) throw new HostError(409, `port ${port.name} cannot be added`, problems);
      const before = this.publisher.runtimePorts;
      const { effective } = this.groups.current;
      const ports = [...this.configuration.ports, port];
      const setup = portSetups({ ...effective, ports }).get(port.name)!;
      const undo = new UndoStack();
      try {
        this.ports.open(setup, undo);
        await this.publisher.publish(effective, [...before, port]);
        undo.push('put the former rules back', async () => {
          await this.publisher.publish(effective, before);
        });
        await this.ports.attachOpened();
      } catch (error) {
        for (const problem of await undo.run()) this.log.error(`port ${port.name}: ${problem}`);
        throw error;
      }
    });
  }

  /** Ends a port that `addPort` has made, with its namespace and every process in it; one that is gone, too. */
  removePort(name: string): Promise<void> {
    return this.exclusively(async () => {
      const { runtimePorts } = this.publisher;
      const port = runtimePorts.find((other) => other.name === name);
      if (port === undefined) return;
      try {
        await this.ports.remove(port);
      } finally {
        const others = runtimePorts.filter((other) => other !== port);
        await this.publisher.publish(this.groups.current.effective, others);
      }
    });
  }

  /** Calls back with the names of ports whose devices have disappeared, until the returned function is called. */
  onPortGone(listener: (port: string) => void): () => void {
    this.goneListeners.add(listener);
    return () => this.goneListeners.delete(listener);
  }

  private withRuntimePorts(configuration: Configuration): Configuration {
    return { ...configuration, ports: [...configuration.ports, ...this.publisher.runtimePorts] };
  }

  // -----------------------------------------------------------------------------------------------------------

  /** Rules first, so that no frame comes in from a port that the datapath does not know. */
  private async bringIntoForce(membership: Membership): Promise<number> {
    const revision = await this.publisher.publish(membership.effective);
    await this.ports.attachOpened();
    await this.uplinks.attachOpened();
    return revision;
  }

  /** An uplink's interface has gone or come back. */
  private repairUplinks(): Promise<void> {
    return this.exclusively(async () => {
      if (await this.uplinks.reopen()) await this.bringIntoForce(this.groups.current);
    });
  }

  private portsGone(ids: readonly number[]): void {
    this.uplinks.noteGone(ids);
    for (const name of this.ports.noteGone(ids)) {
      this.log.warn(`port ${name}: its device has disappeared; reload makes it anew`);
      for (const listener of this.goneListeners) listener(name);
    }
  }

  // -----------------------------------------------------------------------------------------------------------

  private exclusively<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.lastChange.then(change);
    this.lastChange = result.catch(() => undefined);
    return result;
  }
}
