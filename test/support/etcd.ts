/** Real etcd servers for tests: own ports on loopback, data in a temporary directory, gone with the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TlsFiles } from '../../src/config/tls-files.ts';
import { onEnd, run } from './command.ts';
import { freeze } from './freeze.ts';

const START_TIMEOUT_MS = 20_000;

/** The program: Debian's, or that of another version. */
const ETCD = process.env.SLUICE_TEST_ETCD ?? 'etcd';

/** Of a server that is not reached in the clear from the test's own namespace. */
interface Apart {
  readonly netns?: string;
  readonly tls?: TlsFiles;
  /** Clients have to show a certificate, too. */
  readonly asksClients?: boolean;
}

interface Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
}

export class EtcdServer {
  /** `host:port` for clients. */
  readonly endpoint: string;
  private readonly directory: string;
  private readonly url: string;
  private readonly enter: readonly string[];
  private readonly curlOptions: readonly string[];
  private readonly command: readonly string[];
  private process: ChildProcess | undefined;
  private readonly forgetCleanup: () => void;

  private constructor(
    member: Member,
    cluster: readonly Member[],
    options: readonly string[],
    { netns, tls, asksClients = false }: Apart = {},
  ) {
    this.enter = netns === undefined ? [] : ['nsenter', `--net=/run/netns/${netns}`];
    this.endpoint = member.client;
    this.url = `${tls === undefined ? 'http' : 'https'}://${member.client}`;
    const { ca = '', cert = '', key = '' } = tls ?? {};
    this.curlOptions = tls === undefined ? [] : ['--cacert', ca, '--cert', cert, '--key', key];
    const secured = [
      ...(tls === undefined ? [] : [`--cert-file=${cert}`, `--key-file=${key}`]),
      ...(asksClients ? ['--client-cert-auth', `--trusted-ca-file=${ca}`] : []),
    ];
    this.directory = mkdtempSync(join(tmpdir(), `sluice-etcd-${process.pid}-`));
    this.command = [
      ...this.enter,
      ETCD,
      `--name=${member.name}`,
      `--data-dir=${join(this.directory, 'data')}`,
      `--listen-client-urls=${this.url}`,
      `--advertise-client-urls=${this.url}`,
      ...secured,
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

  /** One in a network namespace, at port 2379 of `address`, reached from in there alone, and only over TLS. */
  static async startIn(netns: string, address: string, tls: TlsFiles): Promise<EtcdServer> {
    const member = { name: 'm0', client: `${address}:2379`, peer: `${address}:2380` };
    return EtcdServer.alone(member, { netns, tls, asksClients: true });
  }

  /** One on loopback that is reached only over TLS. */
  static async startSecured(tls: TlsFiles, { asksClients }: { asksClients: boolean }): Promise<EtcdServer> {
    const [client, peer] = (await freePorts(2)).map((number) => `127.0.0.1:${number}`);
    return EtcdServer.alone({ name: 'm0', client: client!, peer: peer! }, { tls, asksClients });
  }

  private static async alone(member: Member, apart: Apart): Promise<EtcdServer> {
    const server = new EtcdServer(member, [member], [], apart);
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

  /** Stops it, and starts it again with the state of a snapshot that `etcdctl snapshot save` made. */
  async restore(snapshot: string): Promise<void> {
    await this.kill();
    rmSync(join(this.directory, 'data'), { recursive: true, force: true });
    const kept = ['--name=', '--initial-cluster=', '--initial-advertise-peer-urls=', '--data-dir='];
    const options = this.command.filter((option) => kept.some((start) => option.startsWith(start)));
    await this.control('snapshot', 'restore', snapshot, ...options);
    this.spawn();
    await this.ready();
  }

  freeze(): void {
    freeze(this.process!.pid!);
  }

  thaw(): void {
    this.process!.kill('SIGCONT');
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
      const asking = ['curl', '-sf', ...this.curlOptions, `${this.url}/health`];
      const [program, ...args] = [...this.enter, ...asking];
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
