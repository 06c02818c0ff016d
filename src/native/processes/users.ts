/** Local users, from /etc/passwd, and those that Sluice's processes without privileges run as. */
import { readFileSync } from 'node:fs';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Ids that no other user has on a Linux machine (60001 to 61183 are reserved as unused), and that need no entry in
 * /etc/passwd. Two of them, so that a server that compromises a prober gains no access to a controller.
 */
const CONTROLLER_ID = 61_110;
const PROBER_ID = 61_111;
const DEFAULT_NAME = 'sluice';

export const PROBER_USER: User = { name: `user ${PROBER_ID}`, uid: PROBER_ID, gid: PROBER_ID };

/** passwd(5): name, password, user id, group id, … */
export function findUser(name: string): User | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid) };
}

/**
 * The user of `sluice controller`: the one that the configuration names, `sluice` if there is such a user, or else an id
 * of its own. Throws if the named one does not exist.
 */
export function controllerUser(name: string | undefined): User {
  if (name === undefined)
    return (
      findUser(DEFAULT_NAME) ?? { name: `user ${CONTROLLER_ID}`, uid: CONTROLLER_ID, gid: CONTROLLER_ID }
    );
  const user = findUser(name);
  if (user === undefined) throw new Error(`user: found ${name}, expected a user in /etc/passwd`);
  return user;
}
