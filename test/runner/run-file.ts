/**
 * Runs one compiled test file in its own process and judges it.
 *
 * uvu exits 0 in cases where tests did not run (summary.ts), and has no timeouts; so a file is good only if
 * its process ended by itself in time with status 0, its one summary says that all of at least one test
 * passed, and nothing that it started still holds its output.
 *
 * The child leads a process group of its own. When time is up the group gets SIGTERM, which lets the file's
 * support code remove namespaces, and after a grace period SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseSummary, problemOf } from './summary.ts';

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Null if good, else why not. */
  readonly problem: string | null;
  readonly output: string;
}

export interface Limits {
  readonly timeoutMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly termGraceMs?: number;
  /** From the end of the process to the end of its output. */
  readonly outputGraceMs?: number;
  /** In addition to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Behind the file's name. */
  readonly args?: readonly string[];
}

/** Characters kept of a file's output: its end, where summary and failures stand. */
const OUTPUT_LIMIT = 256 * 1024;

const running = new Set<ChildProcess>();

export async function runFile(compiled: string, limits: Limits): Promise<Verdict> {
  const started = performance.now();
  const child = spawn(process.execPath, [compiled, ...(limits.args ?? [])], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...plainOutput(process.env), ...limits.env },
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_LIMIT);
    });
  }
  const closed = once(child, 'close');
  const inTime = await endsWithin(child, limits.timeoutMs, limits.termGraceMs ?? 10_000);
  const isReleased = await Promise.race([
    closed.then(() => true),
    sleep(limits.outputGraceMs ?? 3_000, false),
  ]);
  signalGroup(child, 'SIGKILL');
  running.delete(child);
  child.stdout.destroy();
  child.stderr.destroy();

  const summary = parseSummary(output);
  const exit = child.signalCode ? `killed by ${child.signalCode}` : `exit status ${child.exitCode}`;
  let problem = problemOf(summary, exit);
  if (!inTime) problem = `still running after ${limits.timeoutMs / 1000} s`;
  else if (!isReleased && problem === null)
    problem = 'ended, but something that it started still holds its output';
  const { total, passed, skipped } =
    typeof summary === 'string' ? { total: 0, passed: 0, skipped: 0 } : summary;
  const failed = problem === null ? 0 : Math.max(1, total - passed);
  return { passed, failed, skipped, seconds: (performance.now() - started) / 1000, problem, output };
}

/** True if the process ended by itself; false if it had to be stopped. */
async function endsWithin(child: ChildProcess, timeoutMs: number, termGraceMs: number): Promise<boolean> {
  const exited = once(child, 'exit').then(() => true);
  const timer = new AbortController();
  const expired = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([exited, expired]);
  timer.abort();
  if (inTime) return true;
  signalGroup(child, 'SIGTERM');
  if (!(await Promise.race([exited, sleep(termGraceMs, false)]))) {
    signalGroup(child, 'SIGKILL');
    await exited;
  }
  return false;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // ESRCH: nobody is left in the group.
  }
}

/** For the runner's own end: asks every file that still runs to stop. */
export function stopAll(): void {
  for (const child of running) signalGroup(child, 'SIGTERM');
}

/** Without colour, or the summary could not be read. */
function plainOutput(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _, ...rest } = env;
  return { ...rest, NO_COLOR: '1' };
}
