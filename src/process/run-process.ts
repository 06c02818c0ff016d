/**
 * A Sluice process from start to end: signals, the log, exit codes.
 *
 * SIGTERM, SIGINT and the API's `down` stop it; SIGHUP reloads its configuration file, reads certificates again and
 * reopens the log file. SIGUSR2 (`up --replace`) makes it hand over to the next process (run-dir/succession.ts): it
 * ends and leaves its devices, namespaces and tables. After a bug (an uncaught exception, a dead datapath) it exits at once and leaves
 * them too, as a kill would: VMs keep their interfaces, and the next `up` continues their flows.
 */

import type { Changed } from '../api/shapes.ts';
import { VERSION } from '../api/version.ts';
import type { Configuration } from '../config/model/model.ts';
import { messageOf } from '../config/problems/host-error.ts';
import { ConfigError } from '../config/problems/problems.ts';
import type { NewEvent } from '../events/event.ts';
import type { EventJournal } from '../events/journal.ts';
import { releaseFreeMemory } from '../native/memory.ts';
import { forbidNewPrivileges, keepCapabilities } from '../native/processes/privileges.ts';
import { HAND_OVER_SIGNAL } from '../run-dir/process-identity.ts';
import { RunDir } from '../run-dir/run-dir.ts';
import { announceHandover, successorOf, withdrawHandover } from '../run-dir/succession.ts';
import { HostProcess, type ProcessOptions } from './host-process.ts';
import { createLog, type ProcessLog } from './log.ts';
import { HOST_CAPABILITIES } from './privileges/host-capabilities.ts';
import type { StartPatience } from './process-start.ts';
import { type Order, Orders } from './succession/orders.ts';

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
const EXIT_WRONG_CONFIGURATION = 2;

/** Exit code for an error that prevented the start. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigError ? EXIT_WRONG_CONFIGURATION : EXIT_FAILED;

/**
 * Threads that compile, collect garbage or write files leave free blocks of some MB in their malloc arenas.
 */
const RELEASE_MEMORY_INTERVAL_MS = 15_000;

/** A stop that takes longer is abandoned, and the process exits. */
const STOP_TIMEOUT_MS = 10_000;
/** What outlives the end of everything is abandoned. */
const LINGER_MS = 500;
/** How soon a process notices that its successor has failed. */
const SUCCESSOR_POLL_MS = 100;

export interface RunOptions extends Pick<StartPatience, 'onWaiting' | 'storeTimeoutMs'> {
  readonly configPath: string;
  /** Content of that file, if already checked. */
  readonly configuration?: Configuration;
  readonly runDir: string;
  /** Replace the process that runs in this run directory. */
  readonly replace: boolean;
  /** Replace it even if its flows are lost. */
  readonly loseFlows?: boolean;
  /** Traffic can flow, or agents can attach; `summary` is the line for the user. */
  onReady(summary: string): void;
}

/** The program of a process: a host or a controller. */
export interface SluiceProcess {
  /** The line for the user. */
  readonly summary: string;
  /** Applies the changed configuration file. */
  reload(path: string, by?: string): Promise<Changed>;
  readonly events: EventJournal;
  stop(): Promise<void>;
  /** Ends everything that does not forward, for a successor; absent: the process forwards nothing. */
  giveWay?(): Promise<void>;
  /** Starts again what `giveWay` has ended. */
  resume?(): Promise<void>;
  /** Ends and leaves everything that outlives the process to the next one. */
  handOver(): Promise<void>;
  /** Removes everything that outlives the process, when `stop` did not complete. */
  clear(): void;
}

export function runHostProcess(options: RunOptions): Promise<number> {
  forbidNewPrivileges();
  keepCapabilities(HOST_CAPABILITIES);
  return runProcess(options, (processOptions) => HostProcess.start(processOptions));
}

/** Runs until a stop is requested; resolves with the exit code. Rejects if the start failed. */
export async function runProcess(
  options: RunOptions,
  start: (options: ProcessOptions) => Promise<SluiceProcess>,
): Promise<number> {
  const runDir = new RunDir(options.runDir);
  const log = createLog(runDir.logFile);
  const orders = new Orders();
  const stop = (exitCode: number): void => orders.give({ kind: 'stop', exitCode });
  // Signals received during start-up are handled when it completes; only the wait for etcd ends at once.
  const ending = new AbortController();
  let reload = (): void => {};
  /** Reason of a stop. */
  let why = '';
  let isRunning = false;
  /** Until the process has started, the log says what happens. */
  let report = ({ line, level = 'info' }: Omit<NewEvent, 'subject'>): void => {
    if (line !== undefined) log[level](line);
  };
  /** During the start the error ends it, and the completed steps are undone. */
  const fail = (): void => {
    if (!isRunning) return stop(EXIT_FAILED);
    log.fatal(
      'all state is left for the next process: `sluice up` continues with it, `sluice down` removes it',
    );
    process.exit(EXIT_FAILED);
  };
  const signals = new Signals({
    stop: (signal) => {
      why = signal;
      ending.abort();
      stop(EXIT_OK);
    },
    handOver: () => orders.give({ kind: 'handOver' }),
    reload: () => {
      log.reopen();
      reload();
    },
  });
  const processOptions: ProcessOptions = {
    configPath: options.configPath,
    configuration: options.configuration,
    runDir,
    replace: options.replace,
    loseFlows: options.loseFlows,
    onWaiting: options.onWaiting,
    storeTimeoutMs: options.storeTimeoutMs,
    ended: ending.signal,
    log,
    onDownRequest: () => {
      why = 'asked for';
      setImmediate(() => stop(EXIT_OK));
    },
    onDeath: (reason) => {
      const line = `the datapath has ended, and the host with it: ${reason}`;
      report({ type: 'process.failed', reason, line, level: 'fatal' });
      fail();
    },
  };
  const onBug = (error: unknown): void => {
    // The line has the stack as well.
    log.fatal({ err: error }, 'the process has failed');
    report({ type: 'process.failed', reason: messageOf(error) });
    fail();
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  const memory = setInterval(releaseFreeMemory, RELEASE_MEMORY_INTERVAL_MS);
  try {
    const started = await start(processOptions);
    reload = () => {
      const subject = options.configPath;
      started.reload(subject, 'SIGHUP').then(
        ({ revision }) =>
          started.events.audit({ type: 'audit.reload', subject, actor: 'SIGHUP', details: { revision } }),
        (error) => log.error(`reload: ${messageOf(error)}`),
      );
    };
    isRunning = true;
    const subject = started.events.host;
    const tell = (event: Omit<NewEvent, 'subject'>): void => started.events.emit({ ...event, subject });
    report = tell;
    tell({ type: 'process.started', details: { version: VERSION, pid: process.pid }, line: started.summary });
    options.onReady(started.summary);
    const order = await lastOrder(orders, started, runDir, log);
    isRunning = false;
    tell(
      order.kind === 'stop'
        ? { type: 'process.stopping', reason: why, line: 'stopping' }
        : { type: 'process.handing-over', line: 'handing over to the next process' },
    );
    await endWithin(started, order.kind, log);
    return order.kind === 'stop' ? order.exitCode : EXIT_OK;
  } finally {
    clearInterval(memory);
    log.sumUp();
    signals.release();
    process.off('uncaughtException', onBug);
    process.off('unhandledRejection', onBug);
    // Reached only if something still keeps the process, such as a connection attempt to a machine that is gone.
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

/** The order after which the process ends. A successor may fail before that, and the process runs on. */
async function lastOrder(
  orders: Orders,
  started: SluiceProcess,
  runDir: RunDir,
  log: ProcessLog,
): Promise<Exclude<Order, { kind: 'resume' }>> {
  for (;;) {
    const order = await orders.next();
    const successor = order.kind === 'handOver' ? successorOf(runDir) : undefined;
    if (successor === undefined || started.giveWay === undefined) {
      if (order.kind !== 'resume') return order;
      continue;
    }
    log.info(`pid ${successor.pid} replaces this process, which forwards until it takes over`);
    await endWithin(started, 'giveWay', log);
    announceHandover(runDir);
    const watch = setInterval(() => {
      if (successorOf(runDir)?.pid !== successor.pid) orders.give({ kind: 'resume' });
    }, SUCCESSOR_POLL_MS);
    const next = await orders.next();
    clearInterval(watch);
    if (next.kind !== 'resume') return next;
    withdrawHandover(runDir);
    await started.resume!();
    log.warn(`pid ${successor.pid} has ended before it took over: this process runs on`);
  }
}

const IN_WORDS = { stop: 'stop', giveWay: 'give way to the next one', handOver: 'hand over' };

async function endWithin(
  started: SluiceProcess,
  how: 'stop' | 'giveWay' | 'handOver',
  log: ProcessLog,
): Promise<void> {
  const giveUp = setTimeout(() => {
    log.fatal(`the process did not ${IN_WORDS[how]} within ${STOP_TIMEOUT_MS} ms`);
    if (how === 'stop') started.clear();
    process.exit(EXIT_FAILED);
  }, STOP_TIMEOUT_MS);
  try {
    await started[how]?.();
  } finally {
    clearTimeout(giveUp);
  }
}

class Signals {
  private readonly handlers: readonly (readonly [NodeJS.Signals, () => void])[];

  constructor({
    stop,
    handOver,
    reload,
  }: {
    stop: (signal: string) => void;
    handOver: () => void;
    reload: () => void;
  }) {
    this.handlers = [
      ['SIGTERM', () => stop('SIGTERM')],
      ['SIGINT', () => stop('SIGINT')],
      ['SIGHUP', reload],
      [HAND_OVER_SIGNAL, handOver],
    ];
    for (const [signal, handler] of this.handlers) process.on(signal, handler);
  }

  release(): void {
    for (const [signal, handler] of this.handlers) process.off(signal, handler);
  }
}
