/**
 * What the CLI calls in the process and replay rooms directly instead of over the API. Loaded when needed: they
 * bring the native library and the datapath, which the other commands don't pay for. All answer with the exit code.
 */
import type { UpOptions } from '../process/up.ts';
import type { ReplayOptions } from '../replay/replay.ts';

export const hostUp = async (options: UpOptions): Promise<number> =>
  (await import('../process/up.ts')).up(options);

export const hostController = async (options: UpOptions): Promise<number> =>
  (await import('../process/controller-up.ts')).controllerUp(options);

export const hostDown = async (options: { runDir: string }): Promise<number> =>
  (await import('../process/down.ts')).down(options);

export const hostReplay = async (options: ReplayOptions): Promise<number> =>
  (await import('../replay/replay.ts')).replay(options);
