/**
 * Three hosts as a fleet (hosts.ts), under one controller embedded in h1 or under three processes of their own over
 * an etcd, all over TLS of a development CA. The controllers and etcd run in the namespace of the bridges.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRow, ControllerStatus } from '../../src/api/fleet-shapes.ts';
import { ApiClient } from '../../src/cli/api-client.ts';
import { type Background, output, until } from './command.ts';
import { EtcdServer } from './etcd.ts';
import { claimName, Host, killProcess } from './host.ts';
import {
  CONTROL_ADDRESS,
  HOSTS,
  type HostName,
  Hosts,
  type HostsConfig,
  type RemoteHost,
  UNDERLAY_CONTROL_ADDRESS,
} from './hosts.ts';
import { CLI } from './paths.ts';
import type { GroupText } from './testbed-config.ts';

const AGENTS_PORT = 7001;
const CONTROLLERS = ['k1', 'k2', 'k3'] as const;
/** What the machine may take, which others use at the same time. */
const PATIENCE_MS = 30_000;

export interface FleetOptions {
  /** Edits what the controllers know of groups; the hosts have none of their own. */
  groups?: (groups: GroupText[]) => GroupText[];
  /** Of controllers and hosts. */
  templates?: readonly object[];
  /** Edits what a host has besides. */
  host?: (config: HostsConfig, label: HostName) => void;
}

/** A `sluice controller` of its own. */
export class ControllerProcess extends Host {
  readonly label: string;
  readonly address: string;
  readonly index: number;
  private readonly inside: string;

  constructor(index: number, namespace: string) {
    super();
    this.index = index;
    this.label = CONTROLLERS[index]!;
    this.address = controllerAddress(index);
    this.inside = namespace;
  }

  override get namespace(): string {
    return this.inside;
  }

  async launch(): Promise<void> {
    const { status, stderr } = await this.sluice('controller', '-c', this.configFile, '--detach');
    if (status !== 0) throw new Error(`controller ${this.label}: exit status ${status}\n${stderr}`);
  }

  controllerStatus(): Promise<ControllerStatus> {
    return apiOf(this).get<ControllerStatus>('/v1/status');
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    killProcess((await this.controllerStatus()).pid, signal);
  }
}

/** Without a process of its own, for what is asked again and again. */
export const apiOf = ({ runDir }: Host): ApiClient => new ApiClient(runDir);

const controllerAddress = (index: number): string => `${UNDERLAY_CONTROL_ADDRESS}:${AGENTS_PORT + index}`;

export class Fleet {
  readonly hosts: Hosts;
  /** Empty: h1 has the controller. */
  readonly controllers: readonly ControllerProcess[];
  readonly etcd: EtcdServer | undefined;
  private readonly clear: () => void;

  private constructor(
    hosts: Hosts,
    controllers: readonly ControllerProcess[],
    etcd: EtcdServer | undefined,
    clear: () => void,
  ) {
    this.hosts = hosts;
    this.controllers = controllers;
    this.etcd = etcd;
    this.clear = clear;
  }

  /** One controller, embedded in h1. */
  static async embedded(options: FleetOptions = {}): Promise<Fleet> {
    const authority = await makeAuthority({ controllers: [`h1=${CONTROL_ADDRESS.h1}`] });
    const address = `${CONTROL_ADDRESS.h1}:${AGENTS_PORT}`;
    const { templates = [] } = options;
    const hosts = await Hosts.create((config, label) => {
      config.tls = authority.tlsOf(label);
      options.host?.(config, label);
      const groups = options.groups?.(config.groups) ?? config.groups;
      config.groups = label === 'h1' ? groups : [];
      config.templates = templatesOn(config, templates);
      if (label === 'h1') Object.assign(config, { listen: { agents: address } });
      else config.controllers = [address];
    });
    return Fleet.whole(new Fleet(hosts, [], undefined, authority.clear));
  }

  /** Three controllers and an etcd; the hosts are up before any of them is. */
  static async overEtcd(options: FleetOptions = {}): Promise<Fleet> {
    const authority = await makeAuthority({
      controllers: CONTROLLERS.map((name) => `${name}=${UNDERLAY_CONTROL_ADDRESS}`),
      servers: [`etcd=${UNDERLAY_CONTROL_ADDRESS}`],
    });
    let networks: HostsConfig['networks'] = [];
    let groups: GroupText[] = [];
    const hosts = await Hosts.create((config, label) => {
      options.host?.(config, label);
      networks = config.networks;
      groups = options.groups?.(config.groups) ?? config.groups;
      config.groups = [];
      config.templates = templatesOn(config, options.templates ?? []);
      config.tls = authority.tlsOf(label);
      config.controllers = CONTROLLERS.map((_, index) => controllerAddress(index));
    });
    const controllers = CONTROLLERS.map((_, index) => new ControllerProcess(index, hosts.underlay));
    const etcd = await EtcdServer.startIn(hosts.underlay, UNDERLAY_CONTROL_ADDRESS, authority.tlsOf('etcd'));
    const fleet = new Fleet(hosts, controllers, etcd, authority.clear);
    try {
      for (const controller of controllers) {
        controller.configure({
          host: controller.label,
          listen: { agents: controller.address },
          store: { kind: 'etcd', endpoints: [etcd.endpoint] },
          tls: authority.tlsOf(controller.label),
          networks,
          groups,
          templates: options.templates ?? [],
        } as never);
      }
      await Promise.all(controllers.map((controller) => controller.launch()));
      return await Fleet.whole(fleet);
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  private static async whole(fleet: Fleet): Promise<Fleet> {
    try {
      await fleet.attached();
      return fleet;
    } catch (error) {
      await fleet.close();
      throw error;
    }
  }

  /** The controller process that leads. */
  async leader(): Promise<ControllerProcess> {
    return until(
      'a leader',
      async () => {
        for (const controller of this.controllers) {
          const status = await controller.controllerStatus().catch(() => undefined);
          if (status?.role === 'leader') return controller;
        }
        return undefined;
      },
      PATIENCE_MS,
    );
  }

  /** Where commands for the whole fleet are given. */
  async head(): Promise<Host> {
    return this.controllers.length === 0 ? this.hosts.host('h1') : this.leader();
  }

  /** The attached ones. */
  async agents(): Promise<AgentRow[]> {
    const rows = await apiOf(await this.head()).get<AgentRow[]>('/v1/agents');
    return rows.filter(({ state }) => state === 'attached');
  }

  /** Waits until all hosts are attached, and have in force what they were sent. */
  async attached(): Promise<void> {
    await until(
      'all hosts to be attached',
      async () => {
        const rows = await this.agents();
        return rows.length === HOSTS.length && rows.every((row) => row.revision === row.sentRevision);
      },
      PATIENCE_MS,
    );
  }

  /** Traffic through the VIPs of `echo` and `web` from one client of each host, until `stop` says what was lost. */
  steady(intervalMs = 25): SteadyTraffic {
    return new SteadyTraffic(this.hosts, intervalMs);
  }

  host(label: HostName): RemoteHost {
    return this.hosts.host(label);
  }

  async close(): Promise<void> {
    for (const controller of this.controllers) controller.close();
    await this.etcd?.remove();
    this.hosts.close();
    this.clear();
  }
}

/** What steady.ts says. */
export interface SteadyResult {
  readonly client: string;
  readonly sent: number;
  readonly answered: number;
  readonly losses: readonly string[];
  readonly servers: Readonly<Record<string, number>>;
  readonly longestGapMs: number;
}

export class SteadyTraffic {
  private readonly clients: ReadonlyMap<string, Background>;

  constructor(hosts: Hosts, intervalMs: number) {
    const command = [process.execPath, STEADY, '10.1.0.101:53', '10.1.0.100:80', String(intervalMs)];
    this.clients = new Map(['c1', 'c3', 'c5'].map((client) => [client, hosts.start(client, ...command)]));
  }

  /** Resolves when each client has had answers. */
  async running(): Promise<void> {
    const answers = async (client: Background): Promise<number> => {
      const printed = client.lines.length;
      client.child.kill('SIGUSR2');
      await until('a line', () => client.lines.length > printed);
      return (JSON.parse(client.lines.at(-1)!) as SteadyResult).answered;
    };
    for (const client of this.clients.values()) {
      await until('the first answer', () => client.lines.includes('started'), PATIENCE_MS);
      await until('answers', async () => (await answers(client)) > 10, PATIENCE_MS);
    }
  }

  async stop(): Promise<SteadyResult[]> {
    return Promise.all(
      [...this.clients].map(async ([client, background]) => {
        await background.stop();
        const last = background.lines.at(-1);
        if (last === undefined) throw new Error(`steady traffic of ${client}: ${background.stderr}`);
        return { client, ...(JSON.parse(last) as Omit<SteadyResult, 'client'>) };
      }),
    );
  }
}

const STEADY = join(import.meta.dirname, 'clients/steady.js');

interface Authority {
  tlsOf(name: string): { ca: string; cert: string; key: string };
  clear(): void;
}

/** Those whose network the host has. */
const templatesOn = ({ networks }: HostsConfig, templates: readonly object[]): object[] =>
  templates.filter((template) =>
    networks.some(({ name }) => name === (template as { network: string }).network),
  );

/** Made by `sluice tls init`. */
async function makeAuthority(others: Readonly<Record<string, readonly string[]>>): Promise<Authority> {
  const { name, clear } = claimName();
  const directory = `/run/${name}-testbed`;
  const options = Object.entries(others).flatMap(([role, names]) => [`--${role}`, names.join(',')]);
  const args = ['tls', 'init', directory, '--hosts', HOSTS.join(','), ...options, '-o', 'json'];
  const made = JSON.parse(await output(process.execPath, CLI, ...args)) as {
    ca: string;
    certificates: { host: string; cert: string; key: string }[];
  };
  return {
    tlsOf(host) {
      const { cert, key } = made.certificates.find((certificate) => certificate.host === host)!;
      return { ca: made.ca, cert, key };
    },
    clear: () => {
      rmSync(directory, { recursive: true, force: true });
      clear();
    },
  };
}
