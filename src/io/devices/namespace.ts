/** Namespaces by name, as ip-netns(8) keeps them. */
import { namespaceExists } from '../../native/network/netns.ts';
import { runIpBatch } from './ip-command.ts';

/** Creates the namespace with its loopback up, unless it exists; true if it was created. */
export function ensureNamespace(name: string): boolean {
  checkNamespaceName(name);
  if (namespaceExists(name)) return false;
  runIpBatch(`make network namespace ${name}`, [`netns add ${name}`]);
  try {
    runIpBatch(`bring up loopback of network namespace ${name}`, ['link set lo up'], name);
  } catch (error) {
    deleteNamespace(name);
    throw error;
  }
  return true;
}

/** Make namespaces, none of which exists, by one process. Their loopback is down. */
export function makeNamespaces(names: readonly string[]): void {
  for (const name of names) checkNamespaceName(name);
  runIpBatch(
    'make network namespaces',
    names.map((name) => `netns add ${name}`),
  );
}

/** The same as `deleteNamespace` for many, by one process. */
export function deleteNamespaces(names: readonly string[]): void {
  for (const name of names) checkNamespaceName(name);
  runIpBatch(
    'remove network namespaces',
    names.map((name) => `netns del ${name}`),
  );
}

/** Remove the namespace's name; its devices go with it once no process is inside. */
export function deleteNamespace(name: string): void {
  checkNamespaceName(name);
  runIpBatch(`remove network namespace ${name}`, [`netns del ${name}`]);
}

/** Throws unless `name` is one word that ip(8) takes as a namespace's name. */
export function checkNamespaceName(name: string): void {
  if (!/^[A-Za-z0-9_.][A-Za-z0-9_.@:+-]{0,127}$/.test(name) || name === '.' || name === '..')
    throw new RangeError(`network namespace "${name}": expected 1 to 128 letters, digits or "_.@:+-"`);
}
