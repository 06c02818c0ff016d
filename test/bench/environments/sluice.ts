/**
 * Sluice itself, as a user starts it: `scripts/sluice up` with a configuration file. One VIP, any port; TCP is
 * balanced over two members, so that each new connection goes through a choice and every packet through the
 * translation.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../../src/api/shapes.ts';
import { RunDir } from '../../../src/host/run-dir.ts';
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
export class SluiceInstance {
  readonly runDir: string;
  private readonly command: string;

  constructor(context: Context, runDir: string) {
    this.command = join(context.root, 'scripts', 'sluice');
    this.runDir = runDir;
  }

  async up(configuration: string): Promise<Status> {
    const file = join(this.runDir, 'sluice.yaml');
    writeFileSync(file, configuration);
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
    const directory = new RunDir(this.runDir);
    const running = directory.running();
    if (running !== undefined) signalAll([running.pid], 'SIGCONT');
    if (running !== undefined || existsSync(directory.stateFile)) await this.down();
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

export function configurationYaml(context: Context, ports: readonly string[]): string {
  return `host: bench
datapath: { engine: ${context.engine}, busyPollUs: ${context.busyPollUs} }
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

export function sluiceForwarder(context: Context): Forwarder {
  const instance = new SluiceInstance(context, makeDirectory(context, 'sluice'));
  let status: Status | undefined;
  return {
    name: 'sluice',
    destination: VIP,
    async start() {
      status = await instance.up(configurationYaml(context, endPorts('sluice')));
    },
    pids: () => (status === undefined ? [] : [status.pid]),
    version: async () => `Sluice ${status?.version}, engine ${status?.engine} (${status?.engineReason})`,
    async stop() {
      if (status !== undefined) await instance.down();
    },
  };
}
