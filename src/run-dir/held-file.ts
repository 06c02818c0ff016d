/**
 * A file that one process at a time holds: an exclusive flock(2), which the kernel releases when the process ends in any
 * way. Its holder removes the file before it releases the lock; a process that has opened the removed file finds another
 * file, or none, under the name, and retries.
 */
import { closeSync, constants, fstatSync, rmSync, statSync } from 'node:fs';
import { tryLockFile } from '../native/processes/file-lock.ts';
import { openOwnFile } from './own-files.ts';

/** The descriptor of the file, now held; undefined: another process, or another part of this one, holds it. */
export function holdFile(path: string): number | undefined {
  for (;;) {
    const fd = openOwnFile(path, constants.O_RDWR | constants.O_CREAT);
    if (!tryLockFile(fd)) {
      closeSync(fd);
      return undefined;
    }
    if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) return fd;
    closeSync(fd);
  }
}

/** Removes the file, and lets it go. */
export function releaseFile(path: string, fd: number): void {
  rmSync(path, { force: true });
  closeSync(fd);
}

/** Removes the file unless a process holds it. */
export function removeUnlessHeld(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const fd = holdFile(path);
  if (fd !== undefined) releaseFile(path, fd);
}
