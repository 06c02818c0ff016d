/** `sluice controller`: runs a controller in this process or in a detached one. */
import { forbidNewPrivileges } from '../native/processes/privileges.ts';
import { ControllerProcess } from './controller-process.ts';
import { CONTROLLER_START, prepareControllerUser } from './privileges/controller-user.ts';
import { type RunOptions, runProcess } from './run-process.ts';
import { launch, type UpOptions } from './up.ts';

export function runControllerProcess(options: RunOptions): Promise<number> {
  forbidNewPrivileges();
  return runProcess(options, (processOptions) => ControllerProcess.start(processOptions));
}

/** Resolves with the exit code: 0 done, 1 failed, 2 wrong configuration. Errors go to stderr. */
export const controllerUp = (options: UpOptions): Promise<number> =>
  launch(
    {
      main: './controller-main.js',
      capabilities: CONTROLLER_START,
      run: runControllerProcess,
      prepare: prepareControllerUser,
    },
    options,
  );
