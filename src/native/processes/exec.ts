/** Going on as another program (execve(2)). */
import * as native from '../bindings.ts';
import { checked, lastErrno, SystemError } from '../system-error.ts';

const F_SETFD = 2;
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Runs the program at `path` in place of this one, under the same process number, with the same environment and the same
 * standard streams. `argv` begins with the program's name. Ends all threads. Throws SystemError, and changes nothing,
 * where the program cannot be run.
 */
export function replaceProcess(path: string, argv: readonly string[]): never {
  // Node has marked all its descriptors close-on-exec, these too.
  for (const fd of STANDARD_STREAMS) checked(`F_SETFD of descriptor ${fd}`, native.fcntl(fd, F_SETFD, 0));
  native.execv(path, [...argv, null]);
  throw new SystemError(`execv ${path}`, lastErrno());
}
