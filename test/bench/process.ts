/**
 * Running tools in network namespaces, and reading what /proc says about processes.
 *
 * Every child is registered while it lives, so that `killChildren` can end all of them, and only them, whatever
 * happened. Children get no inherited descriptors but their own stdio: the lock of the run stays ours.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const children = new Set<ChildProcess>();

export interface RunOptions {
  /** Network namespace to run in; absent: the caller's. */
  namespace?: string;
  /** After so many milliseconds the tool is killed and the run fails. */
  timeoutMs?: number;
  input?: string;
  environment?: Record<string, string>;
}

function inNamespace(namespace: string | undefined, command: string, args: readonly string[]) {
  return namespace === undefined
    ? { file: command, argv: [...args] }
    : { file: 'ip', argv: ['netns', 'exec', namespace, command, ...args] };
}

/** Runs a tool to its end; resolves to its standard output, rejects with what it said when it failed. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { file, argv } = inNamespace(options.namespace, command, args);
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      argv,
      {
        timeout: options.timeoutMs ?? 20_000,
        killSignal: 'SIGKILL',
        maxBuffer: 64 << 20,
        env: { ...process.env, ...options.environment },
      },
      (error, stdout, stderr) => {
        children.delete(child);
        if (error === null) return resolve(stdout);
        const said = stderr.trim() || stdout.trim().slice(-600) || 'no output';
        const how = error.killed ? `killed after ${options.timeoutMs ?? 20_000} ms` : `exit ${error.code}`;
        reject(new Error(`${command} ${args.join(' ')}: ${how}: ${said}`));
      },
    );
    children.add(child);
    // A tool that ends without reading its input says so by its exit status, not by our broken pipe.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

/** A server or forwarder that runs until it is stopped; its output goes to a log file. */
export class Daemon {
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly what: string;
  private readonly logPath: string;

  constructor(
    command: string,
    args: readonly string[],
    logPath: string,
    options: Pick<RunOptions, 'namespace' | 'environment'> = {},
  ) {
    const { file, argv } = inNamespace(options.namespace, command, args);
    const log = openSync(logPath, 'w', 0o600);
    const spawnOptions: SpawnOptions = {
      stdio: ['ignore', log, log],
      env: { ...process.env, ...options.environment },
    };
    this.child = spawn(file, argv, spawnOptions);
    closeSync(log);
    this.what = `${command} ${args.join(' ')}`;
    this.logPath = logPath;
    if (this.child.pid === undefined) throw new Error(`${this.what}: cannot be started`);
    this.pid = this.child.pid;
    children.add(this.child);
    this.ended = new Promise((resolve) => {
      this.child.once('close', () => {
        children.delete(this.child);
        resolve();
      });
    });
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves when `ready` answers true; throws, with the log's end, when the daemon ends or takes too long. */
  async waitUntil(ready: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (!this.running) throw new Error(`${this.what}: ended at once: ${this.logTail()}`);
      if (ready()) return;
      if (performance.now() > deadline) {
        throw new Error(`${this.what}: not ready after ${timeoutMs} ms: ${this.logTail()}`);
      }
      await sleep(20);
    }
  }

  /** Resolves when the process is gone: SIGTERM first, SIGKILL after two seconds. */
  async stop(): Promise<void> {
    if (!this.running) return this.ended;
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 2_000);
    await this.ended;
    clearTimeout(timer);
  }

  logTail(): string {
    return readFileSync(this.logPath, 'utf8').trim().slice(-800) || 'its log is empty';
  }
}

/** Kills every child that still runs. Synchronous: usable in the last moment of the process. */
export function killChildren(): void {
  for (const child of children) {
    child.kill('SIGKILL');
  }
}

/** Sends a signal to processes of which some may have ended already. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Linux counts process and machine time in USER_HZ, 100 on every architecture that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;

/** User and system CPU seconds that processes have used, all their threads included. */
export function processCpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the name in brackets and may hold spaces; utime and stime are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

export interface MachineCpu {
  /** Seconds that all cores together were not idle, time stolen by the hypervisor excluded. */
  readonly busy: number;
  readonly stolen: number;
}

export function machineCpuSeconds(): MachineCpu {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0]!;
  const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number);
  return {
    busy: (user! + nice! + system! + irq! + softirq!) / TICKS_PER_SECOND,
    stolen: (steal ?? 0) / TICKS_PER_SECOND,
  };
}

/** True when a TCP socket listens on `port` in the network namespace of process `pid`, whoever owns it. */
export function isListening(pid: number, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const LISTEN = '0A';
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'latin1').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[3] === LISTEN) return true;
    }
  }
  return false;
}

/** A field of /proc/PID/status in MiB, e.g. `VmRSS`. */
export function memoryMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'latin1'),
  );
  if (match === null) throw new Error(`/proc/${pid}/status: no ${field}`);
  return Number(match[1]) / 1024;
}
