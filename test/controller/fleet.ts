/**
 * A controller over a real file store with agents on in-process links: everything but hosts. The agents do what a
 * host's agent does with rules (take full ones and deltas, acknowledge, refuse what does not fit) and report what the
 * test tells them to.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { membersInForce } from '../../src/config/model/criteria-sets.ts';
import type { Configuration, GroupConfig, MemberConfig } from '../../src/config/model/model.ts';
import { Controller } from '../../src/controller/controller.ts';
import { FileStore } from '../../src/controller/store/file-store.ts';
import type { Store } from '../../src/controller/store/store.ts';
import type { TermSettings } from '../../src/controller/term.ts';
import type { EventSink } from '../../src/events/event.ts';
import { createInProcessLink } from '../../src/messages/in-process-link.ts';
import type { ControllerLink, ControllerLinkHandler } from '../../src/messages/link.ts';
import {
  type FromController,
  type GlobalStats,
  type Hello,
  type HostNetworks,
  NEEDS_FULL_RULES,
  type Port,
  PROTOCOL_VERSIONS,
  type Reply,
  type Request,
  type Rules,
  type VmEvent,
  type VmOrder,
  type Welcome,
} from '../../src/messages/messages.ts';
import type { ReportColumn } from '../../src/messages/report.ts';
import { ReportTable } from '../../src/messages/report-table.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { systemRuntime } from '../../src/runtime/system-runtime.ts';
import { linesOnly } from '../support/event-sinks.ts';
import { until } from './until.ts';

export const silent = pino({ level: 'silent' });

export const makeDirectory = (): string => mkdtempSync(join(tmpdir(), 'sluice-controller-'));
export const removeDirectory = (dir: string): void => rmSync(dir, { recursive: true, force: true });

export const openFileStore = (dir: string): Promise<Store> => FileStore.open({ dir }, silent, systemRuntime);

/** Quick steps, so that tests don't wait. */
export const QUICK: Partial<TermSettings> = {
  stepMs: 5,
  reportIntervalMs: 50,
  healthWarmUpMs: 50,
  settlingMs: 50,
};

export interface TestFleet {
  readonly controller: Controller;
  readonly store: Store;
  readonly dir: string;
  agent(host: string, options?: Partial<AgentOptions>): TestAgent;
  /** Ends the controller as a process would, and keeps what is in the store. */
  stop(): Promise<void>;
  /** The same, and removes the store. */
  close(): Promise<void>;
}

export async function startFleet(
  configuration: Configuration,
  {
    dir = makeDirectory(),
    id = 'c1',
    events = linesOnly(silent),
    runtime = systemRuntime,
  }: { dir?: string; id?: string; events?: EventSink; runtime?: Runtime } = {},
): Promise<TestFleet> {
  const store = await openFileStore(dir);
  const self = { id, address: `${id}:7400` };
  const controller = new Controller({
    runtime,
    configuration,
    store,
    log: silent,
    events,
    self,
    settings: QUICK,
  });
  await until(() => controller.leadership !== undefined);
  const agents: TestAgent[] = [];
  const stop = async (): Promise<void> => {
    for (const agent of agents) await agent.close();
    await controller.stop();
    await store.close();
  };
  return {
    controller,
    store,
    dir,
    agent(host, options) {
      const agent = new TestAgent(
        (handler) => createInProcessLink(controller, handler, { runtime: systemRuntime }),
        host,
        options,
      );
      agents.push(agent);
      return agent;
    },
    stop,
    async close() {
      await stop();
      removeDirectory(dir);
    },
  };
}

interface AgentOptions {
  readonly host: string;
  readonly ports: readonly Port[];
  /** Absent: it does not say, like an agent of an earlier version. */
  readonly networks?: HostNetworks;
  readonly agentEpoch: number;
  /** What it has in force when it attaches for the first time. */
  readonly rulesEpoch: number;
  readonly rulesRevision: number;
  /** What it answers to calls of the controller. */
  readonly answer: (request: Request) => Omit<Reply, 'id'>;
}

export const port = (name: string, network: string, labels: Record<string, string> = {}): Port => ({
  name,
  network,
  netns: name,
  mac: '02:00:00:00:00:01',
  addresses: [],
  labels,
});

const agentOptions = (host: string): AgentOptions => ({
  host,
  ports: [port(`${host}-web`, 'app')],
  agentEpoch: 1,
  rulesEpoch: 0,
  rulesRevision: 0,
  answer: () => ({ status: 404, body: '{"error":"no such resource"}' }),
});

let revisions = 100;

export class TestAgent {
  readonly groups = new Map<string, GroupConfig>();
  /** Rules in the order in which they came. */
  readonly rules: Rules[] = [];
  readonly globalStats: GlobalStats[] = [];
  readonly detachments: string[] = [];
  readonly replies: Reply[] = [];
  /** VMs that run here; orders are obeyed at once. */
  readonly vms = new Map<string, VmOrder>();
  welcome: Welcome | undefined;
  /** Set: rules are refused with this. */
  refusal = '';
  /** Set: rules are not acknowledged. */
  isMute = false;
  private readonly options: AgentOptions;
  private readonly link: ControllerLink;
  private readonly table = new ReportTable();
  private epoch: number;
  private revision: number;
  private sequence = 0;

  constructor(
    connect: (handler: ControllerLinkHandler) => ControllerLink,
    host: string,
    options?: Partial<AgentOptions>,
  ) {
    this.options = { ...agentOptions(host), ...options };
    this.epoch = this.options.rulesEpoch;
    this.revision = this.options.rulesRevision;
    this.link = connect({
      hello: () => this.hello(),
      attached: (welcome) => {
        this.welcome = welcome;
      },
      received: (message) => this.received(message),
      detached: (reason) => this.detachments.push(reason),
    });
  }

  get isAttached(): boolean {
    return this.link.state === 'attached';
  }

  get inForce(): { epoch: number; revision: number } {
    return { epoch: this.epoch, revision: this.revision };
  }

  /** Weights of the members in force, or their states where they are not active. */
  weights(group: string): (number | string)[] {
    return this.members(group).map(({ weight, state }) => (state === 'active' ? weight : state));
  }

  members(group: string): readonly MemberConfig[] {
    const found = this.groups.get(group);
    return found === undefined ? [] : membersInForce(found, Date.now());
  }

  /** Sends a report in which each member has these figures besides those of earlier ones. */
  report(
    group: string,
    members: Record<string, Partial<Record<ReportColumn, number>>>,
    loadBalancer = '',
  ): void {
    for (const [member, figures] of Object.entries(members)) {
      const key = { group, member, address: `address of ${member}`, loadBalancer };
      this.table.set(key, figures);
    }
    const isAggregated = loadBalancer === '';
    const header = { sequence: ++this.sequence, atMs: Date.now(), intervalMs: 20, isAggregated };
    this.link.report(header, this.table);
  }

  /** Tells all that it has found about the group's members, `true`: healthy. */
  probe(group: string, members: Record<string, boolean | 'drains'>): void {
    const results = Object.entries(members).map(([member, found]) => {
      const isHealthy = found === true;
      const isDraining = found === 'drains';
      // One that it has no rules about is of a host that lies.
      const { address } = this.members(group).find(({ name }) => name === member) ?? { address: '10.1.0.1' };
      const detail = isHealthy ? '' : isDraining ? 'its agent says drain' : 'refused';
      return { group, member, address, isHealthy, isDraining, sinceMs: 1, detail };
    });
    this.link.send({ type: 'probeResults', isFull: true, results });
  }

  setPorts(ports: readonly Port[], networks?: HostNetworks): void {
    this.link.send({ type: 'ports', ports, networks });
  }

  ask(method: string, path: string, body = ''): void {
    this.link.send({ type: 'request', id: this.replies.length + 1, method, path, body });
  }

  close(): Promise<void> {
    return this.link.close();
  }

  /** Says farewell, as a host that is stopped: it is not expected back. */
  async leave(): Promise<void> {
    const answered = this.replies.length + 1;
    this.ask('DELETE', `/v1/agents/${this.options.host}`);
    await until(() => this.replies.length >= answered);
    await this.close();
  }

  hello(): Hello {
    const { host, ports, networks, agentEpoch } = this.options;
    return {
      protocolVersion: PROTOCOL_VERSIONS.oldest,
      host,
      agentEpoch,
      version: '0.0.0',
      ports,
      networks,
      rulesEpoch: this.epoch,
      rulesRevision: this.revision,
    };
  }

  private received(message: FromController): void {
    if (message.type === 'rules') this.take(message);
    else if (message.type === 'globalStats') this.globalStats.push(message);
    else if (message.type === 'reply') this.replies.push(message);
    else if (message.type === 'vmOrder') this.obey(message);
    else if (message.type === 'request') {
      this.link.send({ type: 'reply', id: message.id, ...this.options.answer(message) });
    }
  }

  /** A VM's process has ended by itself. */
  crash(vm: string): void {
    const { template } = this.vms.get(vm)!;
    this.vms.delete(vm);
    this.tell(vm, template, 'crashed');
  }

  private obey({ command, vm, template, ...order }: VmOrder): void {
    if (command === 'start') {
      this.vms.set(vm, { command, vm, template, ...order });
      this.tell(vm, template, 'created');
      this.tell(vm, template, 'serving');
    } else {
      this.vms.delete(vm);
      this.tell(vm, template, 'terminated');
    }
  }

  private tell(vm: string, template: string, kind: VmEvent['kind']): void {
    this.link.send({ type: 'vmEvent', vm, template, kind, detail: '' });
  }

  private take(rules: Rules): void {
    this.rules.push(rules);
    const { epoch, revision } = rules;
    let error = this.refusal;
    if (!rules.isFull && (epoch !== this.epoch || rules.baseRevision !== this.revision)) {
      error = NEEDS_FULL_RULES;
    }
    if (error === '') {
      if (rules.isFull) this.groups.clear();
      for (const name of rules.removed) this.groups.delete(name);
      for (const { name, definition } of rules.groups) this.groups.set(name, JSON.parse(definition));
      this.epoch = epoch;
      this.revision = revision;
    }
    if (this.isMute) return;
    this.link.send({ type: 'applied', epoch, revision, localRevision: ++revisions, error });
  }
}
