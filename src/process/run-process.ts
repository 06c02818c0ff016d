/**
 * A Sluice process from start to end: signals, the log, exit codes.
 *
 * SIGTERM, SIGINT and the API's `down` stop it; SIGHUP reloads the configuration file that it was started with. SIGUSR2 is
 * how the next process takes its place (`up --replace`): it ends and leaves what it has made.
 * Whatever else ends it (a bug on the main thread, a dead datapath) is logged, and what outlives a process
 * (namespaces, files) is removed all the same.
 */

import { messageOf } from '../config/model/host-error.ts';
import { ConfigError } from '../config/model/problems.ts';
import { releaseFreeMemory } from '../native/memory.ts';
import { HAND_OVER_SIGNAL } from '../run-dir/process-identity.ts';
import { RunDir } from '../run-dir/run-dir.ts';
import { HostProcess, type ProcessOptions } from './host-process.ts';
import { createLog } from './log.ts';

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
const EXIT_WRONG_CONFIGURATION = 2;

/** Of an error with which the process could not start. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof ConfigError ? EXIT_WRONG_CONFIGURATION : EXIT_FAILED;

/** Threads that compile, collect and write files leave holes of some MB in their arenas, never the same ones. */
const RELEASE_MEMORY_INTERVAL_MS = 15_000;

/** After this time a stop that does not come to its end is given up, and the process ends as it is. */
const STOP_TIMEOUT_MS = 10_000;

export interface RunOptions {
  readonly configPath: string;
  readonly runDir: string;
  /** Take the place of a process that runs there. */
  readonly replace: boolean;
  /** Traffic can flow, or agents can attach; `summary` is the line for the user. */
  onReady(summary: string): void;
}

/** What a process runs: a host, or a controller. */
export interface SluiceProcess {
  /** The line for the user. */
  readonly summary: string;
  /** Takes up the changed file. */
  reload(path: string): Promise<unknown>;
  stop(): Promise<void>;
  /** Ends as it is, for the next one to go on with. */
  handOver(): Promise<void>;
  /** Removes what outlives the process, when it could not stop. */
  clear(): void;
}

export const runHostProcess = (options: RunOptions): Promise<number> =>
  runProcess(options, (processOptions) => HostProcess.start(processOptions));

/** Runs a process until it is told to stop; resolves with the exit code. Rejects if it could not start. */
export async function runProcess(
  options: RunOptions,
  start: (options: ProcessOptions) => Promise<SluiceProcess>,
): Promise<number> {
  const log = createLog();
  let end: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  // A signal that comes during the start is heeded once that is through.
  let reload = (): void => {};
  let how: 'stop' | 'handOver' = 'stop';
  const handOver = (): void => {
    how = 'handOver';
    end(EXIT_OK);
  };
  const signals = new Signals({ stop: () => end(EXIT_OK), handOver, reload: () => reload() });
  const processOptions: ProcessOptions = {
    configPath: options.configPath,
    runDir: new RunDir(options.runDir),
    replace: options.replace,
    log,
    onDownRequest: () => setImmediate(() => end(EXIT_OK)),
    onDeath: (reason) => {
      log.fatal(`the datapath has ended, and the host with it: ${reason}`);
      end(EXIT_FAILED);
    },
  };
  const onBug = (error: unknown): void => {
    log.fatal({ err: error }, 'the host has failed');
    end(EXIT_FAILED);
  };
  process.on('uncaughtException', onBug);
  process.on('unhandledRejection', onBug);
  const memory = setInterval(releaseFreeMemory, RELEASE_MEMORY_INTERVAL_MS);
  try {
    const started = await start(processOptions);
    reload = () => {
      started.reload(options.configPath).catch((error) => log.error(`reload: ${messageOf(error)}`));
    };
    log.info(started.summary);
    options.onReady(started.summary);
    const code = await ended;
    log.info(how === 'stop' ? 'stopping' : 'handing over to the next process');
    await endWithin(started, how, STOP_TIMEOUT_MS);
    return code;
  } finally {
    clearInterval(memory);
    signals.release();
    process.off('uncaughtException', onBug);
    process.off('unhandledRejection', onBug);
  }
}

async function endWithin(started: SluiceProcess, how: 'stop' | 'handOver', timeoutMs: number): Promise<void> {
  const giveUp = setTimeout(() => {
    createLog().fatal(`the process did not ${how === 'stop' ? 'stop' : 'hand over'} within ${timeoutMs} ms`);
    if (how === 'stop') started.clear();
    process.exit(EXIT_FAILED);
  }, timeoutMs);
  try {
    await started[how]();
  } finally {
    clearTimeout(giveUp);
  }
}

class Signals {
  private readonly handlers: readonly (readonly [NodeJS.Signals, () => void])[];

  constructor({ stop, handOver, reload }: { stop: () => void; handOver: () => void; reload: () => void }) {
    this.handlers = [
      ['SIGTERM', stop],
      ['SIGINT', stop],
      ['SIGHUP', reload],
      [HAND_OVER_SIGNAL, handOver],
    ];
    for (const [signal, handler] of this.handlers) process.on(signal, handler);
  }

  release(): void {
    for (const [signal, handler] of this.handlers) process.off(signal, handler);
  }
}
