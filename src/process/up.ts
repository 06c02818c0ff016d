/** `sluice up`: starts a host in this process or in a detached one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, constants as fileConstants, renameSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve as absolutePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Configuration } from '../config/model/model.ts';
import { messageOf } from '../config/problems/host-error.ts';
import { ConfigError } from '../config/problems/problems.ts';
import { replaceProcess } from '../native/processes/exec.ts';
import {
  actingAs,
  type Capability,
  forbidNewPrivileges,
  keepCapabilities,
} from '../native/processes/privileges.ts';
import type { User } from '../native/processes/users.ts';
import { openOwnFile, readOwnFile } from '../run-dir/own-files.ts';
import { RunDir } from '../run-dir/run-dir.ts';
import { checkedConfiguration } from './checked-configuration.ts';
import type { StartOutcome, StartProgress } from './detached.ts';
import { HOST_CAPABILITIES } from './privileges/host-capabilities.ts';
import { EXIT_FAILED, EXIT_OK, exitCodeOf, type RunOptions, runHostProcess } from './run-process.ts';

export interface UpOptions {
  readonly configPath: string;
  readonly runDir: string;
  /** Return when traffic can flow and leave the host running; otherwise return when it has stopped. */
  readonly detach: boolean;
  /** Replace the running host and take over its flows. */
  readonly replace: boolean;
  /** Replace it even if its flows are lost. */
  readonly loseFlows?: boolean;
}

/** A larger log is rotated at the next start. */
const MAX_LOG_BYTES = 4 << 20;
/** A slower start reports what it waits for. */
const PROGRESS_MS = 1_000;
/** Lines of the log shown when the process ended without a report. */
const LOG_TAIL_LINES = 10;

/** A program: `run` starts it in this process, the module `main` in a detached one. */
export interface Program {
  readonly main: string;
  /** Node options that the process requires. */
  readonly nodeOptions?: readonly string[];
  /** Capabilities that root keeps for it. */
  readonly capabilities: readonly Capability[];
  /** Creates the run directory of a program that switches to another user, and returns that user. */
  prepare?(configuration: Configuration, runDir: RunDir): User | undefined;
  run(options: RunOptions): Promise<number>;
}

/**
 * A host has a live heap of some 15 MB with a small configuration, and little garbage (native/heap.ts); the
 * datapath's compiled code is as fast with these options (micro benchmark). One V8 worker thread for compilation and
 * collection is enough; each of the default four keeps some MB of its own.
 */
const STEADY_HEAP = ['--optimize-for-size', '--v8-pool-size=1'];

/** Resolves with the exit code: 0 done, 1 failed, 2 wrong configuration. Errors go to stderr. */
export const up = (options: UpOptions): Promise<number> =>
  launch(
    {
      main: './host-main.js',
      nodeOptions: STEADY_HEAP,
      capabilities: HOST_CAPABILITIES,
      run: runHostProcess,
    },
    options,
  );

export async function launch(program: Program, given: UpOptions): Promise<number> {
  const options = {
    configPath: absolutePath(given.configPath),
    runDir: absolutePath(given.runDir),
    detach: given.detach,
    replace: given.replace,
    loseFlows: given.loseFlows,
  };
  try {
    if (options.detach) return await launchDetached(program, options);
    ensureNodeOptions(program);
    return await program.run({ ...options, onReady: () => {} });
  } catch (error) {
    const message = messageOf(error);
    // A ConfigError's lines start with the file's name.
    process.stderr.write(error instanceof ConfigError ? `${message}\n` : `sluice: ${message}\n`);
    return exitCodeOf(error);
  }
}

/** Limits under which programs are started, so that they apply to all threads of their processes. */
function limit({ capabilities }: Program): void {
  forbidNewPrivileges();
  keepCapabilities(capabilities);
}

/** Node reads its options only at start, so the command replaces itself (execve) with the options added. */
function ensureNodeOptions(program: Program): void {
  const { nodeOptions: wanted = [] } = program;
  const { argv0, argv, execArgv, execPath } = process;
  if (wanted.every((option) => execArgv.includes(option))) return;
  limit(program);
  try {
    replaceProcess(execPath, [argv0, ...execArgv, ...wanted, ...argv.slice(1)]);
  } catch (error) {
    process.stderr.write(
      `sluice: running without ${wanted.join(' ')}, which takes more memory: ${messageOf(error)}\n`,
    );
  }
}

/** Works in the run directory with the rights of its owner, whose files are untrusted. */
type Owner = <Result>(work: () => Result) => Promise<Result>;

async function launchDetached(program: Program, options: UpOptions): Promise<number> {
  // Checked before anything is created, so that a wrong file leaves no trace.
  const runDir = new RunDir(options.runDir);
  const configuration = checkedConfiguration(options.configPath, 'this machine', runDir);
  const isNew = !existsSync(runDir.path);
  const user = program.prepare?.(configuration, runDir);
  const asItsOwner: Owner = async (work) => (user === undefined ? work() : actingAs(user, work));
  await asItsOwner(() => runDir.create());
  const log = await asItsOwner(() => openLog(runDir.logFile));
  limit(program);
  const child = spawnDetached(program, options, runDir, log);
  const started = startOutcome(child, runDir, asItsOwner);
  // Reading and checking a large file twice would take seconds. A child that has ended reports the reason by its
  // result.
  child.send(configuration, () => {});
  const outcome = await started;
  if (child.connected) child.disconnect();
  child.unref();
  if (outcome.kind === 'ready') {
    process.stdout.write(`${outcome.summary}\n`);
    return EXIT_OK;
  }
  if (isNew && existsSync(runDir.path)) runDir.removeFailedStart();
  process.stderr.write(`sluice: ${outcome.message}\n`);
  return outcome.exitCode;
}

function spawnDetached(
  { main, nodeOptions = [] }: Program,
  { configPath, replace, loseFlows }: UpOptions,
  { path: runDir }: RunDir,
  log: number,
): ChildProcess {
  try {
    const path = fileURLToPath(new URL(main, import.meta.url));
    return spawn(
      process.execPath,
      [
        ...nodeOptions,
        path,
        configPath,
        runDir,
        ...(replace ? ['replace'] : []),
        ...(loseFlows ? ['lose-flows'] : []),
      ],
      {
        // The caller's directory may be unmounted or removed later.
        cwd: '/',
        detached: true,
        stdio: ['ignore', log, log, 'ipc'],
        serialization: 'advanced',
      },
    );
  } finally {
    closeSync(log);
  }
}

function openLog(path: string): number {
  setLargeLogAside(path);
  return openOwnFile(path, fileConstants.O_WRONLY | fileConstants.O_APPEND | fileConstants.O_CREAT);
}

function setLargeLogAside(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MAX_LOG_BYTES) renameSync(path, `${path}.1`);
}

/** The child's report, or how it ended without one. */
async function startOutcome(child: ChildProcess, runDir: RunDir, asItsOwner: Owner): Promise<StartOutcome> {
  let what = 'the process to start';
  let isLong = false;
  const say = (): void => {
    process.stderr.write(`sluice: waiting for ${what} (log: ${runDir.logFile})\n`);
  };
  const progress = setTimeout(() => {
    isLong = true;
    say();
  }, PROGRESS_MS);
  let interruptedBy: NodeJS.Signals | undefined;
  // A user who stops waiting does not want a process that starts later.
  const giveUp = (signal: NodeJS.Signals): void => {
    interruptedBy = signal;
    child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, giveUp);
  const outcome = await new Promise<StartOutcome | string>((resolve, reject) => {
    child.once('error', reject);
    child.on('message', (message) => {
      const { kind } = message as StartOutcome | StartProgress;
      if (kind !== 'waiting') return resolve(message as StartOutcome);
      what = (message as StartProgress).what;
      if (isLong) say();
    });
    child.once('exit', (code, signal) => resolve(signal === null ? `code ${code}` : `signal ${signal}`));
  });
  clearTimeout(progress);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, giveUp);
  child.removeAllListeners('exit');
  if (interruptedBy !== undefined) {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return { kind: 'failed', exitCode: 128 + constants.signals[interruptedBy], message: 'interrupted' };
  }
  if (typeof outcome !== 'string') return outcome;
  const text = await asItsOwner(() => readOwnFile(runDir.logFile) ?? '');
  const tail = text.trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  const message = `the process ended with ${outcome}; the end of ${runDir.logFile}:\n${tail.join('\n')}`;
  return { kind: 'failed', exitCode: EXIT_FAILED, message };
}
