/** Real hosts of a test's own: names carry the test's process id, and nothing is left when it ends. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { down } from '../../src/process/down.ts';

export interface PortText {
  readonly name: string;
  readonly address?: string;
  /** Further ones, in the same subnet. */
  readonly more?: readonly string[];
  readonly mac?: string;
  readonly interface?: string;
  /** Default: of the port's name. */
  readonly netns?: string;
}

export interface NetworkText {
  readonly mtu?: number;
  readonly gateway?: string;
}

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

export class TestRun {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-host-'));
  readonly runDir = join(this.directory, 'run');
  readonly configPath = join(this.directory, 'config.yaml');
  /** Names of namespaces start with this. */
  private readonly prefix: string;

  constructor(name: string) {
    this.prefix = `sl${process.pid}${name}`;
  }

  netns(name: string): string {
    return `${this.prefix}-${name}`;
  }

  namespaces(): string[] {
    return readdirSync('/run/netns')
      .filter((name) => name.startsWith(`${this.prefix}-`))
      .map((name) => name.slice(this.prefix.length + 1))
      .sort();
  }

  configure(ports: readonly PortText[], network: NetworkText = {}): void {
    const config = {
      host: 'h1',
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'], gateway: '10.1.0.1', ...network }],
      ports: ports.map(({ name, address, more = [], netns, ...other }) => ({
        name,
        network: 'app',
        interface: 'eth0',
        netns: this.netns(netns ?? name),
        addresses: (address === undefined ? [] : [address, ...more]).map((text) => `${text}/24`),
        ...other,
      })),
    };
    this.writeConfig(config);
  }

  writeConfig(config: object): void {
    // JSON is YAML.
    writeFileSync(this.configPath, JSON.stringify(config));
  }

  /** A host process; resolves when its API answers, and throws with its log when it ends before. */
  async start(entry = 'dist/src/process/host-main.js'): Promise<ChildProcess> {
    const child = this.spawn(entry);
    let log = '';
    child.stderr!.on('data', (chunk) => {
      log += chunk;
    });
    for (let tries = 0; tries < 1_200; tries++) {
      if (child.exitCode !== null) throw new Error(`the host ended with ${child.exitCode}: ${log}`);
      const answer = await this.api('GET', '/v1/status').catch(() => undefined);
      if (answer !== undefined) return child;
      await sleep(50);
    }
    throw new Error(`the host does not answer: ${log}`);
  }

  spawn(entry: string): ChildProcess {
    const args = [join(REPOSITORY, entry), this.configPath, this.runDir];
    return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** The body of the answer, whatever its status. */
  api<Body>(method: string, path: string, body?: object): Promise<{ status: number; body: Body }> {
    const socketPath = join(this.runDir, 'api.sock');
    return new Promise((resolve, reject) => {
      const call = request({ socketPath, method, path }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body: JSON.parse(text) as Body }));
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  reload(): Promise<{ status: number; body: { revision?: number; error?: string } }> {
    return this.api('POST', '/v1/reload', { path: this.configPath });
  }

  /** Runs a command in a port's namespace: its output, or an Error with it. */
  exec(name: string, ...command: string[]): string {
    const run = spawnSync('ip', ['netns', 'exec', this.netns(name), ...command], { encoding: 'utf8' });
    if (run.status === 0) return run.stdout;
    throw new Error(`${command.join(' ')}: ${run.status}\n${run.stdout}${run.stderr}`);
  }

  ping(from: string, address: string): void {
    this.exec(from, 'ping', '-c', '1', '-W', '3', address);
  }

  /** Pings every 10 ms, for 2 s and a bit, beside the test; resolves with how many were lost. */
  async countLost(from: string, address: string): Promise<number> {
    const command = [
      'netns',
      'exec',
      this.netns(from),
      'ping',
      '-i',
      '0.01',
      '-c',
      '200',
      '-W',
      '3',
      '-q',
      address,
    ];
    const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await once(child, 'close');
    const counts = /^(\d+) packets transmitted, (\d+) received/m.exec(text);
    if (counts === null) throw new Error(`ping said: ${text}`);
    return Number(counts[1]) - Number(counts[2]);
  }

  /** Stops the host, kills what runs in its namespaces, removes every trace. */
  async close(): Promise<void> {
    await quietly(() => down({ runDir: this.runDir }));
    for (const name of this.namespaces()) {
      const pids = spawnSync('ip', ['netns', 'pids', this.netns(name)], { encoding: 'utf8' }).stdout;
      for (const pid of pids.split('\n').filter((line) => line !== '')) process.kill(Number(pid), 'SIGKILL');
      spawnSync('ip', ['netns', 'del', this.netns(name)]);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs `act` with stderr and stdout captured: its outcome and what it wrote. */
export async function quietly<Result>(
  act: () => Promise<Result>,
): Promise<{ result: Result; stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  const previous = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].write = ((chunk: string) => {
      text[stream] += chunk;
      return true;
    }) as typeof process.stdout.write;
  }
  try {
    return { result: await act(), ...text };
  } finally {
    process.stdout.write = previous.stdout;
    process.stderr.write = previous.stderr;
  }
}
