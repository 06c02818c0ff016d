/**
 * The testbed of scripts/testbed (topology drawn there) for one test file, with servers running in its VMs,
 * and what tests do from its clients.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Background, until } from './command.ts';
import { Host } from './host.ts';
import { SERVER } from './paths.ts';
import { type ConfigText, testbedConfig } from './testbed-config.ts';

export const CLIENTS = ['c1', 'c2', 'c3'] as const;
export const SERVERS = ['s1', 's2', 's3', 's4', 's5'] as const;
/** The group `web`: of each ten new flows. */
export const WEB_SHARES = { s1: 1, s2: 3, s3: 1, s4: 3, s5: 2 };

/** Answers that came from a port of 10.1.0.0/24 are `NAME ADDRESS:PORT`. */
export interface Answer {
  readonly server: string;
  /** Whom the server saw, ADDRESS:PORT. */
  readonly peer: string;
}

export class Testbed extends Host {
  readonly config: ConfigText;

  private constructor() {
    super();
    this.config = testbedConfig(this.name);
  }

  /** Up, with every server answering. `change` edits the configuration first. */
  static async create(change: (config: ConfigText) => void = () => {}): Promise<Testbed> {
    const bed = new Testbed();
    change(bed.config);
    await bed.up(bed.config);
    const servers = bed.config.ports.map((port) => port.name).filter((name) => /^[sd]\d$/.test(name));
    await Promise.all(servers.map((name) => bed.serve(name)));
    return bed;
  }

  /** Runs the HTTP and UDP server in a VM, until the namespace is cleared. */
  async serve(vm: string): Promise<void> {
    await this.exec(vm, 'ip', 'link', 'set', 'lo', 'up');
    const server = this.start(vm, process.execPath, SERVER, '--name', vm);
    await until(`${vm}'s server`, () => {
      if (server.child.exitCode !== null) throw new Error(server.stderr);
      return server.lines.includes('ready');
    });
  }

  /** Makes a VM accept packets to `vip` without claiming it: a member of a MAC redirect. */
  holdQuietly(vm: string, vip: string): Promise<void> {
    return holdQuietly(this, vm, vip);
  }

  /** `count` HTTP requests one after another, each over a connection of its own: who answered, in order. */
  async ask(vm: string, target: string, count: number): Promise<Answer[]> {
    const text = await this.exec(vm, ...curl('-H', 'Connection: close', `http://${target}/?[1-${count}]`));
    return parseAnswers(text);
  }

  /** One HTTP request: exit status of curl (0 good, 7 refused, 28 timeout), and how long it took. */
  async tryOnce(vm: string, target: string): Promise<{ curl: number | null; ms: number; body: string }> {
    const begin = performance.now();
    const result = await this.try(vm, ...curl('--max-time', '3', `http://${target}/`));
    return { curl: result.status, ms: performance.now() - begin, body: result.stdout };
  }

  /** Downloads N bytes; returns the SHA-256 of what came. */
  async download(vm: string, target: string, bytes: number): Promise<string> {
    const shell = 'set -o pipefail; curl -sSf --max-time 60 "$1" | sha256sum';
    return (await this.exec(vm, 'bash', '-c', shell, 'bash', `http://${target}/bytes/${bytes}`)).slice(0, 64);
  }

  /** Uploads N bytes of the counting stream; returns the SHA-256 of what arrived. */
  async upload(vm: string, target: string, bytes: number): Promise<string> {
    const sender = this.start(
      vm,
      ...curl('--max-time', '60', '-H', 'Expect:', '--data-binary', '@-', `http://${target}/digest`),
    );
    sender.child.stdin!.end(countingBytes(bytes));
    const status = await sender.ended;
    if (status !== 0) throw new Error(`upload: exit status ${status}: ${sender.stderr}`);
    return sender.stdout.slice(0, 64);
  }

  /** UDP requests: each from a socket of its own, or with `oneFlow` all from one. An answer, `timeout` or `error CODE` each. */
  async askUdp(vm: string, address: string, port: number, count: number, oneFlow = false): Promise<string[]> {
    const args = [UDP_CLIENT, address, String(port), String(count), ...(oneFlow ? ['--one-flow'] : [])];
    return (await this.exec(vm, process.execPath, ...args)).trim().split('\n');
  }

  /** A client that asks again and again over one connection, a line per answer, until it is stopped. */
  async keepAsking(vm: string, address: string, port: number): Promise<KeptConnection> {
    const client = new KeptConnection(this.start(vm, process.execPath, TCP_CLIENT, address, String(port)));
    await client.nextAnswers(1);
    return client;
  }

  /** Turns segmentation and checksum offload of a VM's interface off: it sends complete packets of MTU size. */
  async withoutOffloads(vm: string): Promise<void> {
    await this.exec(vm, 'ethtool', '-K', 'eth0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off');
  }
}

/** `Testbed.holdQuietly` for whoever can run commands in VMs. */
export async function holdQuietly(bed: Pick<Host, 'exec'>, vm: string, vip: string): Promise<void> {
  const settings = 'cd /proc/sys/net/ipv4/conf/all && echo 1 >arp_ignore && echo 2 >arp_announce';
  await bed.exec(vm, 'sh', '-c', settings);
  await bed.exec(vm, 'ip', 'address', 'add', `${vip}/32`, 'dev', 'lo');
}

/** One TCP connection that asks every few milliseconds. */
export class KeptConnection {
  private readonly client: Background;

  constructor(client: Background) {
    this.client = client;
  }

  /** Waits for `count` more answers on the connection. */
  async nextAnswers(count: number): Promise<Answer[]> {
    const from = this.client.lines.length;
    await until(`${count} answers on a running connection`, () => {
      if (this.client.child.exitCode !== null) throw new Error(`ended: ${this.client.stdout.slice(-200)}`);
      return this.client.lines.length >= from + count;
    });
    return parseAnswers(this.client.lines.slice(from, from + count).join('\n'));
  }

  /** Lines that are no answer: what went wrong. */
  get errors(): string[] {
    return this.client.lines.filter((line) => line.startsWith('error'));
  }

  get answers(): number {
    return this.client.lines.length - this.errors.length;
  }

  get isRunning(): boolean {
    return this.client.child.exitCode === null && this.client.child.signalCode === null;
  }

  stop(): Promise<void> {
    return this.client.stop();
  }
}

export const TCP_CLIENT = join(import.meta.dirname, 'clients/keep-asking.js');
export const UDP_CLIENT = join(import.meta.dirname, 'clients/udp-ask.js');

export const curl = (...args: string[]) => ['curl', '-sSf', '--max-time', '10', ...args];

export function parseAnswers(text: string): Answer[] {
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const match = /^(\w+) (\S+:\d+)/.exec(line);
      if (!match) throw new Error(`found answer "${line}", expected NAME ADDRESS:PORT`);
      return { server: match[1]!, peer: match[2]! };
    });
}

/** How many answers came from whom. */
export function shares(answers: readonly { server: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { server } of answers) counts[server] = (counts[server] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort());
}

/** The counting stream that servers send: 32-bit big-endian words 0, 1, 2, … */
export function countingBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(Math.ceil(length / 4) * 4);
  for (let word = 0; word * 4 < length; word++) bytes.writeUInt32BE(word, word * 4);
  return bytes.subarray(0, length);
}

export const countingDigest = (length: number): string =>
  createHash('sha256').update(countingBytes(length)).digest('hex');
