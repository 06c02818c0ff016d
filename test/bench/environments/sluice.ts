/**
 * Sluice itself, as a user starts it: `scripts/sluice up` with a configuration file. One VIP without a port
 * restriction, two members that are one server, so that each new connection goes through a choice and every
 * packet through the translation.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../../src/host/api.ts';
import {
  CLIENT_ADDRESS,
  type Context,
  type Forwarder,
  interfaceOf,
  MTU_BYTES,
  makeDirectory,
  namespaceOf,
  PREFIX_BITS,
  SERVER_ADDRESS,
  SUBNET,
  VIP,
} from '../environment.ts';
import { run } from '../process.ts';

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

  /** Ends an instance that an earlier run has left in this directory, if there is one. */
  async downIfUp(): Promise<void> {
    if (existsSync(join(this.runDir, 'api.sock'))) await this.down();
  }

  private call(command: string, ...args: string[]): Promise<string> {
    const argv = [command, ...args, '--run-dir', this.runDir];
    return run(this.command, argv, { timeoutMs: UP_TIMEOUT_MS });
  }
}

/** One line of the `ports:` list. */
export function portYaml(name: string, netns: string, device: string, address: string): string {
  const fields = [
    'network: bench',
    `netns: ${netns}`,
    `interface: ${device}`,
    `addresses: [${address}/${PREFIX_BITS}]`,
  ];
  return `  - { name: ${name}, ${fields.join(', ')} }`;
}

/** The ports of the two ends of environment `name`. */
export function endPorts(name: string): string[] {
  return [
    portYaml('client', namespaceOf(name, 'client'), interfaceOf('client'), CLIENT_ADDRESS),
    portYaml('server', namespaceOf(name, 'server'), interfaceOf('server'), SERVER_ADDRESS),
  ];
}

export function configurationYaml(context: Context, ports: readonly string[]): string {
  return `host: bench
datapath: { engine: ${context.engine}, busyPollUs: ${context.busyPollUs} }
networks:
  - { name: bench, vni: 1, mtu: ${MTU_BYTES}, subnets: [${SUBNET}] }
ports:
${ports.join('\n')}
groups:
  - name: bench
    network: bench
    vip: ${VIP}
    members:
      - { name: one, address: ${SERVER_ADDRESS}, weight: 1 }
      - { name: two, address: ${SERVER_ADDRESS}, weight: 1 }
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
