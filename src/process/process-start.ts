/** What a process of a host and one of a controller share: how they begin, and how they take up a changed file. */
import type { Logger } from 'pino';
import { HostError } from '../config/model/host-error.ts';
import type { Configuration } from '../config/model/model.ts';
import { ConfigError } from '../config/model/problems.ts';
import { MadeThings, type TapCopies } from '../run-dir/made-things.ts';
import { endProcess, HAND_OVER_SIGNAL } from '../run-dir/process-identity.ts';
import type { RunDir, RunDirLock } from '../run-dir/run-dir.ts';
import type { UndoStack } from '../run-dir/undo-stack.ts';
import { checkedConfiguration } from './checked-configuration.ts';

/** A host gives itself 10 s. */
const HAND_OVER_TIMEOUT_MS = 15_000;

/**
 * Rejects with AlreadyRunning, unless the process that runs there is to be replaced. `state`: what the last process
 * here has left, if it was killed or has left.
 */
export async function takeRunDir(
  runDir: RunDir,
  undo: UndoStack,
  replace: boolean,
): Promise<{ lock: RunDirLock; state: MadeThings }> {
  runDir.create();
  undo.push('remove the run directory', () => runDir.removeIfEmpty());
  const copies = replace ? await askToLeave(runDir) : undefined;
  const lock = await runDir.acquire();
  undo.push('release the run directory', () => lock.release());
  return { lock, state: MadeThings.load(runDir, copies) };
}

/** Waits until the process that runs here, if there is one, has left; answers copies of its devices. */
async function askToLeave(runDir: RunDir): Promise<TapCopies | undefined> {
  const running = runDir.running();
  if (running === undefined) return undefined;
  const copies = MadeThings.load(runDir).copyTaps(running.pid);
  if (await endProcess(running, HAND_OVER_SIGNAL, HAND_OVER_TIMEOUT_MS)) return copies;
  throw new Error(
    `pid ${running.pid}, which runs here, has not left within ${HAND_OVER_TIMEOUT_MS / 1000} s`,
  );
}

/** Throws HostError with every problem of the file. */
export function loadForReload(path: string): Configuration {
  try {
    return checkedConfiguration(path, 'offline');
  } catch (error) {
    if (error instanceof ConfigError) throw new HostError(400, `${path} cannot be used`, error.problems);
    throw error;
  }
}

export function reportAll(problems: readonly string[], log: Logger): void {
  for (const problem of problems) log.error(problem);
}
