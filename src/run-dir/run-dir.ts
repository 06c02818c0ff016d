/**
 * The run directory of one Sluice process: its socket, its pid, and the list of things that it must remove.
 *
 *   pid          three lines: process id, start time in clock ticks, start time in ISO 8601
 *   state.json   what the process has made (made-things.ts)
 *   api.sock     the API, mode 0600
 *   tables       the tables, if the directory lies on tmpfs
 *   numbers.json what the numbers in the tables stand for (host/takeover)
 *   sluice.log   the log of a detached process
 *   store/       a controller's state, if the configuration names no other place
 *   rules.json   the last rules of remote controllers; it stays when the process ends
 *
 * Theory of operation. The pid file names the running process. A killed process leaves it behind; such a file
 * is recognised because no process has that pid and start time. A lock decides between two `up` at the same
 * moment: an abstract unix socket (unix(7)) named after the directory, which one process can hold and which
 * the kernel releases when that process ends in any way.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { isTmpfs } from '../native/memory.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

export interface RunningProcess extends ProcessIdentity {
  /** ISO 8601. */
  readonly startedAt: string;
}

export class AlreadyRunning extends Error {}

export class RunDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get pidFile(): string {
    return join(this.path, 'pid');
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

  get numbersFile(): string {
    return join(this.path, 'numbers.json');
  }

  get logFile(): string {
    return join(this.path, 'sluice.log');
  }

  /** The tables must lie in RAM: in the directory itself or, if that is on a disk, in /dev/shm. */
  get tablesFile(): string {
    return isTmpfs(this.path) ? join(this.path, 'tables') : `/dev/shm/sluice-${this.key}`;
  }

  /** Makes the directory with mode 0700; an existing one is used unchanged. */
  create(): void {
    if (mkdirSync(this.path, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(this.path, 0o700);
    if (!statSync(this.path).isDirectory()) throw new Error(`run directory: ${this.path} is no directory`);
  }

  /** Removes the directory if nothing is left in it. */
  removeIfEmpty(): void {
    try {
      rmdirSync(this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'ENOENT' && code !== 'EBUSY') throw error;
    }
  }

  /** The process that runs here now; undefined: none. */
  running(): RunningProcess | undefined {
    let lines: string[];
    try {
      lines = readFileSync(this.pidFile, 'utf8').split('\n');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const running = { pid: Number(lines[0]), startTicks: Number(lines[1]), startedAt: lines[2] ?? '' };
    return isRunning(running) ? running : undefined;
  }

  /**
   * Takes the directory for this process, which holds it until it calls `release` or ends. Throws
   * AlreadyRunning if another process has it.
   */
  async acquire(): Promise<RunDirLock> {
    const running = this.running();
    if (running !== undefined) throw alreadyRunning(running);
    const lock = createServer((connection) => connection.destroy());
    try {
      await listenAbstract(lock, `sluice-${this.key}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      const starting = this.running();
      if (starting !== undefined) throw alreadyRunning(starting);
      throw new AlreadyRunning(`already starting or stopping: another process uses ${this.path}`);
    }
    lock.unref();
    const startedAt = new Date().toISOString();
    const { pid, startTicks } = identityOf(process.pid)!;
    writeFileSync(this.pidFile, `${pid}\n${startTicks}\n${startedAt}\n`, { mode: 0o600 });
    return { startedAt, release: () => this.release(lock) };
  }

  private release(lock: Server): void {
    rmSync(this.pidFile, { force: true });
    lock.close();
  }

  /** Names the files and sockets of this directory that lie outside it. */
  private get key(): string {
    return createHash('sha256').update(realpathSync(this.path)).digest('hex').slice(0, 16);
  }
}

export interface RunDirLock {
  /** ISO 8601. */
  readonly startedAt: string;
  /** Last act of a process: another one may start afterwards. */
  release(): void;
}

const alreadyRunning = ({ pid, startedAt }: RunningProcess): AlreadyRunning =>
  new AlreadyRunning(`already running: pid ${pid} since ${startedAt}`);

const listenAbstract = (server: Server, name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path: `\0${name}` }, resolve);
  });
