/** `sluice controller`: the process of a controller, here or in one of its own. */
import { ControllerProcess } from './controller-process.ts';
import { type RunOptions, runProcess } from './run-process.ts';
import { launch, type UpOptions } from './up.ts';

export const runControllerProcess = (options: RunOptions): Promise<number> =>
  runProcess(options, (processOptions) => ControllerProcess.start(processOptions));

/** Resolves with the exit code: 0, 1 failed, 2 wrong configuration; what went wrong stands on stderr. */
export const controllerUp = (options: UpOptions): Promise<number> =>
  launch({ main: './controller-main.js', run: runControllerProcess }, options);
