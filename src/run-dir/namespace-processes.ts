/** The processes inside a network namespace, found by /proc: also those that nobody supervises any more. */
import { readdirSync, statSync } from 'node:fs';
import { namespacePath } from '../native/network/netns.ts';

/** A process may start another one while we look; none of ours does so forever. */
const MAX_ROUNDS = 50;

/** Ids of the processes whose network namespace is the one of this name; none if there is no such namespace. */
export function processesIn(netns: string): number[] {
  const there = statSync(namespacePath(netns), { throwIfNoEntry: false });
  if (there === undefined) return [];
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) => {
      try {
        // A zombie and a process that has just ended have no namespace any more.
        const own = statSync(`/proc/${pid}/ns/net`);
        return own.ino === there.ino && own.dev === there.dev;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Sends a signal to each of them, and to `starter`, which may still be on its way in. */
export function signalProcessesIn(netns: string, signal: NodeJS.Signals, starter: number): void {
  for (const pid of new Set([starter, ...processesIn(netns)])) sendSignal(pid, signal);
}

/** SIGKILL until nobody is left. Throws if this process is among them, or one cannot be killed. */
export function killProcessesIn(netns: string): void {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const pids = processesIn(netns);
    if (pids.length === 0) return;
    if (pids.includes(process.pid))
      throw new Error(`namespace ${netns}: found this process in it, expected only those of a VM`);
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    pause(2);
  }
  throw new Error(`namespace ${netns}: processes ${processesIn(netns).join(', ')} could not be killed`);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const nothing = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds; the thread does nothing meanwhile. */
const pause = (ms: number): void => {
  Atomics.wait(nothing, 0, 0, ms);
};
