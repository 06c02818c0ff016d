/**
 * Identity of a process. The kernel reuses process ids; an id and a start time together are unique until the
 * machine restarts.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Makes a Sluice process end and leave its objects to the next one. */
export const HAND_OVER_SIGNAL = 'SIGUSR2';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after the machine's start: field 22 of /proc/PID/stat (proc(5)). */
  readonly startTicks: number;
}

/** Fields 3 and on of /proc/PID/stat, the state first; undefined if the process does not exist. */
function statFields(pid: number): string[] | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // Field 2, the command, is in parentheses and may itself contain blanks and parentheses.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** By a signal (SIGSTOP) or a debugger. */
export const isStopped = (pid: number): boolean => /^[Tt]$/.test(statFields(pid)?.[0] ?? '');

/** undefined if the process does not exist. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  if (fields === undefined) return undefined;
  // A zombie no longer runs.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, startTicks: Number(fields[19]) };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends a signal and waits for the end; false if the process still runs after `timeoutMs`. */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  timeoutMs: number,
): Promise<boolean> {
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  const giveUpAt = performance.now() + timeoutMs;
  while (isRunning(identity)) {
    if (performance.now() > giveUpAt) return false;
    await sleep(POLL_MS);
  }
  return true;
}
