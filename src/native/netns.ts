/** Network namespaces as ip-netns(8) names them: bind mounts under /run/netns. */
import { closeSync, existsSync, openSync } from 'node:fs';
import * as native from './bindings.ts';
import { checked } from './system-error.ts';

const CLONE_NEWNET = 0x40000000;
const NAMESPACE_DIRECTORY = '/run/netns';

/** Path of the namespace `name`; it must be a plain file name, as ip-netns(8) demands too. */
export function namespacePath(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.length > 255)
    throw new RangeError(`network namespace "${name}": expected a file name without "/"`);
  return `${NAMESPACE_DIRECTORY}/${name}`;
}

export const namespaceExists = (name: string): boolean => existsSync(namespacePath(name));

/**
 * Run `work` with this thread in the namespace at `path`, then return to the former one. setns(2) holds for the
 * calling thread only, so `work` must be synchronous. A socket that it opens belongs to that namespace for good.
 */
export function withNamespace<Result>(path: string, work: () => Result): Result {
  const former = openSync('/proc/thread-self/ns/net', 'r');
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
      checked('setns back', native.setns(former, CLONE_NEWNET));
    }
    if (result instanceof Promise)
      throw new TypeError(`withNamespace ${path}: the work is asynchronous and would run outside of it`);
    return result;
  } finally {
    closeSync(former);
  }
}
