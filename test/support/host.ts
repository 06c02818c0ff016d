/**
 * A real `sluice up` of a test's own: namespaces and run directory carry the test's process id, so that several
 * runs fit on one machine, and everything is taken down when the test's process ends, however it ends.
 *
 * What a killed run left behind is swept by the next one: names of this form whose process is no more.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Status } from '../../src/api/shapes.ts';
import { type Background, onEnd, output, type Result, run, start } from './command.ts';
import { CLI } from './paths.ts';
import type { ConfigText } from './testbed-config.ts';

const NAME = /^slt(\d+)x\d+/;
const NETNS_DIR = '/run/netns';

let hosts = 0;

/**
 * A name for namespaces (NAME-…) and directories (/run/NAME…) that no other test process uses. Whatever bears it
 * is cleared at the end of this process, or by the returned function.
 */
export function claimName(): { name: string; clear: () => void } {
  sweepOnce();
  const name = `slt${process.pid}x${++hosts}`;
  const forget = onEnd(() => clearAll(name));
  const clearNow = () => {
    clearAll(name);
    forget();
  };
  return { name, clear: clearNow };
}

export class Host {
  readonly name: string;
  readonly runDir: string;
  /** The configuration file that was written last. */
  readonly configFile: string;
  private readonly clear: () => void;

  constructor() {
    const { name, clear: clearNow } = claimName();
    this.name = name;
    this.clear = clearNow;
    this.runDir = `/run/${name}`;
    const directory = `/run/${name}-testbed`;
    mkdirSync(directory);
    this.configFile = join(directory, 'config.yaml');
  }

  /** Name of the namespace of a VM. */
  netns(vm: string): string {
    return `${this.name}-${vm}`;
  }

  configure(config: ConfigText): void {
    writeFileSync(this.configFile, stringify(config));
  }

  /** `sluice up --detach`, which must succeed. */
  async up(config: ConfigText): Promise<void> {
    this.configure(config);
    const result = await this.sluice('up', '-c', this.configFile, '--detach');
    if (result.status !== 0)
      throw new Error(`up: exit status ${result.status}\n${result.stdout}${result.stderr}`);
  }

  /** Arguments of node for a sluice command against this host. */
  cli(...args: string[]): string[] {
    return [CLI, ...args, '--run-dir', this.runDir];
  }

  /** The namespace that commands against this host run in; undefined: the test's own. */
  get namespace(): string | undefined {
    return undefined;
  }

  /** Runs a sluice command against this host. */
  sluice(...args: string[]): Promise<Result> {
    return run(...this.command(args));
  }

  /** Starts one beside the test. */
  startSluice(...args: string[]): Background {
    return start(...this.command(args));
  }

  /** The mount namespace stays that of the test: `ip netns exec` would hide the VMs' namespaces from it. */
  private command(args: readonly string[]): [string, ...string[]] {
    const command = [process.execPath, ...this.cli(...args)];
    return this.namespace === undefined
      ? (command as [string, ...string[]])
      : ['nsenter', `--net=/run/netns/${this.namespace}`, ...command];
  }

  /** What the command says with `-o json`; it must succeed. */
  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(
      await output(process.execPath, CLI, ...args, '-o', 'json', '--run-dir', this.runDir),
    ) as T;
  }

  status(): Promise<Status> {
    return this.json<Status>('status');
  }

  /** Runs a command in a VM; it must succeed. */
  exec(vm: string, ...command: string[]): Promise<string> {
    return output('ip', 'netns', 'exec', this.netns(vm), ...command);
  }

  /** Runs a command in a VM; its exit status is for the caller to judge. */
  try(vm: string, ...command: string[]): Promise<Result> {
    return run('ip', 'netns', 'exec', this.netns(vm), ...command);
  }

  /** Starts a command in a VM, beside the test. `ip netns exec` becomes the command: signals reach it. */
  start(vm: string, ...command: string[]): Background {
    return start('ip', 'netns', 'exec', this.netns(vm), ...command);
  }

  /** `sluice down` if it is up, and then no trace of this host. */
  close(): void {
    this.clear();
  }

  /** Namespaces of this host that exist. */
  namespaces(): string[] {
    return namespacesOf(this.name);
  }
}

function namespacesOf(name: string): string[] {
  if (!existsSync(NETNS_DIR)) return [];
  return readdirSync(NETNS_DIR).filter((entry) => entry.startsWith(`${name}-`));
}

/**
 * Lets `sluice down` take back what it keeps elsewhere (shared memory), then removes what is left. Processes in
 * the namespaces go first: they would keep a deleted one alive.
 */
function clearAll(name: string): void {
  killInside(name);
  const runDir = `/run/${name}`;
  if (existsSync(runDir))
    spawnSync(process.execPath, [CLI, 'down', '--run-dir', runDir], { timeout: 10_000 });
  clear(name);
}

/** Removes every trace of a name: processes on whose command line it is, those in its namespaces, these, files. */
function clear(name: string): void {
  for (const pid of processesNaming(name)) killProcess(pid);
  killInside(name);
  for (const netns of namespacesOf(name)) spawnSync('ip', ['netns', 'delete', netns]);
  for (const directory of [`/run/${name}`, `/run/${name}-testbed`]) {
    rmSync(directory, { recursive: true, force: true });
  }
}

function killInside(name: string): void {
  for (const netns of namespacesOf(name)) {
    const pids = spawnSync('ip', ['netns', 'pids', netns], { encoding: 'utf8' }).stdout.trim();
    for (const pid of pids === '' ? [] : pids.split('\n')) killProcess(Number(pid));
  }
}

/** Processes with this name in a path or word of their command line; not this one. */
function processesNaming(name: string): number[] {
  const pattern = new RegExp(`\\b${name}\\b`);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

export function killProcess(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH: it has ended already.
  }
}

let swept = false;

function sweepOnce(): void {
  if (swept) return;
  swept = true;
  const entries = [...readdirSync('/run'), ...(existsSync(NETNS_DIR) ? readdirSync(NETNS_DIR) : [])];
  const names = new Set(entries.map((entry) => NAME.exec(entry)).filter((match) => match !== null));
  for (const [name, pid] of names) if (!existsSync(`/proc/${pid}`)) clearAll(name!);
}
