/**
 * A host process: its run directory, the objects that it creates, the host, and its API.
 *
 * Theory of operation. `start` takes the run directory first and then creates everything else. Each step
 * registers how to undo it; if one fails, the steps before it are undone in reverse order. state.json lists
 * what a process that was killed or handed over has left behind. Namespaces and TAPs that the configuration
 * still contains are taken over unchanged, with the processes in them, and so are the flows (host/takeover);
 * the rest is removed.
 */
import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { AuditTrail } from '../api/audit.ts';
import { answerEvents } from '../api/events.ts';
import type { ApiRequest } from '../api/routes.ts';

import { startApiServer, startReadOnlyServer, stopApiServer, useTls } from '../api/server.ts';
import type { Changed, Status, Verdict } from '../api/shapes.ts';
import { certificateProblems } from '../api/verdict.ts';
import type { Configuration, StoreConfig } from '../config/model/model.ts';
import { messageOf } from '../config/problems/host-error.ts';
import { warningsOf } from '../config/warnings.ts';
import type { EventJournal } from '../events/journal.ts';
import { Host } from '../host/host.ts';
import { hostAnswerer } from '../host/listings/api-routes.ts';
import { hostSamples } from '../host/listings/metrics.ts';
import { HostOverview } from '../host/listings/overview.ts';
import { statusOf } from '../host/listings/status.ts';
import { hostProblems, unready } from '../host/listings/verdict.ts';
import { portSetups, tapRequestOf } from '../host/ports/port-setup.ts';
import { type LeftTables, openLeftTables, tablesProblem, writeTotals } from '../host/takeover/left-tables.ts';
import { PreparedDatapath, removePrepared } from '../host/thread/prepared-datapath.ts';
import { MetricsEndpoint } from '../metrics/endpoint.ts';
import type { Samples } from '../metrics/samples.ts';
import { roomyHeap, steadyHeap } from '../native/heap.ts';
import { Page } from '../page/page.ts';
import type { MadeThings } from '../run-dir/made-things.ts';
import type { RunDir, RunDirLock } from '../run-dir/run-dir.ts';
import { UndoStack } from '../run-dir/undo-stack.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';
import { fileDifference, reloadEvent } from './changes/file-difference.ts';
import { localActor } from './changes/local-actor.ts';
import { checkedConfiguration } from './checked-configuration.ts';
import { type Control, startControl } from './group-authority.ts';
import { httpListener } from './http-listener.ts';
import { eventJournal, loadForReload, reportAll, type StartPatience } from './process-start.ts';
import { Predecessor, takeRunDir } from './succession/taking-over.ts';

export interface ProcessOptions extends StartPatience {
  readonly configPath: string;
  /** Content of that file, if already checked. */
  readonly configuration?: Configuration;
  readonly runDir: RunDir;
  readonly log: Logger;
  /** Replaces a running process, which hands over; otherwise a running process is an error. */
  readonly replace: boolean;
  /** Replaces it even if its flows are in tables that this version cannot read. */
  readonly loseFlows?: boolean;
  /** A stop was requested over the API. */
  onDownRequest(): void;
  /** The datapath has ended or hangs, and the process must end. */
  onDeath(reason: string): void;
}

export class HostProcess {
  readonly host: Host;
  readonly events: EventJournal;
  private readonly options: ProcessOptions;
  private control: Control;
  /** The control side runs: not while the process gives way to its successor. */
  private isControlled = true;
  private readonly state: MadeThings;
  private readonly lock: RunDirLock;
  private readonly startedMs = systemRuntime.monotonicMs();
  private metrics: MetricsEndpoint;
  private api: Server | undefined;
  private http: Server | undefined;
  private page: Page | undefined;

  /**
   * Resolves when traffic can flow and the API answers. Rejects with ConfigError, AlreadyRunning or the Error
   * of the failed step, after everything has been undone.
   */
  static async start(options: ProcessOptions): Promise<HostProcess> {
    const { runDir, log } = options;
    roomyHeap();
    const configuration =
      options.configuration ?? checkedConfiguration(options.configPath, 'this machine', runDir);
    const undo = new UndoStack();
    try {
      const { tablesFile, numbersFile } = runDir;
      if (options.replace) refuseLoss(runDir, options.loseFlows);
      const predecessor = options.replace ? Predecessor.of(runDir) : undefined;
      undo.push('end the succession', () => predecessor?.release());
      let prepared = await prepare(configuration, options, predecessor);
      undo.push('stop the prepared datapath', () => prepared?.discard());
      const events = hostEvents(configuration, options);
      undo.push('close the events', () => events.stop());
      // A predecessor's datapath forwards until this process has its groups.
      await predecessor?.endControl();
      const early = predecessor && (await beginControl(configuration, options, events, undo));
      const { lock, state } = await takeRunDir(options, undo, predecessor);
      const leftTables = openLeftTablesIfUsable(runDir, log);
      const hasPredecessor = clearLeftovers(state, configuration, log);
      undo.push('clear up', () => reportAll(state.clear(), log));
      if (hasDefaultStore(configuration)) state.addDirectory(runDir.storeDir);
      const control = early ?? (await beginControl(configuration, options, events, undo));
      const { onDeath } = options;
      state.addDirectory(runDir.eventsDir);
      if (hasPredecessor)
        events.emit({
          type: 'process.took-over',
          subject: configuration.host,
          reason: leftTables?.totals === undefined ? 'the previous process was killed' : 'it was handed over',
          line: 'taking over from the previous process',
        });
      const withGroups = { ...configuration, groups: control.initialGroups };
      const atHand = prepared;
      prepared = undefined;
      const host = await Host.start({
        runtime: systemRuntime,
        prepared: atHand,
        configuration: withGroups,
        tablesFile,
        numbersFile,
        leftTables,
        state,
        controllersClockMs: control.controllersClockMs,
        log,
        events,
        onDeath,
      });
      undo.push('stop the host', () => host.stop('end'));
      const started = new HostProcess(options, host, control, events, state, lock);
      await started.listen(configuration);
      started.warn();
      steadyHeap();
      return started;
    } catch (error) {
      reportAll(await undo.run(), log);
      throw error;
    }
  }

  private constructor(
    options: ProcessOptions,
    host: Host,
    control: Control,
    events: EventJournal,
    state: MadeThings,
    lock: RunDirLock,
  ) {
    this.options = options;
    this.host = host;
    this.control = control;
    this.events = events;
    this.metrics = this.metricsEndpoint();
    this.state = state;
    this.lock = lock;
  }

  /** e.g. `sluice h1: 8 ports, 4 groups, engine uring, pid 4711` */
  get summary(): string {
    const { host, ports, groups } = this.host.configuration;
    const count = (list: readonly unknown[], noun: string) =>
      `${list.length} ${noun}${list.length === 1 ? '' : 's'}`;
    const { engine } = this.host.thread;
    return `sluice ${host}: ${count(ports, 'port')}, ${count(groups, 'group')}, engine ${engine}, pid ${process.pid}`;
  }

  /** Applies a changed configuration. On failure nothing changes, and the HostError lists every problem. */
  async reload(path: string, by?: string): Promise<Changed> {
    this.control.certificates.reread();
    roomyHeap();
    try {
      const file = loadForReload(path);
      const differences = fileDifference(this.control.inForce, file, this.control.groupsAfter(file));
      const changed = await this.control.reload(file, by);
      this.events.emit(reloadEvent(path, by, changed, differences));
      this.warn();
      return changed;
    } finally {
      steadyHeap();
    }
  }

  /** Logs settings that are valid but probably not intended. */
  warn(): void {
    for (const warning of warningsOf(this.host.configuration, systemRuntime.wallMs()))
      this.options.log.warn(warning);
  }

  /** Stops everything, removes all created objects and frees the run directory. */
  async stop(): Promise<void> {
    try {
      await this.end('end');
    } finally {
      this.clear();
    }
  }

  /** Ends everything but the datapath, which forwards with the groups in force. */
  giveWay(): Promise<void> {
    return this.endControl('handOver');
  }

  /** After `giveWay`, if no successor has taken over. */
  async resume(): Promise<void> {
    const { host, options } = this;
    const { base } = host.publisher.inForce!;
    this.control = await beginControl(base, options, this.events, new UndoStack());
    this.metrics = this.metricsEndpoint();
    this.isControlled = true;
    await this.listen(base);
  }

  /** Ends and leaves VMs, their interfaces and flows to the next process. */
  async handOver(): Promise<void> {
    try {
      await this.end('handOver');
      this.leaveTotals();
    } finally {
      this.lock.release();
    }
  }

  private leaveTotals(): void {
    const { totalsFile } = this.options.runDir;
    try {
      this.state.addFile(totalsFile);
      writeTotals(totalsFile, this.host.collector.carried);
    } catch (error) {
      this.options.log.warn(`statistics restart with the next process: ${messageOf(error)}`);
    }
  }

  private async end(how: 'end' | 'handOver'): Promise<void> {
    await this.endControl(how);
    await this.host.stop(how);
    this.events.stop();
  }

  private async endControl(how: 'end' | 'handOver'): Promise<void> {
    if (!this.isControlled) return;
    this.isControlled = false;
    this.metrics.stop();
    this.events.endFollowing();
    this.host.captures.endAll();
    this.page?.close();
    for (const server of [this.http, this.api])
      if (server !== undefined) await stopApiServer(server, systemRuntime);
    this.http = this.api = undefined;
    await this.control.stop(how);
  }

  private metricsEndpoint(): MetricsEndpoint {
    return new MetricsEndpoint('host', this.control.certificates, (samples) => this.addSamples(samples));
  }

  /** Removes everything that outlives the process: the last resort when the host cannot be stopped. */
  clear(): void {
    const { runDir, log } = this.options;
    reportAll(this.state.clear(), log);
    this.lock.release();
    runDir.removeIfEmpty();
  }

  private async listen({ listen }: Configuration): Promise<void> {
    const { runDir, log } = this.options;
    const answerHost = hostAnswerer({
      host: this.host,
      status: () => this.status(),
      events: (query) => answerEvents(this.events, query, systemRuntime.wallMs()),
      originOf: (group) => this.control.originOf(group),
      upcomingOf: (group) => this.control.upcomingOf(group),
      healthOf: (group, member) => this.control.healthOf(group, member),
      metrics: (accept) => this.metrics.answer(accept),
      unready: () => unready(this.host, this.control.status),
      reload: (path, by) => this.reload(path, by),
      diff: (path) => fileDifference(this.control.inForce, loadForReload(path)),
      plan: (path) => {
        const file = loadForReload(path);
        return fileDifference(this.control.inForce, file, this.control.groupsAfter(file));
      },
      down: () => this.options.onDownRequest(),
    });
    await this.control.attach(this.host, answerHost);
    this.state.addFile(runDir.apiSocket);
    const answer = (request: ApiRequest): unknown => this.control.answer(request);
    this.api = await startApiServer(runDir.apiSocket, answer, log, systemRuntime, localActor);
    if (listen?.http === undefined) return;
    const { tls, fleetOverview } = this.control;
    const ofHost = new HostOverview(this.host);
    const source = { isFleet: fleetOverview !== undefined, overview: fleetOverview ?? (() => ofHost.read()) };
    const page = new Page(answer, source, systemRuntime, (error) => log.error({ err: error }, 'page'));
    this.page = page;
    const http = await startReadOnlyServer(
      httpListener(listen.http, tls?.current),
      page.around(answer),
      log,
      systemRuntime,
    );
    tls?.onChange((material) => useTls(http, material));
    this.http = http;
  }

  private addSamples(samples: Samples): void {
    const { host, control } = this;
    samples.add('sluice_well', this.problems().length === 0 ? 1 : 0);
    hostSamples(samples, host, control.status, systemRuntime.wallMs());
    control.addSamples(samples);
  }

  /** Problems of the host and of an embedded controller, which may report the same. */
  private problems(): Verdict['problems'] {
    const { host, control } = this;
    const found = [
      ...hostProblems(host, control.status, systemRuntime.wallMs()),
      ...control.problems,
      ...certificateProblems(control.certificates.warnings),
    ];
    return [...new Map(found.map((one) => [one.problem, one])).values()];
  }

  private status(): Status {
    const { startedAt } = this.lock;
    const uptimeMs = systemRuntime.monotonicMs() - this.startedMs;
    const { certificates, status } = this.control;
    const ofHost = statusOf(this.host, { startedAt, uptimeMs }, status, this.problems());
    return { ...ofHost, warnings: [...ofHost.warnings, ...certificates.warnings] };
  }
}

/** Prepares everything of the datapath that can be created while the running process still forwards. */
async function prepare(
  configuration: Configuration,
  { runDir, log, onDeath }: ProcessOptions,
  predecessor: Predecessor | undefined,
): Promise<PreparedDatapath | undefined> {
  removePrepared(runDir.tablesFile);
  if (predecessor === undefined) return undefined;
  try {
    return await PreparedDatapath.make(configuration, runDir.tablesFile, onDeath);
  } catch (error) {
    log.info(`the next datapath is created after the previous one has ended: ${messageOf(error)}`);
    return undefined;
  }
}

/** Throws before the running process is asked to hand over, if its flows would be lost. */
function refuseLoss(runDir: RunDir, loseFlows = false): void {
  if (loseFlows || runDir.running() === undefined) return;
  const problem = tablesProblem(runDir);
  if (problem === undefined) return;
  throw new Error(
    `all flows and their statistics would be lost: ${problem}; the running process continues (--lose-flows: replace it nevertheless)`,
  );
}

/** Starts the agent's side of remote controllers, or the embedded controller with its store. */
async function beginControl(
  configuration: Configuration,
  options: ProcessOptions,
  events: EventJournal,
  undo: UndoStack,
): Promise<Control> {
  const { log, runDir } = options;
  const audit = new AuditTrail(events, configuration.host);
  const { rulesFile } = runDir;
  const defaultStore = defaultStoreIn(runDir);
  const control = await startControl({
    configuration,
    defaultStore,
    rulesFile,
    events,
    audit,
    log,
    patience: options,
  });
  undo.push('stop the controller', () => control.stop('end'));
  return control;
}

/** It survives a killed process but is removed by `down`; `store` in the configuration is permanent. */
const defaultStoreIn = ({ storeDir }: RunDir): StoreConfig => ({ kind: 'file', dir: storeDir });

const hasDefaultStore = ({ store, controllers }: Configuration): boolean =>
  store === undefined && controllers === undefined;

function hostEvents(configuration: Configuration, { runDir, log }: ProcessOptions): EventJournal {
  const { controllers, store = defaultStoreIn(runDir) } = configuration;
  return eventJournal(configuration, controllers === undefined ? store : undefined, runDir, log);
}

/**
 * Removes what the previous process left, except namespaces and TAPs that the configuration contains
 * unchanged; whether there was such a process.
 */
function clearLeftovers(state: MadeThings, configuration: Configuration, log: Logger): boolean {
  if (state.isEmpty) return false;
  state.removeFiles();
  const wanted = [...portSetups(configuration).values()].map(tapRequestOf);
  reportAll(state.removeLeftovers(wanted), log);
  return true;
}

function openLeftTablesIfUsable(runDir: RunDir, log: Logger): LeftTables | undefined {
  try {
    return openLeftTables(runDir);
  } catch (error) {
    log.warn(`the flows of the previous process are not taken over: ${messageOf(error)}`);
    return undefined;
  }
}
