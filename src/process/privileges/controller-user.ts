/**
 * The user that a controller runs as. A controller parses input of hosts and people and needs no privilege for that,
 * so root only reads the files of the configuration, and gives the controller its directories.
 *
 * Theory of operation. Root creates run directory and store directory if needed and gives them to the user, contents
 * included, if they are root's own (from before there was such a user). Then all threads switch to the user, without
 * capabilities, and system calls that a controller never makes are refused. Files read later must be readable by that
 * user: the configuration file for a reload.
 */
import { accessSync, constants, lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Logger } from 'pino';
import type { Configuration } from '../../config/model/model.ts';
import { becomeUser, forbidNewPrivileges, keepCapabilities } from '../../native/processes/privileges.ts';
import { filterSystemCalls } from '../../native/processes/system-call-filter.ts';
import { controllerUser, type User } from '../../native/processes/users.ts';
import { checkOwnDirectory } from '../../run-dir/own-files.ts';
import type { RunDir } from '../../run-dir/run-dir.ts';
import { AlreadyRunning } from '../../run-dir/run-dir.ts';

/** Root's part: reading files of any user, changing owners, switching to another user, ending a start of that user. */
export const CONTROLLER_START = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'SETGID',
  'SETPCAP',
  'SETUID',
] as const;

const RUN_DIR_FILES =
  /^(pid|lock|api\.sock|state\.json(\.new|\.empty)?|sluice\.log[\w.-]*|rules\.json|numbers\.json|tables|store|events|audit[\w-]*\.jsonl)$/;
const STORE_FILES = /^(log|snapshot|snapshot\.new|epoch|lock|events|audit[\w-]*\.jsonl)$/;
const EVENT_FILES = /^events[\w-]*\.jsonl$/;

/** Gives the directories to the controller's user; undefined: this process is not root, or stays root. */
export function prepareControllerUser(
  { user: name, store }: Configuration,
  runDir: RunDir,
): User | undefined {
  if (process.geteuid!() !== 0) return undefined;
  const user = controllerUser(name);
  if (user.uid === 0) return undefined;
  give(runDir, user);
  if (store?.kind === 'file') giveDirectory(store.dir, user, STORE_FILES);
  return user;
}

function give(runDir: RunDir, user: User): void {
  const found = lstatSync(runDir.path, { throwIfNoEntry: false });
  if (found?.uid === 0) {
    const running = runDir.running();
    if (running !== undefined) throw new AlreadyRunning(`already running: pid ${running.pid}, as root`);
  }
  giveDirectory(runDir.path, user, RUN_DIR_FILES);
}

/** A directory of another user is left unchanged: the controller refuses it after it has switched to its own user. */
function giveDirectory(path: string, user: User, known: RegExp): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (lstatSync(path).uid !== 0) return;
  checkOwnDirectory(path);
  const names = readdirSync(path);
  const strange = names.find((name) => !known.test(name));
  if (strange !== undefined)
    throw new Error(
      `${path}: found ${strange} in it, expected only files of a controller, to give them to ${user.name}`,
    );
  for (const name of names) {
    if (name === 'store') giveDirectory(join(path, name), user, STORE_FILES);
    else if (name === 'events') giveDirectory(join(path, name), user, EVENT_FILES);
    else lchownSync(join(path, name), user.uid, user.gid);
  }
  lchownSync(path, user.uid, user.gid);
}

/** Call after reading everything that only root may read. */
export function becomeControllerUser(configuration: Configuration, runDir: RunDir, log: Logger): void {
  const user = prepareControllerUser(configuration, runDir);
  forbidNewPrivileges();
  if (user !== undefined) {
    keepCapabilities(['SETGID', 'SETUID']);
    becomeUser(user);
    checkReach(runDir.path, user);
    if (configuration.store?.kind === 'file') checkReach(configuration.store.dir, user);
  }
  if (!filterSystemCalls()) log.warn(`system calls are not filtered on ${process.arch}`);
}

function checkReach(path: string, user: User): void {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch {
    throw new Error(
      `${path}: found no way to ${basename(path)} for ${user.name}, expected that each directory above it lets others pass (chmod o+x), or another one`,
    );
  }
}
