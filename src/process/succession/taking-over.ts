/** How a process comes into a run directory, also one in which another process runs (run-dir/succession.ts). */
import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import { MadeThings, type TapCopies } from '../../run-dir/made-things.ts';
import { HAND_OVER_SIGNAL, isRunning } from '../../run-dir/process-identity.ts';
import { AlreadyRunning, type RunDir, type RunDirLock, type RunningProcess } from '../../run-dir/run-dir.ts';
import { becomeSuccessor, hasAnnounced } from '../../run-dir/succession.ts';
import type { UndoStack } from '../../run-dir/undo-stack.ts';
import { sleep } from '../../runtime/runtime.ts';
import { systemRuntime } from '../../runtime/system-runtime.ts';

/** A process abandons each part of its end after 10 s. */
const HAND_OVER_TIMEOUT_MS = 15_000;
/** VMs have no network while the predecessor's datapath has ended. */
const HAND_OVER_POLL_MS = 1;
/** A predecessor releases the lock shortly after it has removed its file. */
const LOCK_ATTEMPTS = 500;

/** The running process that this one replaces. */
export class Predecessor {
  private readonly runDir: RunDir;
  private readonly running: RunningProcess;
  private endSuccession: (() => void) | undefined;

  /** The running process of the directory; undefined: there is none. Throws AlreadyRunning if it is being replaced. */
  static of(runDir: RunDir): Predecessor | undefined {
    const running = runDir.running();
    return running && new Predecessor(runDir, running, becomeSuccessor(runDir));
  }

  private constructor(runDir: RunDir, running: RunningProcess, endSuccession: () => void) {
    this.runDir = runDir;
    this.running = running;
    this.endSuccession = endSuccession;
  }

  /** It runs on unless it has left. */
  release(): void {
    this.endSuccession?.();
    this.endSuccession = undefined;
  }

  /** Resolves when it has released its store, and its datapath still forwards; one of an earlier version has left. */
  async endControl(): Promise<void> {
    await this.signal(() => hasAnnounced(this.runDir, this.running));
  }

  /** Resolves when it has left; returns duplicates of its device descriptors. */
  async leave(): Promise<TapCopies> {
    const copies = MadeThings.load(this.runDir).copyTaps(this.running.pid);
    if (!this.hasLeft) await this.signal(() => false);
    return copies;
  }

  /** Leaving the run directory is its last action. */
  private get hasLeft(): boolean {
    return !isRunning(this.running) || !existsSync(this.runDir.lockFile);
  }

  private async signal(isDone: () => boolean): Promise<void> {
    const { pid } = this.running;
    const giveUpAt = systemRuntime.monotonicMs() + HAND_OVER_TIMEOUT_MS;
    process.kill(pid, HAND_OVER_SIGNAL);
    while (!this.hasLeft && !isDone()) {
      if (systemRuntime.monotonicMs() > giveUpAt)
        throw new Error(
          `pid ${pid}, which runs here, did not hand over within ${HAND_OVER_TIMEOUT_MS / 1000} s`,
        );
      await sleep(systemRuntime, HAND_OVER_POLL_MS);
    }
  }
}

/**
 * Rejects with AlreadyRunning if a process runs there that is not the given predecessor. `state`: the things that the
 * previous process left behind, when it was killed or handed over.
 */
export async function takeRunDir(
  { runDir, log }: { runDir: RunDir; log: Logger },
  undo: UndoStack,
  predecessor?: Predecessor,
): Promise<{ lock: RunDirLock; state: MadeThings }> {
  runDir.create();
  undo.push('remove the run directory', () => runDir.removeIfEmpty());
  const copies = await predecessor?.leave();
  const lock = await acquireFrom(runDir, predecessor !== undefined);
  undo.push('release the run directory', () => lock.release());
  predecessor?.release();
  return { lock, state: MadeThings.load(runDir, copies, (text) => log.warn(text)) };
}

async function acquireFrom(runDir: RunDir, hasPredecessor: boolean): Promise<RunDirLock> {
  for (let attempts = hasPredecessor ? LOCK_ATTEMPTS : 0; ; attempts--) {
    try {
      return await runDir.acquire();
    } catch (error) {
      if (attempts === 0 || !(error instanceof AlreadyRunning)) throw error;
      await sleep(systemRuntime, HAND_OVER_POLL_MS);
    }
  }
}
