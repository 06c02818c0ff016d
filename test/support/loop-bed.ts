/**
 * A host whose groups follow their load, for one test file: clients c1 … cN and servers a, b, c … in namespaces on
 * one network, an embedded controller, and one group `app` at 10.1.0.100:80 over the servers. Real connections are
 * opened, kept and closed as the test says.
 */
import type { GroupDetail, MemberRow } from '../../src/api/shapes.ts';
import { type Background, until } from './command.ts';
import { Host } from './host.ts';
import { SOAK_SERVER } from './paths.ts';

export const VIP = '10.1.0.100';
export const SERVER_PORT = 8080;

export interface LoopBedOptions {
  readonly clients: number;
  /** The names of their VMs; their addresses are 10.1.0.21 and on. */
  readonly servers: readonly string[];
  /** Those that are members from the beginning; default: all. */
  readonly members?: readonly string[];
  /** Script and arguments that a server runs, listening on SERVER_PORT and printing `ready`. */
  readonly command?: (server: string) => readonly string[];
  /** Further keys of the group. */
  readonly group?: (host: Host) => Record<string, unknown>;
  /** Further keys of the configuration. */
  readonly more?: (host: Host) => Record<string, unknown>;
}

/** Options of a bed whose group starts and stops VMs of its own, 1 to 3, by the load of its members. */
export const SCALED_BY_LOAD: Pick<LoopBedOptions, 'group' | 'more'> = {
  group: (host) => ({
    policy: { kind: 'inverse-load', interval: '200ms' },
    scaling: {
      members: {
        template: host.netns('i'),
        average: { above: 30, below: 10 },
        maximum: 3,
        sustain: '500ms',
        coolDown: '500ms',
        drainDeadline: '20s',
      },
    },
  }),
  more: (host) => ({
    templates: [
      {
        // Namespaces of VMs are called after their template.
        name: host.netns('i'),
        network: 'app',
        group: 'app',
        command: [process.execPath, SOAK_SERVER, 'vm', String(SERVER_PORT)],
        port: SERVER_PORT,
        addresses: '10.1.0.128/28',
      },
    ],
  }),
};

export class LoopBed extends Host {
  readonly servers: readonly string[];
  readonly clients: readonly string[];
  private readonly processes = new Map<string, Background>();

  private constructor({ clients, servers }: LoopBedOptions) {
    super();
    this.servers = servers;
    this.clients = Array.from({ length: clients }, (_, i) => `c${i + 1}`);
  }

  /** Up, with every server listening. */
  static async create(options: LoopBedOptions): Promise<LoopBed> {
    const bed = new LoopBed(options);
    try {
      await bed.up(bed.configuration(options) as never);
      await Promise.all(options.servers.map((server) => bed.serve(server, options.command?.(server))));
      return bed;
    } catch (error) {
      bed.close();
      throw error;
    }
  }

  private configuration({ servers, members = servers, group, more }: LoopBedOptions): object {
    const port = (name: string, address: string, tier: string) => ({
      name,
      network: 'app',
      netns: this.netns(name),
      addresses: [`${address}/24`],
      labels: { tier },
    });
    return {
      host: this.name,
      networks: [{ name: 'app', vni: 5001, subnets: ['10.1.0.0/24'] }],
      ports: [
        ...this.clients.map((name, i) => port(name, `10.1.0.${11 + i}`, 'client')),
        ...servers.map((name) => port(name, this.address(name), 'server')),
      ],
      groups: [
        {
          name: 'app',
          network: 'app',
          vip: VIP,
          protocol: 'tcp',
          port: 80,
          from: { tier: 'client' },
          members: members.map((name) => ({ name, address: this.address(name), port: SERVER_PORT })),
          ...group?.(this),
        },
      ],
      ...more?.(this),
    };
  }

  address(server: string): string {
    return `10.1.0.${21 + this.servers.indexOf(server)}`;
  }

  /** ADDRESS:PORT, for `member add`. */
  endpoint(server: string): string {
    return `${this.address(server)}:${SERVER_PORT}`;
  }

  /** Starts a server, again if it was stopped. */
  async serve(
    server: string,
    command: readonly string[] = [SOAK_SERVER, server, String(SERVER_PORT)],
  ): Promise<void> {
    const process_ = this.start(server, process.execPath, ...command);
    this.processes.set(server, process_);
    await until(`server ${server}`, () => {
      if (process_.child.exitCode !== null) throw new Error(process_.stderr);
      return process_.lines.includes('ready');
    });
  }

  /** Sends a server's process a signal. */
  signal(server: string, signal: NodeJS.Signals): void {
    this.processes.get(server)!.child.kill(signal);
  }

  /** Members of the group as `group show` lists them. */
  async members(): Promise<MemberRow[]> {
    return (await this.json<GroupDetail>('group', 'show', 'app')).members;
  }

  /** Waits for these weights of the members, in order; answers the milliseconds that it took. */
  async untilWeights(expected: readonly number[], timeoutMs = 60_000): Promise<number> {
    const startMs = performance.now();
    let found: readonly number[] = [];
    try {
      await until(
        `weights ${expected.join(' ')}`,
        async () => {
          found = (await this.members()).map(({ weight }) => weight);
          return found.join() === expected.join();
        },
        timeoutMs,
      );
    } catch (error) {
      throw new Error(`weights: found ${found.join(' ')}, expected ${expected.join(' ')}`, { cause: error });
    }
    return performance.now() - startMs;
  }
}
