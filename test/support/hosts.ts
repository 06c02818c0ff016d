/**
 * Three hosts on one machine for one test file (scripts/testbed/hosts.yaml; the topology is drawn in
 * scripts/testbed/hosts): each a namespace with a `sluice up` of its own, joined by a bridge. VMs are named as in the
 * file, c1 … c5 and s1 … s6; `exec` and the other helpers find the host that one is on.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Background, output, type Result, until } from './command.ts';
import { claimName, Host } from './host.ts';
import { CHECKOUT, SERVER } from './paths.ts';
import {
  type Answer,
  countingBytes,
  curl,
  KeptConnection,
  parseAnswers,
  TCP_CLIENT,
  UDP_CLIENT,
} from './testbed.ts';
import type { ConfigText } from './testbed-config.ts';

const HOLD_CLIENT = join(import.meta.dirname, 'clients/hold.js');

export const HOSTS = ['h1', 'h2', 'h3'] as const;
export type HostName = (typeof HOSTS)[number];

/** The group `web`: of each ten new flows of one client. */
export const WEB_SHARES = { s1: 1, s2: 2, s3: 1, s4: 2, s5: 1, s6: 3 };

/** What joins controllers and agents, apart from the uplinks: a host's address at its interface `ctl0`. */
export const CONTROL_ADDRESS: Readonly<Record<HostName, string>> = {
  h1: '192.0.2.11',
  h2: '192.0.2.12',
  h3: '192.0.2.13',
};

/** The address there of the namespace of the bridges. */
export const UNDERLAY_CONTROL_ADDRESS = '192.0.2.1';

export interface HostsConfig extends ConfigText {
  controllers?: string[];
  templates?: object[];
  listen?: { agents?: string; http?: string };
  tls?: { ca: string; cert: string; key: string };
  uplinks: { name: string; interface: string; networks: (string | { name: string; vlan?: number })[] }[];
}

/** A host in a namespace of its own, whose `up0` leads to the bridge. */
export class RemoteHost extends Host {
  readonly label: HostName;
  readonly config: HostsConfig;

  constructor(label: HostName) {
    super();
    this.label = label;
    this.config = hostConfig(label, this.name);
  }

  /** The namespace that the host itself lives in. */
  override get namespace(): string {
    return this.netns('host');
  }

  /** Runs ip(8) on the host's own interfaces. */
  ip(...args: string[]): Promise<string> {
    return output('ip', '-n', this.namespace, ...args);
  }

  /** Brings the changed `config` into force. */
  async reload(): Promise<void> {
    this.configure(this.config);
    const { status, stderr } = await this.sluice('reload', '-c', this.configFile);
    if (status !== 0) throw new Error(`reload on ${this.label}: exit status ${status}\n${stderr}`);
  }
}

function hostConfig(label: HostName, name: string): HostsConfig {
  const text = readFileSync(join(CHECKOUT, 'scripts/testbed/hosts.yaml'), 'utf8');
  const own = text.split('\n').filter((line) => !/# h[1-3]$/.test(line) || line.endsWith(`# ${label}`));
  const filled = own.join('\n').replaceAll('@NAME@', name).replaceAll('@HOST@', label);
  return parse(filled) as HostsConfig;
}

export class Hosts {
  readonly all: readonly RemoteHost[] = HOSTS.map((label) => new RemoteHost(label));
  /** Namespace of the bridge. */
  readonly underlay: string;
  private readonly clearUnderlay: () => void;
  private readonly servers: Background[] = [];

  private constructor() {
    const { name, clear } = claimName();
    this.underlay = `${name}-net`;
    this.clearUnderlay = clear;
  }

  /** All up, with every server answering. `change` edits each host's configuration first. */
  static async create(change: (config: HostsConfig, label: HostName) => void = () => {}): Promise<Hosts> {
    const hosts = new Hosts();
    try {
      await hosts.join();
      for (const host of hosts.all) {
        change(host.config, host.label);
        await host.up(host.config);
      }
      const servers = hosts.vms().filter((vm) => vm.startsWith('s'));
      await Promise.all(servers.map((vm) => hosts.serve(vm)));
      return hosts;
    } catch (error) {
      hosts.close();
      throw error;
    }
  }

  /** Bridges and veth pairs: up0 and ctl0 in each host's namespace, h1-up0 … at the bridges. */
  private async join(): Promise<void> {
    const { underlay } = this;
    await output('ip', 'netns', 'add', underlay);
    const silent = ['sysctl', '-qw', 'net.ipv6.conf.default.disable_ipv6=1'];
    await output('ip', 'netns', 'exec', underlay, ...silent);
    for (const bridge of ['br0', 'control']) {
      const kind = ['type', 'bridge', 'mcast_snooping', '0'];
      await output('ip', '-n', underlay, 'link', 'add', bridge, 'up', ...kind);
    }
    await output('ip', '-n', underlay, 'link', 'set', 'lo', 'up');
    const address = `${UNDERLAY_CONTROL_ADDRESS}/24`;
    await output('ip', '-n', underlay, 'address', 'add', address, 'dev', 'control');
    for (const host of this.all) {
      await output('ip', 'netns', 'add', host.namespace);
      await host.ip('link', 'set', 'lo', 'up');
      await this.plugIn(host);
      await this.plugIn(host, 'ctl0', 'control');
      await host.ip('address', 'add', `${CONTROL_ADDRESS[host.label]}/24`, 'dev', 'ctl0');
    }
  }

  /** Makes an interface of a host, and joins it to a bridge. */
  async plugIn(host: RemoteHost, device = 'up0', bridge = 'br0'): Promise<void> {
    const { underlay } = this;
    const end = `${host.label}-${device}`;
    const peer = ['peer', 'name', device, 'netns', host.namespace];
    await output('ip', '-n', underlay, 'link', 'add', end, 'up', 'type', 'veth', ...peer);
    await output('ip', '-n', underlay, 'link', 'set', end, 'master', bridge);
    // What the host's own stack says is none of the tests' business.
    const quiet = ['sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`];
    await output('ip', 'netns', 'exec', host.namespace, ...quiet);
    await host.ip('link', 'set', device, 'up');
  }

  host(label: HostName): RemoteHost {
    return this.all.find((host) => host.label === label)!;
  }

  /** The host that a VM is on. */
  hostOf(vm: string): RemoteHost {
    const host = this.all.find(({ config }) => config.ports.some(({ name }) => name === vm));
    if (host === undefined) throw new Error(`found no VM ${vm}, expected one of ${this.vms().join(', ')}`);
    return host;
  }

  vms(): string[] {
    return this.all.flatMap(({ config }) => config.ports.map(({ name }) => name));
  }

  exec(vm: string, ...command: string[]): Promise<string> {
    return this.hostOf(vm).exec(vm, ...command);
  }

  try(vm: string, ...command: string[]): Promise<Result> {
    return this.hostOf(vm).try(vm, ...command);
  }

  /** Starts a command in a VM, beside the test. */
  start(vm: string, ...command: string[]): Background {
    return this.hostOf(vm).start(vm, ...command);
  }

  /** Runs the HTTP and UDP server in a VM, until the hosts are closed. */
  async serve(vm: string): Promise<void> {
    await this.exec(vm, 'ip', 'link', 'set', 'lo', 'up');
    const server = this.start(vm, process.execPath, SERVER, '--name', vm);
    this.servers.push(server);
    await until(`${vm}'s server`, () => {
      if (server.child.exitCode !== null) throw new Error(server.stderr);
      return server.lines.includes('ready');
    });
  }

  /** `count` HTTP requests one after another, each over a connection of its own: who answered, in order. */
  async ask(vm: string, target: string, count: number): Promise<Answer[]> {
    const text = await this.exec(vm, ...curl('-H', 'Connection: close', `http://${target}/?[1-${count}]`));
    return parseAnswers(text);
  }

  /** One UDP request each from a socket of its own: an answer, `timeout` or `error CODE` each. */
  async askUdp(vm: string, address: string, port: number, count: number): Promise<string[]> {
    const args = [UDP_CLIENT, address, String(port), String(count)];
    return (await this.exec(vm, process.execPath, ...args)).trim().split('\n');
  }

  /** A client that asks again and again over one connection, until it is stopped. */
  async keepAsking(vm: string, address: string, port: number): Promise<KeptConnection> {
    const client = new KeptConnection(this.start(vm, process.execPath, TCP_CLIENT, address, String(port)));
    await client.nextAnswers(1);
    return client;
  }

  /** A client with so many connections, each of which asks now and then, until it is stopped. */
  async hold(vm: string, address: string, port: number, count: number): Promise<Background> {
    const client = this.start(vm, process.execPath, HOLD_CLIENT, address, String(port), String(count));
    await until(`${count} connections of ${vm}`, () => {
      if (client.child.exitCode !== null) throw new Error(client.stderr);
      return client.lines.includes('ready');
    });
    return client;
  }

  /** Downloads N bytes; returns the SHA-256 of what came. */
  async download(vm: string, target: string, bytes: number): Promise<string> {
    const shell = 'set -o pipefail; curl -sSf --max-time 60 "$1" | sha256sum';
    return (await this.exec(vm, 'bash', '-c', shell, 'bash', `http://${target}/bytes/${bytes}`)).slice(0, 64);
  }

  /** Uploads N bytes of the counting stream; returns the SHA-256 of what arrived. */
  async upload(vm: string, target: string, bytes: number): Promise<string> {
    const options = ['--max-time', '60', '-H', 'Expect:', '--data-binary', '@-'];
    const sender = this.start(vm, ...curl(...options, `http://${target}/digest`));
    sender.child.stdin!.end(countingBytes(bytes));
    const status = await sender.ended;
    if (status !== 0) throw new Error(`upload: exit status ${status}: ${sender.stderr}`);
    return sender.stdout.slice(0, 64);
  }

  /** Takes a host down and brings it up again, with its servers. */
  async restart(host: RemoteHost, between: () => void = () => {}): Promise<void> {
    const down = await host.sluice('down');
    if (down.status !== 0)
      throw new Error(`down of ${host.label}: exit status ${down.status}\n${down.stderr}`);
    between();
    await host.up(host.config);
    const servers = host.config.ports.map(({ name }) => name).filter((vm) => vm.startsWith('s'));
    await Promise.all(servers.map((vm) => this.serve(vm)));
  }

  close(): void {
    // By themselves: the namespaces of a host that a test took down have no names any more.
    for (const { child } of this.servers) child.kill('SIGKILL');
    for (const host of this.all) host.close();
    this.clearUnderlay();
  }
}
