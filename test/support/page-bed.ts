/** A page with the state that a test gives it, at a real listener. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import type { GroupLoad, Overview } from '../../src/api/page/overview.ts';
import type { Answerer } from '../../src/api/routes.ts';
import { type ServerTls, startReadOnlyServer, stopApiServer } from '../../src/api/server.ts';
import type { BalancerMemberRow, GroupDetail, MemberRow, PortRow, Status } from '../../src/api/shapes.ts';
import { verdictOf } from '../../src/api/verdict.ts';
import { Refusal } from '../../src/config/problems/refusal.ts';
import { Page } from '../../src/page/page.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';

export const groupLoad = (group: string, some: Partial<GroupLoad> = {}): GroupLoad => ({
  group,
  networks: ['app'],
  vip: ['10.1.0.100'],
  protocol: 'tcp',
  ports: ['80'],
  algorithm: 'round-robin',
  members: 2,
  active: 2,
  draining: 0,
  failed: 0,
  activeFlows: 0,
  newFlowsPerSecond: 0,
  bytesPerSecond: 0,
  ...some,
});

/** What the page reads of a member. */
export const memberRow = (member: string, some: Partial<MemberRow> = {}): MemberRow => {
  const read: Partial<MemberRow> = {
    member,
    address: '10.1.0.21',
    port: 8080,
    state: 'active',
    weight: 1,
    flowsLeft: null,
    activeFlows: 0,
    newFlows: 0,
    newFlowsPerSecond: 0,
    bytesPerSecond: 0,
    loadBalancers: [],
    ...some,
  };
  return read as MemberRow;
};

/** What one load balancer sends to a member, as far as the page reads it. */
export const sender = (host: string, loadBalancer: string, activeFlows: number): BalancerMemberRow => {
  const read: Partial<BalancerMemberRow> = { host, loadBalancer, weight: 1, activeFlows };
  return read as BalancerMemberRow;
};

export const portRow = (port: string, some: Partial<PortRow> = {}): PortRow => ({
  port,
  network: 'app',
  netns: port,
  interface: 'eth0',
  mac: '02:00:00:00:00:01',
  addresses: ['10.1.0.11/24'],
  allowedAddresses: [],
  allowedMacs: [],
  guards: [],
  state: 'up',
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  drops: {},
  ...some,
});

export class PageBed {
  overview: Overview = { groups: [], senders: [] };
  members = new Map<string, MemberRow[]>();
  ports: PortRow[] = [];
  problems: { problem: string; advice: string }[] = [];
  name = 'h1';
  /** How often the state has been read. */
  reads = 0;
  readonly failures: unknown[] = [];
  private server: Server | undefined;
  private page: Page | undefined;

  async open(runtime: Runtime = systemRuntime, tls?: ServerTls, port = 0): Promise<void> {
    const answerer: Answerer = (request) => this.answer(request.path);
    const source = {
      isFleet: false,
      overview: () => {
        this.reads++;
        return this.overview;
      },
    };
    this.page = new Page(answerer, source, runtime, (error) => this.failures.push(error));
    const at = { host: '127.0.0.1', port, tls };
    this.server = await startReadOnlyServer(
      at,
      this.page.around(answerer),
      pino({ level: 'silent' }),
      runtime,
    );
  }

  get port(): number {
    return (this.server!.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Open connections, as the listener sees them. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.server!.getConnections((_, count) => resolve(count)));
  }

  async close(): Promise<void> {
    this.page?.close();
    if (this.server !== undefined) await stopApiServer(this.server, systemRuntime);
  }

  private answer([, resource, name]: readonly string[]): unknown {
    if (resource === 'status') return this.status();
    if (resource === 'ports') return this.ports;
    if (resource === 'flows') return [];
    const members = this.members.get(name ?? '');
    if (resource === 'groups' && members !== undefined) return this.detail(name!, members);
    throw new Refusal(404, `group: found ${name}`);
  }

  private detail(group: string, members: MemberRow[]): GroupDetail {
    const read: Partial<GroupDetail> = {
      ...groupLoad(group),
      network: 'app',
      port: 80,
      origin: 'file',
      rewrite: 'address',
      activeMembers: members.length,
      newFlows: 0,
      hash: null,
      affinityMs: null,
      avoidSelf: false,
      udpScheduling: 'per-flow',
      drainFallback: false,
      effectiveFrom: null,
      effectiveUntil: null,
      nextChange: null,
      loadBalancers: 1,
      members,
    };
    return read as GroupDetail;
  }

  private status(): Status {
    return {
      verdict: verdictOf(this.problems),
      version: '0.0.0',
      host: this.name,
      startedAt: '2026-01-01T00:00:00.000Z',
      revision: 7,
      connections: { inUse: 0, max: 1024, created: 0, expired: 0, refused: 0 },
      controllers: { kind: 'embedded' },
      warnings: [],
    } as unknown as Status;
  }
}
