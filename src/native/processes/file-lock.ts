/** Locks on whole files, between processes. */
import { flock } from '../bindings.ts';
import { checked, EAGAIN, lastErrno } from '../system-error.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * Takes the file's exclusive lock (flock(2)); false if another open file has it. It lasts until the descriptor is
 * closed, which the kernel does however the process ends.
 */
export function tryLockFile(fd: number): boolean {
  const result = flock(fd, LOCK_EX | LOCK_NB);
  if (result < 0 && lastErrno() === EAGAIN) return false;
  checked(`flock of descriptor ${fd}`, result);
  return true;
}
