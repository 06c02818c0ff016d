/**
 * The functions of the process and replay rooms that the CLI calls directly instead of through the API. They are loaded
 * when needed, because they load the native library and the datapath. Each resolves with the exit code.
 */
import type { CaptureOptions, StartCapture } from '../capture/capture.ts';
import type { UpOptions } from '../process/up.ts';
import type { ReplayOptions } from '../replay/replay.ts';

export const hostUp = async (options: UpOptions): Promise<number> =>
  (await import('../process/up.ts')).up(options);

export const hostController = async (options: UpOptions): Promise<number> =>
  (await import('../process/controller-up.ts')).controllerUp(options);

export const hostDown = async (options: { runDir: string }): Promise<number> =>
  (await import('../process/down.ts')).down(options);

export const hostCapture = async (options: CaptureOptions, start: StartCapture): Promise<number> =>
  (await import('../capture/capture.ts')).capture(options, start);

export const hostReplay = async (options: ReplayOptions): Promise<number> =>
  (await import('../replay/replay.ts')).replay(options);

/** A frame of a capture in hexadecimal; errors as those of `nthFrame`. */
export const nthFrameOf = async (path: string, number: number): Promise<string> =>
  Buffer.from((await import('../replay/nth-frame.ts')).nthFrame(path, number)).toString('hex');
