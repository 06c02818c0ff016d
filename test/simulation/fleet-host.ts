/**
 * The host beneath a simulated agent: brings groups into force after a moment, as the datapath does, and has flows that
 * begin, run and end by the rules in force. Which flows a change ends, and when a drain's deadline is reached, the product's own code
 * says; the datapath itself is not under test here.
 */
import type { AgentHost } from '../../src/agent/agent-host.ts';
import type { HealthHost } from '../../src/agent/health/network-prober.ts';
import type { LoadSources } from '../../src/agent/load-report.ts';
import { membersInForce } from '../../src/config/model/criteria-sets.ts';
import { planLoadBalancers } from '../../src/config/model/load-balancer-plan.ts';
import type { Configuration, GroupConfig, PortConfig } from '../../src/config/model/model.ts';
import { DrainTimer } from '../../src/host/drain-deadlines.ts';
import type { EnforcedGroups } from '../../src/host/host.ts';
import { memberExits } from '../../src/host/member-exits.ts';
import type { MemberIdentity } from '../../src/host/publishing/datapath-ids.ts';
import type { WeightsByLoadBalancer } from '../../src/host/publishing/weights.ts';
import { sleep } from '../../src/runtime/runtime.ts';
import { type MemberStats, NO_STATS } from '../../src/tables/stat-table.ts';
import type { SimulatedProcess } from './virtual-time.ts';

export interface Flow {
  readonly group: string;
  readonly member: string;
  readonly untilMs: number;
}

export interface FlowEvents {
  began(flow: Flow): void;
  /** `why`: the flow's own end, its member's exit, or the deadline of its member's drain. */
  ended(flow: Flow, why: 'over' | 'exit' | 'deadline'): void;
}

interface Counted {
  readonly identity: MemberIdentity;
  readonly stats: MemberStats;
}

export class FleetHost implements AgentHost {
  configuration: Configuration;
  revision = 1;
  flows = new Set<Flow>();
  /** New flows begin. */
  isBusy = true;
  private readonly process: SimulatedProcess;
  private readonly events: FlowEvents;
  private readonly listeners = new Set<(configuration: Configuration) => void>();
  private readonly drainTimer: DrainTimer;
  private readonly counted: Counted[] = [];
  private changed = new Set<number>();
  private changes: Promise<unknown> = Promise.resolve();

  constructor(process: SimulatedProcess, configuration: Configuration, events: FlowEvents) {
    this.process = process;
    this.configuration = configuration;
    this.events = events;
    this.drainTimer = new DrainTimer(process, ({ group, member }) => {
      this.end((flow) => flow.group === group && flow.member === member, 'deadline');
      this.drainTimer.watch(this.configuration);
    });
    process.setTicker(() => this.traffic(), TRAFFIC_MS);
  }

  onInForce(listener: (configuration: Configuration) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  enforcedGroups(groups: readonly GroupConfig[]): EnforcedGroups[] {
    const plan = planLoadBalancers({ ...this.configuration, groups: [...groups] });
    return plan.map(({ key, groups }) => ({ loadBalancerKey: key, groups }));
  }

  applyGroups(
    groups: readonly GroupConfig[],
    _weights: WeightsByLoadBalancer,
    controllersClockMs?: number,
  ): Promise<void> {
    return this.exclusively(async () => {
      if (controllersClockMs !== undefined) this.drainTimer.controllersShow(controllersClockMs);
      await sleep(this.process, this.process.random() < 0.1 ? this.process.random() * 400 : 2);
      const exits = memberExits(this.configuration.groups, groups);
      this.bringIntoForce({ ...this.configuration, groups: [...groups] });
      for (const { group, member, ends } of exits) {
        if (ends === 'all') this.end((flow) => flow.group === group && flow.member === member, 'exit');
      }
      this.drainTimer.watch(this.configuration);
    });
  }

  /** What health checks need of the host. */
  get healthHost(): HealthHost {
    const host = this;
    return {
      addPort: (port: PortConfig) =>
        host.exclusively(async () => {
          host.bringIntoForce({ ...host.configuration, ports: [...host.configuration.ports, port] });
        }),
      removePort: (name: string) =>
        host.exclusively(async () => {
          const ports = host.configuration.ports.filter((port) => port.name !== name);
          host.bringIntoForce({ ...host.configuration, ports });
        }),
      onPortGone: () => () => {},
      publisher: {
        onInForce: (listener: (configuration: Configuration) => void) => host.onInForce(listener),
        get inForce() {
          return { configuration: host.configuration };
        },
      } as unknown as HealthHost['publisher'],
    };
  }

  load(): LoadSources {
    const { counted, configuration } = this;
    const left = new Map<number, number>();
    const groups = new Map(configuration.groups.map((group) => [group.name, group]));
    counted.forEach(({ identity, stats }, id) => {
      const group = groups.get(identity.group);
      const member = group && membersInForce(group, this.process.wallMs()).find(isCalled(identity.member));
      if (member?.state === 'draining') left.set(id, stats.activeFlows);
    });
    return {
      collector: {
        of: (id) => ({ stats: counted[id]?.stats ?? NO_STATS, newFlowsPerSecond: 0, bytesPerSecond: 0 }),
        has: (id) => id < counted.length,
        members: counted.keys(),
        takeChanged: () => {
          const members = this.changed;
          this.changed = new Set();
          return { members, rows: new Set() };
        },
        rowAt: () => undefined,
        readRow: () => NO_STATS,
        liveRows: [],
      },
      ids: {
        membersOf: (group, member) =>
          [...counted.keys()].filter((id) => {
            const { identity } = counted[id]!;
            return identity.group === group && (member === undefined || identity.member === member);
          }),
        memberOf: (id) => counted[id]?.identity,
        loadBalancerKey: () => undefined,
      },
      groups: configuration.groups,
      plan: [],
      left: { byMember: left, byRow: new Map() },
    };
  }

  localFlows() {
    return () => 0;
  }

  private bringIntoForce(configuration: Configuration): void {
    this.configuration = configuration;
    this.revision++;
    for (const listener of this.listeners) listener(configuration);
  }

  private exclusively<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.changes.then(act);
    this.changes = result.catch(() => {});
    return result;
  }

  // --- flows -----------------------------------------------------------------------------------------------------

  private traffic(): void {
    const nowMs = this.process.monotonicMs();
    if (!this.isBusy) return;
    this.end(({ untilMs }) => nowMs >= untilMs, 'over');
    for (const group of this.configuration.groups) {
      const member = this.chosen(group);
      if (member === undefined) continue;
      const flow = { group: group.name, member: member.name, untilMs: nowMs + this.process.random() * 8_000 };
      this.flows.add(flow);
      this.count(flow, member.address, (stats) => {
        stats.newFlows++;
        stats.activeFlows++;
        stats.packets += 10;
      });
      this.events.began(flow);
    }
  }

  private chosen(group: GroupConfig) {
    const members = membersInForce(group, this.process.wallMs()).filter(({ state }) => state === 'active');
    let at = this.process.random() * members.reduce((sum, { weight }) => sum + weight, 0);
    return members.find(({ weight }) => {
      at -= weight;
      return at < 0;
    });
  }

  private end(isMeant: (flow: Flow) => boolean, why: 'over' | 'exit' | 'deadline'): void {
    for (const flow of this.flows) {
      if (!isMeant(flow)) continue;
      this.flows.delete(flow);
      this.count(flow, '', (stats) => {
        stats.endedFlows++;
        stats.activeFlows--;
      });
      this.events.ended(flow, why);
    }
  }

  private count({ group, member }: Flow, address: string, change: (stats: MemberStats) => void): void {
    let id = this.counted.findIndex(({ identity }) => identity.group === group && identity.member === member);
    if (id < 0) {
      id = this.counted.length;
      this.counted.push({ identity: { group, member, address }, stats: { ...NO_STATS } });
    }
    change(this.counted[id]!.stats);
    this.changed.add(id);
  }
}

const TRAFFIC_MS = 700;

const isCalled =
  (name: string) =>
  (member: { readonly name: string }): boolean =>
    member.name === name;
