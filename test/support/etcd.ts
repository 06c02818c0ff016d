/** Real etcd servers for tests: own ports on loopback, data in a temporary directory, gone with the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { onEnd, run } from './command.ts';

const START_TIMEOUT_MS = 20_000;

interface Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

export class EtcdServer {
  /** `host:port` for clients. */
  readonly endpoint: string;
  private readonly directory: string;
  private readonly enter: readonly string[];
  private readonly command: readonly string[];
  private process: ChildProcess | undefined;
  private readonly forgetCleanup: () => void;

  /** `enter`: what leads into the namespace that it is to run in. */
  private constructor(
    member: Member,
    cluster: readonly Member[],
    options: readonly string[],
    enter: readonly string[] = [],
  ) {
    this.enter = enter;
    this.endpoint = member.client;
    this.directory = mkdtempSync(join(tmpdir(), `sluice-etcd-${process.pid}-`));
    this.command = [
      ...enter,
      'etcd',
      `--name=${member.name}`,
      `--data-dir=${join(this.directory, 'data')}`,
      `--listen-client-urls=http://${member.client}`,
      `--advertise-client-urls=http://${member.client}`,
      `--listen-peer-urls=http://${member.peer}`,
      `--initial-advertise-peer-urls=http://${member.peer}`,
      `--initial-cluster=${cluster.map(({ name, peer }) => `${name}=http://${peer}`).join(',')}`,
      '--logger=zap',
      '--log-level=warn',
      ...options,
    ];
    this.forgetCleanup = onEnd(() => {
      this.process?.kill('SIGKILL');
      rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  static async start(...options: string[]): Promise<EtcdServer> {
    const [server] = await EtcdServer.startCluster(1, ...options);
    return server!;
  }

  /** One in a network namespace of its own world: at its port 2379, reached at `address`, and from in there alone. */
  static async startIn(netns: string, address: string): Promise<EtcdServer> {
    const member = { name: 'm0', client: `${address}:2379`, peer: `${address}:2380` };
    const server = new EtcdServer(member, [member], [], ['nsenter', `--net=/run/netns/${netns}`]);
    try {
      server.spawn();
      await server.ready();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  static async startCluster(size: number, ...options: string[]): Promise<EtcdServer[]> {
    const ports = await freePorts(2 * size);
    const members = Array.from({ length: size }, (_, index) => ({
      name: `m${index}`,
      client: `127.0.0.1:${ports[2 * index]}`,
      peer: `127.0.0.1:${ports[2 * index + 1]}`,
    }));
    const servers = members.map((member) => new EtcdServer(member, members, options));
    for (const server of servers) server.spawn();
    try {
      for (const server of servers) await server.ready();
    } catch (error) {
      for (const server of servers) await server.remove();
      throw error;
    }
    return servers;
  }

  /** SIGKILL: what a crash leaves is left. */
  async kill(): Promise<void> {
    const { process } = this;
    this.process = undefined;
    if (process === undefined) return;
    process.ref();
    process.kill('SIGKILL');
    if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
  }

  /** Starts again with the data that is there. */
  async restart(): Promise<void> {
    await this.kill();
    this.spawn();
    await this.ready();
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.process!.kill(signal);
  }

  /** Kills the server and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    this.forgetCleanup();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Output of etcdctl with these arguments. */
  async control(...args: string[]): Promise<string> {
    const child = spawn('etcdctl', [`--endpoints=${this.endpoint}`, ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    const [status] = await once(child, 'close');
    if (status !== 0) throw new Error(`etcdctl ${args.join(' ')}: exit status ${status}, expected 0`);
    return output;
  }

  private get logFile(): string {
    return join(this.directory, 'etcd.log');
  }

  private spawn(): void {
    const log = openSync(this.logFile, 'a');
    const [program, ...args] = this.command;
    this.process = spawn(program!, args, { stdio: ['ignore', log, log] });
    this.process.unref(); // it does not keep the test from ending; `onEnd` then ends it
    closeSync(log);
  }

  private async ready(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const [program, ...args] = [...this.enter, 'curl', '-sf', `http://${this.endpoint}/health`];
      if ((await run(program!, ...args)).status === 0) return;
      if (this.process!.exitCode !== null) break;
      await delay(50);
    }
    throw new Error(
      `etcd ${this.endpoint} does not serve:\n${readFileSync(this.logFile, 'utf8').slice(-2000)}`,
    );
  }
}

/** TCP ports on loopback that nobody uses at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
