/**
 * Files and directories that a Sluice process trusts: owned by its user, and writable by no other. A directory that
 * another local user has created beforehand, or can write to, could make root execute or remove what that user
 * chooses.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  type Stats,
} from 'node:fs';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const WRITABLE_BY_OTHERS = 0o022;

/** An object that belongs to another user, in words. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Throws NotOurs unless this process's user owns it and no other user may write to it. */
export function checkOwn(path: string, { uid, mode }: Stats): void {
  const own = process.geteuid!();
  if (uid !== own)
    throw new NotOurs(
      `${path}: found user ${uid} as its owner, expected ${own}: remove it, or choose another --run-dir`,
    );
  if ((mode & WRITABLE_BY_OTHERS) !== 0)
    throw new NotOurs(
      `${path}: found mode ${(mode & 0o7777).toString(8).padStart(4, '0')}, expected one without write access for group and others`,
    );
}

/**
 * Creates the directory with mode 0700, and its parents; throws NotOurs if one of that name belongs to another user.
 */
export function makeOwnDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  checkOwnDirectory(path);
}

/** Throws NotOurs, or ENOENT. The last part of `path` may be a link if this user owns the link, too. */
export function checkOwnDirectory(path: string): void {
  const link = lstatSync(path);
  // A link's mode has no meaning.
  if (link.isSymbolicLink()) checkOwn(path, { ...link, mode: 0 } as Stats);
  const fd = openSync(path, O_RDONLY | constants.O_DIRECTORY);
  try {
    checkOwn(path, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}

/** Opens a regular file of this user, not a link. Throws NotOurs, or a system error. */
export function openOwnFile(path: string, flags: number, mode = 0o600): number {
  const fd = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, mode);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new NotOurs(`${path}: expected a regular file`);
    checkOwn(path, status);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The text of a file of this user; undefined if it does not exist. Throws NotOurs, or a system error. */
export function readOwnFile(path: string): string | undefined {
  let fd: number;
  try {
    fd = openOwnFile(path, O_RDONLY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw new NotOurs(`${path}: found a symbolic link, expected a regular file`);
    throw error;
  }
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
