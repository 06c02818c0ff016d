/** Start and reload steps that host and controller processes share. */
import type { Logger } from 'pino';
import { HostError } from '../config/model/host-error.ts';
import type { Configuration } from '../config/model/model.ts';
import { ConfigError } from '../config/model/problems.ts';
import { MadeThings, type TapCopies } from '../run-dir/made-things.ts';
import { endProcess, HAND_OVER_SIGNAL } from '../run-dir/process-identity.ts';
import type { RunDir, RunDirLock } from '../run-dir/run-dir.ts';
import type { UndoStack } from '../run-dir/undo-stack.ts';
import { checkedConfiguration } from './checked-configuration.ts';

/** A process abandons its stop after 10 s. */
const HAND_OVER_TIMEOUT_MS = 15_000;

/**
 * Rejects with AlreadyRunning if a process runs there, unless `replace` is set. `state`: the things that the
 * previous process left behind, when it was killed or handed over.
 */
export async function takeRunDir(
  { runDir, log, replace }: { runDir: RunDir; log: Logger; replace: boolean },
  undo: UndoStack,
): Promise<{ lock: RunDirLock; state: MadeThings }> {
  runDir.create();
  undo.push('remove the run directory', () => runDir.removeIfEmpty());
  const copies = replace ? await requestHandOver(runDir) : undefined;
  const lock = await runDir.acquire();
  undo.push('release the run directory', () => lock.release());
  return { lock, state: MadeThings.load(runDir, copies, (text) => log.warn(text)) };
}

/** Waits until the running process, if any, has ended; returns duplicates of its device descriptors. */
async function requestHandOver(runDir: RunDir): Promise<TapCopies | undefined> {
  const running = runDir.running();
  if (running === undefined) return undefined;
  const copies = MadeThings.load(runDir).copyTaps(running.pid);
  if (await endProcess(running, HAND_OVER_SIGNAL, HAND_OVER_TIMEOUT_MS)) return copies;
  throw new Error(
    `pid ${running.pid}, which runs here, did not hand over within ${HAND_OVER_TIMEOUT_MS / 1000} s`,
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
