/** Network namespaces as ip-netns(8) names them: bind mounts under /run/netns. */
import { closeSync, openSync, statfsSync, statSync } from 'node:fs';
import * as native from '../bindings.ts';
import { checked } from '../system-error.ts';

const CLONE_NEWNET = 0x40000000;
/** File system type of namespace files, linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;
const NAMESPACE_DIRECTORY = '/run/netns';

/** Path of the namespace `name`; it must be a plain file name, as ip-netns(8) demands too. */
export function namespacePath(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.length > 255)
    throw new RangeError(`network namespace "${name}": expected a file name without "/"`);
  return `${NAMESPACE_DIRECTORY}/${name}`;
}

/**
 * Whether the namespace exists. Throws an Error when something else has its name: an empty file is what remains of
 * a namespace whose mount went away.
 */
export function namespaceExists(name: string): boolean {
  const path = namespacePath(name);
  let kind: number;
  try {
    kind = statfsSync(path).type;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  if (kind !== NSFS_MAGIC)
    throw new Error(
      `${path} is no network namespace; if it is a left-over, "ip netns del ${name}" removes it`,
    );
  return true;
}

/**
 * Number and birth of the namespace of this name; undefined if there is none. The number alone is given to the next
 * one when a namespace ends; the inode's change time is when the name was bound to it, and nothing changes it later.
 */
export function namespaceIdentity(name: string): string | undefined {
  const status = statSync(namespacePath(name), { bigint: true, throwIfNoEntry: false });
  return status === undefined ? undefined : `${status.ino} ${status.ctimeNs}`;
}

/**
 * Run `work` with this thread in the namespace at `path`, then return to the previous one. setns(2) holds for the
 * calling thread only, so `work` must be synchronous. A socket that it opens belongs to that namespace for good.
 */
export function withNamespace<Result>(path: string, work: () => Result): Result {
  const previous = openSync('/proc/thread-self/ns/net', 'r');
  try {
    const there = openSync(path, 'r');
    try {
      checked(`setns to ${path}`, native.setns(there, CLONE_NEWNET));
    } finally {
      closeSync(there);
    }
    let result: Result;
    try {
      result = work();
    } finally {
      checked('setns back', native.setns(previous, CLONE_NEWNET));
    }
    if (result instanceof Promise)
      throw new TypeError(`withNamespace ${path}: the work is asynchronous and would run outside of it`);
    return result;
  } finally {
    closeSync(previous);
  }
}
