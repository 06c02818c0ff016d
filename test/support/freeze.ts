import { readdirSync, readFileSync } from 'node:fs';

const DEADLINE_MS = 10_000;
const pause = new Int32Array(new SharedArrayBuffer(4));

/** T of proc_pid_stat(5): stopped by a signal. The name before it may contain blanks and parentheses. */
function isStopped(stat: string): boolean {
  return stat[stat.lastIndexOf(')') + 2] === 'T';
}

function threadsRunning(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).filter((tid) => {
      try {
        return !isStopped(readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8'));
      } catch {
        return false; // it has ended meanwhile
      }
    }).length;
  } catch {
    return 0;
  }
}

/**
 * Stops the process (SIGSTOP) and returns when each of its threads stands still: kill(2) returns before, and on a busy
 * machine a process of several threads answers on for some milliseconds.
 */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const deadline = performance.now() + DEADLINE_MS;
  while (threadsRunning(pid) > 0) {
    if (performance.now() > deadline) {
      throw new Error(`process ${pid} has threads that run ${DEADLINE_MS} ms after SIGSTOP`);
    }
    Atomics.wait(pause, 0, 0, 1);
  }
}
