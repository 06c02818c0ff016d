/**
 * The run directory of one Sluice process: its socket, its pid, and the list of things that it must remove.
 *
 *   pid          three lines: process id, start time in clock ticks, start time in ISO 8601
 *   state.json   objects that the process has created (made-things.ts)
 *   api.sock     the API, mode 0600
 *   tables       the tables, if the directory is on tmpfs
 *   numbers.json names of the numbers in the tables (host/takeover)
 *   totals.json  counters of a process that handed over
 *   sluice.log   the log of a detached process
 *   store/       a controller's state, if the configuration names no other place
 *   events/      what has happened (events/journal.ts), or else in the directory of its file store
 *   audit.jsonl  people's changes through this process, in the same place; kept when the process ends
 *   rules.json   the last rules of remote controllers, followed by later changes; kept when the process ends
 *   lock         held by the process that uses the directory
 *   successor, handover
 *                while a process is replaced (succession.ts)
 *
 * Theory of operation. The pid file names the running process. A killed process leaves it behind; such a file is
 * recognised because no process has that pid and start time. The file `lock` decides between two simultaneous `up`
 * (held-file.ts).
 *
 * Nothing in the directory is trusted before its owner and mode are checked (own-files.ts).
 */
import { createHash } from 'node:crypto';
import { closeSync, readdirSync, realpathSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { namingFile } from '../config/problems/file-error.ts';
import { isTmpfs } from '../native/memory.ts';
import { holdFile, releaseFile, removeUnlessHeld } from './held-file.ts';
import { lockHolder } from './lock-holder.ts';
import { checkOwnDirectory, makeOwnDirectory, readOwnFile } from './own-files.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

export interface RunningProcess extends ProcessIdentity {
  /** ISO 8601. */
  readonly startedAt: string;
}

/** Errors that leave the directory in place. */
const STAYS = ['ENOTEMPTY', 'ENOENT', 'EBUSY', 'EACCES', 'EPERM'];

export class AlreadyRunning extends Error {}

export class RunDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get pidFile(): string {
    return join(this.path, 'pid');
  }

  get lockFile(): string {
    return join(this.path, 'lock');
  }

  get successorFile(): string {
    return join(this.path, 'successor');
  }

  get handoverFile(): string {
    return join(this.path, 'handover');
  }

  get stateFile(): string {
    return join(this.path, 'state.json');
  }

  get apiSocket(): string {
    return join(this.path, 'api.sock');
  }

  get storeDir(): string {
    return join(this.path, 'store');
  }

  get rulesFile(): string {
    return join(this.path, 'rules.json');
  }

  get eventsDir(): string {
    return join(this.path, 'events');
  }

  get numbersFile(): string {
    return join(this.path, 'numbers.json');
  }

  get totalsFile(): string {
    return join(this.path, 'totals.json');
  }

  get logFile(): string {
    return join(this.path, 'sluice.log');
  }

  /**
   * The tables must be in RAM: in the directory itself or, if that is on a disk, in a separate directory in /dev/shm.
   */
  get tablesFile(): string {
    return join(isTmpfs(this.path) ? this.path : `/dev/shm/sluice-${this.key}`, 'tables');
  }

  /** Creates the directory with mode 0700. Throws NotOurs if another user owns it or may write to it. */
  create(): void {
    makeOwnDirectory(this.path);
  }

  /** Removes the directory if it is empty and this user may remove it, which a controller's user may not. */
  removeIfEmpty(): void {
    try {
      rmdirSync(this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!STAYS.includes(code!)) throw error;
    }
  }

  /** Removes the directory of a failed start, unless it contains objects for the next process. */
  removeFailedStart(): void {
    const own = [this.logFile, this.storeDir, this.eventsDir];
    const names = own.map((path) => basename(path));
    if (readdirSync(this.path).some((name) => !names.includes(name))) return;
    for (const path of own) rmSync(path, { recursive: true, force: true });
    this.removeIfEmpty();
  }

  /**
   * The running process of the directory; undefined: none. Throws NotOurs if another user owns the directory or its
   * pid file.
   */
  running(): RunningProcess | undefined {
    const lines = this.isThere() ? readOwnFile(this.pidFile)?.split('\n') : undefined;
    if (lines !== undefined) {
      const running = { pid: Number(lines[0]), startTicks: Number(lines[1]), startedAt: lines[2] ?? '' };
      if (isRunning(running)) return running;
    }
    // Its files may have been removed.
    const holder = lockHolder(join(this.realPath, 'lock'));
    const found = holder === undefined ? undefined : identityOf(holder);
    return found && { ...found, startedAt: '' };
  }

  /**
   * Takes the directory for this process, until it calls `release` or ends. Throws AlreadyRunning if another process
   * has it.
   */
  async acquire(): Promise<RunDirLock> {
    checkOwnDirectory(this.path);
    const lock = holdFile(this.lockFile);
    if (lock === undefined) {
      const running = this.running();
      if (running !== undefined && running.startedAt !== '') throw alreadyRunning(running);
      throw new AlreadyRunning(`already starting or stopping: another process uses ${this.path}`);
    }
    try {
      const running = this.running();
      if (running !== undefined) throw alreadyRunning(running);
      const startedAt = new Date().toISOString();
      const { pid, startTicks } = identityOf(process.pid)!;
      // What processes that were killed during a replacement have left.
      rmSync(this.handoverFile, { force: true });
      removeUnlessHeld(this.successorFile);
      rmSync(this.pidFile, { force: true });
      const text = `${pid}\n${startTicks}\n${startedAt}\n`;
      namingFile(this.pidFile, () => writeFileSync(this.pidFile, text, { mode: 0o600, flag: 'wx' }));
      return { startedAt, release: () => this.release(lock) };
    } catch (error) {
      closeSync(lock);
      throw error;
    }
  }

  private release(lock: number): void {
    rmSync(this.pidFile, { force: true });
    releaseFile(this.lockFile, lock);
  }

  /** Throws NotOurs. */
  private isThere(): boolean {
    try {
      checkOwnDirectory(this.path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }

  /** The file's name in the kernel. */
  private get realPath(): string {
    try {
      return realpathSync(this.path);
    } catch {
      return this.removedPath;
    }
  }

  private get removedPath(): string {
    try {
      return join(realpathSync(dirname(this.path)), basename(this.path));
    } catch {
      return this.path;
    }
  }

  /** Names the directory of the tables if it is a separate one. */
  private get key(): string {
    return createHash('sha256').update(this.realPath).digest('hex').slice(0, 16);
  }
}

export interface RunDirLock {
  /** ISO 8601. */
  readonly startedAt: string;
  /** Last action of a process: another one may start afterwards. */
  release(): void;
}

const alreadyRunning = ({ pid, startedAt }: RunningProcess): AlreadyRunning =>
  new AlreadyRunning(`already running: pid ${pid}${startedAt === '' ? '' : ` since ${startedAt}`}`);
