/** `sluice up`: starts a host, in this process or in one of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { resolve as absolutePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../config/model/host-error.ts';
import { ConfigError } from '../config/model/problems.ts';
import { replaceProcess } from '../native/processes/exec.ts';
import { RunDir } from '../run-dir/run-dir.ts';
import { checkedConfiguration } from './checked-configuration.ts';
import type { StartOutcome } from './host-messages.ts';
import { EXIT_FAILED, EXIT_OK, exitCodeOf, type RunOptions, runHostProcess } from './run-process.ts';

export interface UpOptions {
  readonly configPath: string;
  readonly runDir: string;
  /** Return when traffic can flow and leave the host running; else return when it has stopped. */
  readonly detach: boolean;
  /** Take the place of a host that runs there, flows and all. */
  readonly replace: boolean;
}

/** A log that has grown beyond this is set aside at the next start. */
const MAX_LOG_BYTES = 4 << 20;
/** What is shown of the log when the process ended without a word. */
const LOG_TAIL_LINES = 10;

/** What is to be started: in this process by `run`, in one of its own by the module `main`. */
export interface Program {
  readonly main: string;
  /** Options of node that the program's process must have. */
  readonly nodeOptions?: readonly string[];
  run(options: RunOptions): Promise<number>;
}

/**
 * A host has a live heap of some 15 MB and makes little garbage. By default V8 lets that pile up for minutes, until the
 * heap has grown by half, and resident memory says nothing. With these it collects twice a minute under load, some 10 ms
 * on the main thread each; the datapath's thread makes no garbage, and its compiled code is as fast (micro benchmark).
 * (The percentage is of the heap and of what it refers to, here the tables' 50 MB.) Of V8's threads that compile and
 * collect beside us one is enough; each of the usual four keeps some MB of its own.
 */
const STEADY_HEAP = ['--optimize-for-size', '--heap-growing-percent=3', '--v8-pool-size=1'];

/** Resolves with the exit code: 0, 1 failed, 2 wrong configuration; what went wrong stands on stderr. */
export const up = (options: UpOptions): Promise<number> =>
  launch({ main: './host-main.js', nodeOptions: STEADY_HEAP, run: runHostProcess }, options);

export async function launch(program: Program, given: UpOptions): Promise<number> {
  const options = {
    configPath: absolutePath(given.configPath),
    runDir: absolutePath(given.runDir),
    detach: given.detach,
    replace: given.replace,
  };
  try {
    if (options.detach) return await launchDetached(program, options);
    ensureNodeOptions(program.nodeOptions ?? []);
    return await program.run({ ...options, onReady: () => {} });
  } catch (error) {
    const message = messageOf(error);
    // A ConfigError's lines start with the file's name.
    process.stderr.write(error instanceof ConfigError ? `${message}\n` : `sluice: ${message}\n`);
    return exitCodeOf(error);
  }
}

/** Node takes its options only at its start: so this command is started anew with them, as the same process. */
function ensureNodeOptions(wanted: readonly string[]): void {
  const { argv0, argv, execArgv, execPath } = process;
  if (wanted.every((option) => execArgv.includes(option))) return;
  try {
    replaceProcess(execPath, [argv0, ...execArgv, ...wanted, ...argv.slice(1)]);
  } catch (error) {
    process.stderr.write(
      `sluice: runs without ${wanted.join(' ')}, and takes more memory: ${messageOf(error)}\n`,
    );
  }
}

async function launchDetached(program: Program, options: UpOptions): Promise<number> {
  // Before anything is made, so that a wrong file leaves no trace.
  checkedConfiguration(options.configPath, 'this machine');
  const runDir = new RunDir(options.runDir);
  runDir.create();
  const child = spawnDetached(program, options, runDir);
  const outcome = await startOutcome(child, runDir);
  if (child.connected) child.disconnect();
  child.unref();
  if (outcome.kind === 'ready') {
    process.stdout.write(`${outcome.summary}\n`);
    return EXIT_OK;
  }
  process.stderr.write(`sluice: ${outcome.message}\n`);
  return outcome.exitCode;
}

function spawnDetached(
  { main, nodeOptions = [] }: Program,
  { configPath, replace }: UpOptions,
  runDir: RunDir,
): ChildProcess {
  setLargeLogAside(runDir.logFile);
  const log = openSync(runDir.logFile, 'a', 0o600);
  try {
    const path = fileURLToPath(new URL(main, import.meta.url));
    return spawn(
      process.execPath,
      [...nodeOptions, path, configPath, runDir.path, ...(replace ? ['replace'] : [])],
      {
        // Not the directory of whoever typed the command: it may be unmounted or removed later.
        cwd: '/',
        detached: true,
        stdio: ['ignore', log, log, 'ipc'],
      },
    );
  } finally {
    closeSync(log);
  }
}

function setLargeLogAside(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
}

/** The first that the child says, or how it ended without a word. */
async function startOutcome(child: ChildProcess, runDir: RunDir): Promise<StartOutcome> {
  const outcome = await new Promise<StartOutcome | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => resolve(message as StartOutcome));
    child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : `signal ${signal}`));
  });
  child.removeAllListeners('exit');
  if (typeof outcome !== 'string') return outcome;
  const tail = readFileSync(runDir.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  const message = `the process ended with ${outcome}; the end of ${runDir.logFile}:\n${tail.join('\n')}`;
  return { kind: 'failed', exitCode: EXIT_FAILED, message };
}
