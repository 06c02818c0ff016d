/**
 * An environment: one forwarder between a client and a server, each in a network namespace of its own.
 *
 *   slb-NAME-c                                          slb-NAME-s
 *   ┌─────────────────┐      ┌─────────────┐      ┌─────────────────┐
 *   │ client 10.9.0.1 │◄────►│  forwarder  │◄────►│ server 10.9.0.2 │
 *   └─────────────────┘      └─────────────┘      │    and 10.9.0.3 │
 *                                                 └─────────────────┘
 *       dials 10.9.0.100, the VIP (of the bare engine, which knows none: 10.9.0.2)
 *
 * All environments are the same but for the forwarder: addresses, MTU 1500, sysctls, tools. They exist side by
 * side for the whole run, and every forwarder but the measured one is frozen by SIGSTOP, so that neither its
 * timers nor its polling take a cycle from the one that is measured, and each keeps its warm state.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Revision } from './against.ts';
import { run, signalAll } from './process.ts';

export const CLIENT_ADDRESS = '10.9.0.1';
/** The server's two addresses: the two members over which TCP is balanced. */
export const SERVER_ADDRESSES: readonly [string, string] = ['10.9.0.2', '10.9.0.3'];
/** UDP has one member: iperf3 answers datagrams from its first address, whichever they were sent to. */
export const UDP_SERVER_ADDRESS = SERVER_ADDRESSES[0];
export const VIP = '10.9.0.100';
export const SUBNET = '10.9.0.0/24';
export const MTU_BYTES = 1500;
export const PREFIX_BITS = 24;
const NAMESPACE_PREFIX = 'slb-';

export type Side = 'client' | 'server';

/** What every environment is built from. */
export interface Context {
  /** The checkout. */
  readonly root: string;
  /** Directory of this run for configurations, sockets and logs. */
  readonly runDir: string;
  readonly engine: 'auto' | 'uring' | 'syscall';
  readonly busyPollUs: number;
  /** What column `before` runs; absent when there is no such column. */
  readonly before?: Revision;
}

export interface Forwarder {
  /** Short word for namespaces and messages. */
  readonly name: string;
  /** The address that the client dials. */
  readonly destination: string;
  /** Connects the two namespaces, which exist and are empty but for `lo`; both interfaces are up at the end. */
  start(): Promise<void>;
  /** Processes that forward; empty when the kernel does it. */
  pids(): number[];
  /** What it is, e.g. `ovs-vswitchd (Open vSwitch) 3.1.0`. */
  version(): Promise<string>;
  stop(): Promise<void>;
}

/** `slb-ovs-c`: short enough for everything that has a limit. */
export const namespaceOf = (name: string, side: Side | 'host'): string =>
  `${NAMESPACE_PREFIX}${name}-${side[0]}`;

export const addressesOf = (side: Side): readonly string[] =>
  side === 'client' ? [CLIENT_ADDRESS] : SERVER_ADDRESSES;

/** The interface inside a namespace; the kernel and OVS create it under this name, Sluice and the bare engine too. */
export const interfaceOf = (side: Side): string => `${side}0`;

/** Files under /proc/sys/net and what is written to them, in every namespace of that side. */
const namespaceSettings: Readonly<Record<Side | 'host', readonly (readonly [string, string])[]>> = {
  // All ports, so that a connection rarely meets its predecessor's TIME_WAIT; no memory of earlier runs.
  client: [
    ['ipv4/ip_local_port_range', '1024 65535'],
    ['ipv4/tcp_no_metrics_save', '1'],
  ],
  server: [
    ['core/somaxconn', '4096'],
    ['ipv4/tcp_max_syn_backlog', '4096'],
    ['ipv4/tcp_no_metrics_save', '1'],
  ],
  host: [],
};

/** Makes an empty namespace with `lo` up; answers its name. */
export async function addNamespace(name: string, side: Side | 'host'): Promise<string> {
  const namespace = namespaceOf(name, side);
  await run('ip', ['netns', 'add', namespace]);
  // No IPv6: its neighbour discovery and router solicitations would be the only background traffic.
  for (const [file, value] of [['ipv6/conf/all/disable_ipv6', '1'], ...namespaceSettings[side]]) {
    await run('sh', ['-c', `echo ${value} > /proc/sys/net/${file}`], { namespace });
  }
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  return namespace;
}

/** Address, MTU and up; for forwarders that bring an interface but do not configure it. */
export async function configureInterface(name: string, side: Side): Promise<void> {
  const device = interfaceOf(side);
  const ip = (...args: string[]) => run('ip', ['-n', namespaceOf(name, side), ...args]);
  await ip('link', 'set', device, 'mtu', String(MTU_BYTES), 'up');
  for (const address of addressesOf(side)) {
    await ip('address', 'replace', `${address}/${PREFIX_BITS}`, 'dev', device);
  }
}

/** Deletes a namespace after killing what still runs in it: the processes of this benchmark only. */
async function deleteNamespace(namespace: string): Promise<void> {
  const inside = (await run('ip', ['netns', 'pids', namespace])).split('\n').filter(Boolean).map(Number);
  signalAll(inside, 'SIGKILL');
  await run('ip', ['netns', 'delete', namespace]);
}

/** Removes all namespaces of this benchmark, also those that a killed run has left. */
export async function deleteAllNamespaces(): Promise<void> {
  if (!existsSync('/run/netns')) return;
  for (const namespace of readdirSync('/run/netns')) {
    if (namespace.startsWith(NAMESPACE_PREFIX)) await deleteNamespace(namespace);
  }
}

/** True once process `pid`, started through `ip netns exec`, has arrived in the namespace; false if it has ended. */
export function isInNamespace(pid: number, namespace: string): boolean {
  const own = statSync(`/proc/${pid}/ns/net`, { throwIfNoEntry: false });
  return own !== undefined && own.ino === statSync(join('/run/netns', namespace)).ino;
}

/**
 * Frames in flight and their acknowledgments need microseconds. What is left for after a freeze (timers that have fallen
 * due, the last segments of closed connections) is done in the first milliseconds after a thaw; the tools take some
 * hundredths of a second more to start.
 */
const SETTLE_MS = 50;

/** A forwarder with its two namespaces, and whether it is frozen. */
export class Environment {
  readonly forwarder: Forwarder;
  readonly client: string;
  readonly server: string;
  private frozen = false;

  constructor(forwarder: Forwarder) {
    this.forwarder = forwarder;
    this.client = namespaceOf(forwarder.name, 'client');
    this.server = namespaceOf(forwarder.name, 'server');
  }

  async start(): Promise<void> {
    await addNamespace(this.forwarder.name, 'client');
    await addNamespace(this.forwarder.name, 'server');
    await this.forwarder.start();
  }

  /** Stops the forwarder's processes where they are, after giving frames in flight the time to arrive. */
  async freeze(): Promise<void> {
    if (this.frozen) return;
    await sleep(SETTLE_MS);
    signalAll(this.forwarder.pids(), 'SIGSTOP');
    this.frozen = true;
  }

  async thaw(): Promise<void> {
    if (!this.frozen) return;
    signalAll(this.forwarder.pids(), 'SIGCONT');
    this.frozen = false;
    await sleep(SETTLE_MS);
  }

  async stop(): Promise<void> {
    await this.thaw();
    await this.forwarder.stop();
  }
}

/** A directory of its own for one part of the run. */
export function makeDirectory(context: Context, name: string): string {
  const directory = join(context.runDir, name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}
