/**
 * Files and directories that a Sluice process believes: its own user's, and writable by nobody else. A directory that
 * another local user has made beforehand, or may write to, could make root run or remove what that user chooses.
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

/** Something that is not ours, in words. */
export class NotOurs extends Error {
  override readonly name = 'NotOurs';
}

/** Throws NotOurs unless this process's user owns it and nobody else may write to it. */
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

/** Makes the directory with mode 0700, its parents too; throws NotOurs if one of that name belongs to somebody else. */
export function makeOwnDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  checkOwnDirectory(path);
}

/** Throws NotOurs, or ENOENT. The last part of `path` may be a link if the link is ours, too. */
export function checkOwnDirectory(path: string): void {
  const link = lstatSync(path);
  // A link's mode says nothing.
  if (link.isSymbolicLink()) checkOwn(path, { ...link, mode: 0 } as Stats);
  const fd = openSync(path, O_RDONLY | constants.O_DIRECTORY);
  try {
    checkOwn(path, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}

/** Opens a regular file of ours, and no link. Throws NotOurs, or a system error. */
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

/** The text of a file of ours; undefined if there is none. Throws NotOurs, or a system error. */
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
