/**
 * Commands that tests run: to their end (`run`, `output`), or beside the test (`start`).
 *
 * Whatever still runs when the test's process ends is killed with it; `onEnd` adds further clean-up, run in
 * reverse order, synchronously, whether the process ends by itself, by an exception or by SIGTERM or SIGINT.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const COMMAND_TIMEOUT_MS = 60_000;

const cleanups = new Set<() => void>();

/** Registers clean-up for the end of the process; the returned function takes it back. */
export function onEnd(cleanup: () => void): () => void {
  cleanups.add(cleanup);
  return () => cleanups.delete(cleanup);
}

process.on('exit', () => {
  for (const cleanup of [...cleanups].reverse()) {
    try {
      cleanup();
    } catch (error) {
      console.error(`clean-up: ${String(error)}`);
    }
  }
});
process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => process.exit(130));

/** A command that runs beside the test. */
export class Background {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  /** Resolves with the exit status, null if a signal ended it. */
  readonly ended: Promise<number | null>;
  private readonly keepNoMore: () => void;

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {}); // it may end before it has read everything
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    this.child = child;
    this.keepNoMore = onEnd(() => child.kill('SIGKILL'));
    this.ended = once(child, 'close').then(([status]) => {
      this.keepNoMore();
      return status as number | null;
    });
    this.ended.catch(() => {}); // a command that is missing is told to whoever awaits it
  }

  /** Complete lines of stdout so far. */
  get lines(): string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

export function start(command: string, ...args: string[]): Background {
  return new Background(command, args);
}

/** Runs a command to its end; an exit status other than 0 is for the caller to judge. Throws after a minute. */
export async function run(command: string, ...args: string[]): Promise<Result> {
  const background = new Background(command, args);
  background.child.stdin!.end();
  const late = new AbortController();
  const timer = sleep(COMMAND_TIMEOUT_MS, 'late' as const, { signal: late.signal }).catch(
    () => 'late' as const,
  );
  const status = await Promise.race([background.ended, timer]);
  late.abort();
  if (status === 'late') {
    background.child.kill('SIGKILL');
    throw new Error(`${[command, ...args].join(' ')}: still running after ${COMMAND_TIMEOUT_MS / 1000} s`);
  }
  return { status, stdout: background.stdout, stderr: background.stderr };
}

/** Runs a command that must succeed; returns its stdout. */
export async function output(command: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(command, ...args);
  if (status !== 0) {
    throw new Error(`${[command, ...args].join(' ')}: exit status ${status}\n${stdout}${stderr}`);
  }
  return stdout;
}

/** Waits until `probe` returns something other than false, null or undefined; its exceptions count as not yet. */
export async function until<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 60_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown = 'nothing yet';
  for (;;) {
    try {
      const value = await probe();
      if (value !== false && value !== null && value !== undefined) {
        return value as NonNullable<Exclude<T, false>>;
      }
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}; last: ${String(last)}`);
    await sleep(25);
  }
}

export { sleep };
