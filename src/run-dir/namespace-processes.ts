/** Processes inside a network namespace, found through /proc, including orphans. */
import { readdirSync, statSync } from 'node:fs';
import { namespacePath } from '../native/network/netns.ts';

/** Processes may fork while the namespace is scanned, so it is scanned until empty. */
const MAX_ROUNDS = 50;

/** Ids of the processes in the network namespace of this name; none if the namespace does not exist. */
export function processesIn(netns: string): number[] {
  const there = statSync(namespacePath(netns), { throwIfNoEntry: false });
  if (there === undefined) return [];
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((pid) => {
      try {
        // A zombie, or a process that has just ended, has no namespace.
        const own = statSync(`/proc/${pid}/ns/net`);
        return own.ino === there.ino && own.dev === there.dev;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Sends a signal to each process inside and to `starter`, which may not have entered the namespace yet. */
export function signalProcessesIn(netns: string, signal: NodeJS.Signals, starter: number): void {
  for (const pid of new Set([starter, ...processesIn(netns)])) sendSignal(pid, signal);
}

/** Sends SIGKILL until no process is left. Throws if the calling process is inside, or a process survives. */
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

/** Blocks the thread. */
const pause = (ms: number): void => {
  Atomics.wait(nothing, 0, 0, ms);
};
