/** What an instance of a host and one of a controller share: how they begin, and how they take up a changed file. */
import type { Logger } from 'pino';
import { loadConfiguration } from '../config/load.ts';
import type { Configuration } from '../config/model.ts';
import { ConfigError } from '../config/problems.ts';
import { HostError } from './host-error.ts';
import { InstanceState } from './instance-state.ts';
import type { RunDir, RunDirLock } from './run-dir.ts';
import type { UndoStack } from './undo-stack.ts';

/** Rejects with AlreadyRunning. `state`: what the last instance here has left, if it was killed. */
export async function takeRunDir(
  runDir: RunDir,
  undo: UndoStack,
): Promise<{ lock: RunDirLock; state: InstanceState }> {
  runDir.create();
  undo.push('remove the run directory', () => runDir.removeIfEmpty());
  const lock = await runDir.acquire();
  undo.push('release the run directory', () => lock.release());
  return { lock, state: InstanceState.load(runDir) };
}

/** Throws HostError with every problem of the file. */
export function loadForReload(path: string): Configuration {
  try {
    return loadConfiguration(path);
  } catch (error) {
    if (error instanceof ConfigError) throw new HostError(400, `${path} cannot be used`, error.problems);
    throw error;
  }
}

export function reportAll(problems: readonly string[], log: Logger): void {
  for (const problem of problems) log.error(problem);
}
