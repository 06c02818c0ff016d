/** Descriptors of other processes (pidfd_getfd(2), Linux 5.6); needs the right to trace them, as root has it. */
import * as native from '../bindings.ts';
import { closeDescriptor } from '../libc.ts';
import { checked } from '../system-error.ts';

/**
 * Calls back with a function that copies descriptors of a process: what the copy stands for stays open when the process
 * ends. It throws SystemError: EBADF, the process has no such descriptor; EPERM; ESRCH, it has ended; ENOSYS.
 */
export function withDescriptorsOf<Result>(
  pid: number,
  use: (copy: (fd: number) => number) => Result,
): Result {
  const pidfd = checked(`pidfd_open of ${pid}`, native.pidfdOpen(pid));
  try {
    return use((fd) => checked(`pidfd_getfd of ${pid}, ${fd}`, native.pidfdGetfd(pidfd, fd)));
  } finally {
    closeDescriptor(pidfd);
  }
}
