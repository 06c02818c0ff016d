/**
 * One process of the product: a run directory, what was made for it, the host, and its API.
 *
 * Theory of operation. `start` takes the run directory first and makes everything else after that, each step with
 * its way back; if one fails, what was made is removed in reverse order. What a process that was killed, or told
 * to leave, has left behind is found in state.json: namespaces and TAPs that the configuration wants again are taken over
 * as they are, with the processes in them, and so are the flows (takeover); the rest is removed.
 */
import type { Server } from 'node:http';
import type { Logger } from 'pino';
import { startApiServer, stopApiServer } from '../api/server.ts';
import type { Status } from '../api/shapes.ts';
import { messageOf } from '../config/model/host-error.ts';
import type { Configuration, StoreConfig } from '../config/model/model.ts';
import { warningsOf } from '../config/warnings.ts';
import { Host } from '../host/host.ts';
import { hostAnswerer } from '../host/listings/api-routes.ts';
import { statusOf } from '../host/listings/status.ts';
import { portSetups, tapRequestOf } from '../host/ports/port-setup.ts';
import { type LeftTables, openLeftTables } from '../host/takeover/left-tables.ts';
import type { MadeThings } from '../run-dir/made-things.ts';
import type { RunDir, RunDirLock } from '../run-dir/run-dir.ts';
import { UndoStack } from '../run-dir/undo-stack.ts';
import { checkedConfiguration } from './checked-configuration.ts';
import { type Control, startControl } from './group-authority.ts';
import { loadForReload, reportAll, takeRunDir } from './process-start.ts';

export interface ProcessOptions {
  readonly configPath: string;
  readonly runDir: RunDir;
  readonly log: Logger;
  /** One that runs here already is asked to leave; else that is an error. */
  readonly replace: boolean;
  /** Somebody asked over the API for the process to stop. */
  onDownRequest(): void;
  /** The datapath has ended or hangs: the process is of no more use. */
  onDeath(reason: string): void;
}

export class HostProcess {
  readonly host: Host;
  private readonly options: ProcessOptions;
  private readonly control: Control;
  private readonly state: MadeThings;
  private readonly lock: RunDirLock;
  private api: Server | undefined;

  /**
   * Resolves when traffic can flow and the API answers. Rejects with ConfigError, AlreadyRunning or the Error of
   * the step that failed, and then has left nothing behind.
   */
  static async start(options: ProcessOptions): Promise<HostProcess> {
    const { runDir, log } = options;
    const configuration = checkedConfiguration(options.configPath, 'this machine');
    const undo = new UndoStack();
    try {
      const { lock, state } = await takeRunDir(runDir, undo, options.replace);
      const leftTables = openLeftTablesIfUsable(runDir, log);
      clearLeftovers(state, configuration, log);
      undo.push('clear up', () => reportAll(state.clear(), log));
      const { onDeath } = options;
      const { tablesFile, numbersFile, rulesFile } = runDir;
      const defaultStore = ownStore(configuration, runDir, state);
      const control = await startControl({ configuration, defaultStore, rulesFile, log });
      undo.push('stop the controller', () => control.stop());
      const withGroups = { ...configuration, groups: control.initialGroups };
      const host = await Host.start({
        configuration: withGroups,
        tablesFile,
        numbersFile,
        leftTables,
        state,
        log,
        onDeath,
      });
      undo.push('stop the host', () => host.stop('end'));
      const started = new HostProcess(options, host, control, state, lock);
      await started.listen();
      started.warn();
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
    state: MadeThings,
    lock: RunDirLock,
  ) {
    this.options = options;
    this.host = host;
    this.control = control;
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

  /** Takes up a changed configuration; HostError with every problem if it cannot, and nothing has changed. */
  async reload(path: string): Promise<number> {
    const revision = await this.control.reload(loadForReload(path));
    this.options.log.info(`reloaded ${path}: revision ${revision}`);
    this.warn();
    return revision;
  }

  /** Logs what the configuration hardly means. */
  warn(): void {
    for (const warning of warningsOf(this.host.configuration, Date.now())) this.options.log.warn(warning);
  }

  /** Ends everything and removes all that was made; the run directory is free afterwards. */
  async stop(): Promise<void> {
    try {
      await this.end('end');
    } finally {
      this.clear();
    }
  }

  /** Ends, and leaves VMs, their interfaces and flows to the next process here. */
  async handOver(): Promise<void> {
    try {
      await this.end('handOver');
    } finally {
      this.lock.release();
    }
  }

  private async end(how: 'end' | 'handOver'): Promise<void> {
    if (this.api !== undefined) await stopApiServer(this.api);
    await this.control.stop();
    await this.host.stop(how);
  }

  /** Removes what outlives the process: the last resort when the host itself can no longer be stopped. */
  clear(): void {
    const { runDir, log } = this.options;
    reportAll(this.state.clear(), log);
    this.lock.release();
    runDir.removeIfEmpty();
  }

  private async listen(): Promise<void> {
    const { runDir, log } = this.options;
    const answerHost = hostAnswerer({
      host: this.host,
      status: () => this.status(),
      reload: async (path) => ({ revision: await this.reload(path) }),
      down: () => this.options.onDownRequest(),
    });
    await this.control.attach(this.host, answerHost);
    this.state.addFile(runDir.apiSocket);
    this.api = await startApiServer(runDir.apiSocket, (request) => this.control.answer(request), log);
  }

  private status(): Status {
    return statusOf(this.host, this.lock.startedAt, this.control.status);
  }
}

/** State that outlives a killed process, not the process: that is what `store` in the configuration is for. */
function ownStore(configuration: Configuration, runDir: RunDir, state: MadeThings): StoreConfig {
  if (configuration.store === undefined && configuration.controllers === undefined) {
    state.addDirectory(runDir.storeDir);
  }
  return { kind: 'file', dir: runDir.storeDir };
}

/** What the last process has left: kept are only namespaces and TAPs that are wanted again as they are. */
function clearLeftovers(state: MadeThings, configuration: Configuration, log: Logger): void {
  if (state.isEmpty) return;
  log.info('taking over from the previous process');
  state.removeFiles();
  const wanted = [...portSetups(configuration).values()].map(tapRequestOf);
  reportAll(state.removeLeftovers(wanted), log);
}

function openLeftTablesIfUsable(runDir: RunDir, log: Logger): LeftTables | undefined {
  try {
    return openLeftTables(runDir);
  } catch (error) {
    log.warn(`the flows of the previous process are not taken over: ${messageOf(error)}`);
    return undefined;
  }
}
