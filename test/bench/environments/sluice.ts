/**
 * Sluice itself, as a user starts it: `scripts/sluice up` with a configuration file. One VIP, any port; TCP is
 * balanced over two members, so that each new connection goes through a choice and every packet through the
 * translation. And variants of it, which differ in one thing: another build, or one setting.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../../src/api/shapes.ts';
import { RunDir } from '../../../src/run-dir/run-dir.ts';
import {
  addressesOf,
  type Context,
  type Forwarder,
  interfaceOf,
  MTU_BYTES,
  makeDirectory,
  namespaceOf,
  PREFIX_BITS,
  SERVER_ADDRESSES,
  SUBNET,
  UDP_SERVER_ADDRESS,
  VIP,
} from '../environment.ts';
import { run, signalAll } from '../process.ts';

const UP_TIMEOUT_MS = 60_000;

/** A running `sluice up`, reached through its run directory. */
export class SluiceRun {
  readonly runDir: string;
  private command: string;

  /** `root`: the checkout whose build runs. */
  constructor(root: string, runDir: string) {
    this.command = join(root, 'scripts', 'sluice');
    this.runDir = runDir;
  }

  async up(configuration: string): Promise<Status> {
    const file = join(this.runDir, 'sluice.yaml');
    writeFileSync(file, configuration);
    writeFileSync(this.commandFile, this.command);
    await this.call('up', '-c', file, '--detach');
    return this.status();
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.call('status', '-o', 'json')) as Status;
  }

  async down(): Promise<void> {
    await this.call('down');
  }

  /** Ends what an earlier run has left in this directory, if anything: it may have been killed while we froze it. */
  async clearLeftovers(): Promise<void> {
    // By the build that runs there, if it still exists.
    const command = existsSync(this.commandFile) ? readFileSync(this.commandFile, 'utf8') : this.command;
    if (existsSync(command)) this.command = command;
    const directory = new RunDir(this.runDir);
    const running = directory.running();
    if (running !== undefined) signalAll([running.pid], 'SIGCONT');
    if (running !== undefined || existsSync(directory.stateFile)) await this.down();
  }

  private get commandFile(): string {
    return join(this.runDir, 'command');
  }

  private call(command: string, ...args: string[]): Promise<string> {
    const argv = [command, ...args, '--run-dir', this.runDir];
    return run(this.command, argv, { timeoutMs: UP_TIMEOUT_MS });
  }
}

/** One line of the `ports:` list. */
export function portYaml(name: string, netns: string, device: string, addresses: readonly string[]): string {
  const prefixes = addresses.map((address) => `${address}/${PREFIX_BITS}`).join(', ');
  const fields = ['network: bench', `netns: ${netns}`, `interface: ${device}`, `addresses: [${prefixes}]`];
  return `  - { name: ${name}, ${fields.join(', ')} }`;
}

/** The ports of the two ends of environment `name`. */
export const endPorts = (name: string): string[] =>
  (['client', 'server'] as const).map((side) =>
    portYaml(side, namespaceOf(name, side), interfaceOf(side), addressesOf(side)),
  );

const memberYaml = (address: string): string =>
  `      - { name: "${address}", address: ${address}, weight: 1 }`;

/** Holds nothing but what all revisions know, unless `moreDatapath` says it, e.g. `, failFast: false`. */
export function configurationYaml(context: Context, ports: readonly string[], moreDatapath = ''): string {
  return `host: bench
datapath: { engine: ${context.engine}, busyPollUs: ${context.busyPollUs}${moreDatapath} }
networks:
  - { name: bench, vni: 1, mtu: ${MTU_BYTES}, subnets: [${SUBNET}] }
ports:
${ports.join('\n')}
groups:
  - name: tcp
    network: bench
    vip: ${VIP}
    protocol: tcp
    members:
${SERVER_ADDRESSES.map(memberYaml).join('\n')}
  - name: udp
    network: bench
    vip: ${VIP}
    protocol: udp
    members:
${memberYaml(UDP_SERVER_ADDRESS)}
`;
}

interface Variant {
  readonly name: string;
  readonly root: string;
  /** What `version` says beside engine and version. */
  readonly remark: string;
  readonly moreDatapath: string;
}

export const sluiceForwarder = (context: Context): Forwarder =>
  forwarderOf(context, { name: 'sluice', root: context.root, remark: '', moreDatapath: '' });

/** The build of another revision. */
export function beforeForwarder(context: Context): Forwarder {
  const { before } = context;
  if (before === undefined) throw new Error('column before: found no revision, expected one to be built');
  const { root, commit } = before;
  return forwarderOf(context, { name: 'before', root, remark: ` at ${commit}`, moreDatapath: '' });
}

/** The same build, without a look at times and losses. */
export function unmeasuredForwarder(context: Context): Forwarder {
  const setting = ', meterPacketsPerMs: 0';
  return forwarderOf(context, {
    name: 'unmeasured',
    root: context.root,
    remark: setting,
    moreDatapath: setting,
  });
}

function forwarderOf(context: Context, { name, root, remark, moreDatapath }: Variant): Forwarder {
  const run = new SluiceRun(root, makeDirectory(context, name));
  let status: Status | undefined;
  return {
    name,
    destination: VIP,
    async start() {
      status = await run.up(configurationYaml(context, endPorts(name), moreDatapath));
    },
    pids: () => (status === undefined ? [] : [status.pid]),
    version: async () =>
      `Sluice ${status?.version}${remark}, engine ${status?.engine} (${status?.engineReason})`,
    async stop() {
      if (status !== undefined) await run.down();
    },
  };
}
