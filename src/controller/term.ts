/**
 * One term of leadership: all that only the leader does, from its election to its loss.
 *
 * Theory of operation. Agents attach and are sent the rules they need; they report load, the aggregation sums it up,
 * policies turn it into weights, and changes are sent at the next tick of a short clock, so that many changes at a
 * time cost one message per agent. Changes by people and by health checks are sent at once. Nothing here is durable:
 * a new leader gets the groups from the store, and load from the agents when they attach. Until the load is known,
 * agents keep the weights of its predecessor: `begin` holds the distribution for a few report intervals, or until the
 * groups change, if any weights are computed at all.
 *
 * A host has one agent: if two attach under its name, the one started last wins, and of two streams of the same agent
 * the newer.
 */
import type { Logger } from 'pino';
import { findMember } from '../config/model/group-members.ts';
import type { GroupConfig } from '../config/model/model.ts';
import { messageOf } from '../config/problems/refusal.ts';
import type { EventSink, Outlets } from '../events/event.ts';
import { IN_PROCESS_PEER } from '../messages/in-process-link.ts';
import type { AgentSession, AgentSessionListener } from '../messages/link.ts';
import {
  type FromAgent,
  PROTOCOL_VERSIONS,
  type ProbeResults,
  type Request,
  type VmEvent,
} from '../messages/messages.ts';
import { commonVersion, versionsOf } from '../messages/protocol-version.ts';
import { momentOf, type Runtime, type Timer } from '../runtime/runtime.ts';
import { AttachedAgent } from './agents/attached-agent.ts';
import { Distribution } from './distribution/distribution.ts';
import { isConcerned } from './distribution/interest.ts';
import { SetEvents } from './groups/set-events.ts';
import { Aggregation } from './load/aggregation.ts';
import { FleetLoads } from './load/fleet-loads.ts';
import { GlobalStatsSender } from './load/global-stats.ts';
import { ReportedLoads } from './load/reported-loads.ts';
import { HOST_LOSS_MS } from './vm-manager/vm-manager.ts';
import { GroupWeights } from './weights/group-weights.ts';
import { weightEvent } from './weights/weight-events.ts';

export interface TermSettings {
  readonly reportIntervalMs: number;
  /** Load by load balancer, not only by host. */
  readonly reportRaw: boolean;
  /** Ticks of the clock: runs the due policies and sends changes. */
  readonly stepMs: number;
  /** From the election to the first verdict on members' health. */
  readonly healthWarmUpMs: number;
  /** Time for a host to attach after an election or a broken stream before it counts as away. */
  readonly settlingMs: number;
}

export const DEFAULT_TERM_SETTINGS: TermSettings = {
  reportIntervalMs: 1_000,
  reportRaw: false,
  stepMs: 100,
  healthWarmUpMs: 2_000,
  settlingMs: HOST_LOSS_MS,
};

/** Rates need two reports, and agents attach within one report interval. */
const HOLD_REPORTS = 3;

export interface TermHooks {
  /** An agent's request to the controller's API. */
  requested(agent: AttachedAgent, request: Request): void;
  probed(host: string, results: ProbeResults): void;
  vmEvent(host: string, event: VmEvent): void;
  attached(agent: AttachedAgent): void;
  /** The host has rules of a newer epoch, or of this one that this term did not issue. */
  outranked(host: string, epoch: number): void;
  /** `revision`: the revision of this term that the host had in force; 0: none. */
  detached(agent: AttachedAgent, revision: number): void;
}

export class Term {
  readonly epoch: number;
  /** Ticks of the clock in this term: their number and total time. */
  readonly steps = { count: 0, totalMs: 0 };
  readonly agents = new Map<string, AttachedAgent>();
  readonly aggregation = new Aggregation({ isKnown: (group, member) => this.hasMember(group, member) });
  readonly reportedLoads = new ReportedLoads();
  readonly loads = new FleetLoads(this.aggregation, this.reportedLoads, (name) => this.groups.get(name));
  readonly distribution: Distribution;
  readonly weights = new GroupWeights(this.loads, (change) => this.events.emit(weightEvent(change)));
  private readonly globalStats: GlobalStatsSender;
  private readonly sets: SetEvents;
  private readonly self: { readonly id: string; readonly address: string };
  private readonly settings: TermSettings;
  private readonly hooks: TermHooks;
  private readonly log: Logger;
  private readonly events: EventSink;
  readonly runtime: Runtime;
  private readonly clock: Timer;
  private groups: ReadonlyMap<string, GroupConfig> = new Map();
  private holdTimer: Timer | undefined;

  constructor(
    epoch: number,
    self: { readonly id: string; readonly address: string },
    settings: TermSettings,
    hooks: TermHooks,
    { log, events, runtime }: Outlets<Logger> & { readonly runtime: Runtime },
  ) {
    this.epoch = epoch;
    this.self = self;
    this.settings = settings;
    this.hooks = hooks;
    this.log = log;
    this.events = events;
    this.runtime = runtime;
    this.distribution = new Distribution(epoch, runtime, (group, host) =>
      this.weights.balancersOf(group, host),
    );
    this.sets = new SetEvents(events);
    this.globalStats = new GlobalStatsSender(epoch, this.loads);
    this.clock = runtime.setTicker(() => this.step(), settings.stepMs);
    this.clock.unref();
  }

  /** The groups at the start of the term. */
  begin(groups: ReadonlyMap<string, GroupConfig>, tombstones: readonly string[]): void {
    this.setGroups(groups, tombstones);
    const isComputed = ({ policy }: GroupConfig): boolean =>
      policy !== undefined && policy.kind !== 'even' && policy.mode !== 'distribute-stats';
    if (![...groups.values()].some(isComputed)) return;
    this.distribution.hold();
    this.holdTimer = this.runtime.setTimer(() => {
      this.step();
      this.distribution.release();
    }, HOLD_REPORTS * this.settings.reportIntervalMs);
    this.holdTimer.unref();
  }

  /** Distributes the groups as they are configured now. */
  setGroups(groups: ReadonlyMap<string, GroupConfig>, tombstones: readonly string[]): void {
    this.groups = groups;
    this.reportedLoads.keepOnly(groups);
    this.distribution.setTombstones(tombstones);
    this.distribution.release();
    if (this.weights.setGroups(groups, momentOf(this.runtime)))
      this.distribution.publish(this.weights.groups);
  }

  attach(session: AgentSession): AgentSessionListener {
    const agent = new AttachedAgent(session, this.runtime);
    const { host, hello } = agent;
    const other = this.agents.get(host);
    if (other !== undefined && other.hello.agentEpoch > hello.agentEpoch) {
      session.close(`another agent of host ${host}, started later, is attached from ${other.session.peer}`);
      return { received: () => {}, detached: () => {} };
    }
    if (other !== undefined) {
      this.remove(other);
      other.session.close(`host ${host} has attached again from ${session.peer}`);
    }
    this.agents.set(host, agent);
    this.events.emit({
      type: 'agent.attached',
      subject: host,
      details: { peer: session.peer, version: hello.version, ports: hello.ports.length },
      line: `host ${host} attached from ${session.peer}: ${hello.ports.length} ports`,
    });
    agent.send({
      type: 'welcome',
      // The link has already refused agents without a common version.
      protocolVersion: commonVersion(PROTOCOL_VERSIONS, versionsOf(hello)) ?? PROTOCOL_VERSIONS.newest,
      epoch: this.epoch,
      controller: this.self.id,
      leader: this.self.address,
      reportIntervalMs: this.settings.reportIntervalMs,
      reportRaw: this.settings.reportRaw,
    });
    this.aggregation.attached(host, hello.agentEpoch);
    const traits = {
      hasRules: hello.rulesEpoch > 0,
      // The host that the controller runs in lists all groups, whether or not they concern it.
      needsAll: session.peer === IN_PROCESS_PEER && host === this.self.id,
    };
    this.distribution.attach(host, agent.hostPorts, traits, (message) => agent.send(message));
    this.hooks.attached(agent);
    const { rulesEpoch, rulesRevision } = hello;
    if (rulesEpoch > this.epoch || (rulesEpoch === this.epoch && rulesRevision > this.distribution.revision))
      this.hooks.outranked(host, rulesEpoch);
    return {
      received: (message) => this.received(agent, message),
      detached: (reason) => this.detached(agent, reason),
    };
  }

  /** Redirects the agents to the new leader; '': none known. */
  end(leader: string): void {
    this.runtime.clearTimer(this.clock);
    this.runtime.clearTimer(this.holdTimer);
    for (const agent of [...this.agents.values()]) {
      this.remove(agent);
      agent.send({ type: 'redirect', leader });
      agent.session.close('this controller has lost leadership');
    }
    this.distribution.stop();
  }

  private received(agent: AttachedAgent, message: FromAgent): void {
    if (this.agents.get(agent.host) !== agent) return;
    switch (message.type) {
      case 'report': {
        const nowMs = this.runtime.monotonicMs();
        agent.noteReport(message.sequence, nowMs);
        this.aggregation.report(agent.host, message, nowMs);
        return;
      }
      case 'applied':
        if (message.error !== '') {
          this.events.emit({
            type: 'rules.refused',
            subject: agent.host,
            reason: message.error,
            details: { revision: message.revision },
            line: `host ${agent.host} has not applied revision ${message.revision}: ${message.error}`,
            level: 'warn',
          });
        }
        return this.distribution.applied(agent.host, message);
      case 'ports':
        agent.tookPorts(message);
        return this.distribution.portsChanged(agent.host, agent.hostPorts);
      case 'probeResults':
        return this.hooks.probed(agent.host, message);
      case 'memberLoads': {
        const { host, hostPorts } = agent;
        this.reportedLoads.took(host, message.loads, this.runtime.monotonicMs(), (name) => {
          const group = this.groups.get(name);
          return group !== undefined && isConcerned(hostPorts, group) ? group : undefined;
        });
        return;
      }
      case 'vmEvent':
        return this.hooks.vmEvent(agent.host, message);
      case 'request':
        return this.hooks.requested(agent, message);
      case 'reply':
        return agent.requests.replied(message);
      case 'hello': // handled by the link
        return;
    }
  }

  private detached(agent: AttachedAgent, reason: string): void {
    if (this.agents.get(agent.host) !== agent) return;
    this.events.emit({
      type: 'agent.detached',
      subject: agent.host,
      reason,
      line: `host ${agent.host} detached: ${reason}`,
    });
    const revision = this.distribution.feedOf(agent.host)?.appliedRevision ?? 0;
    this.remove(agent);
    this.hooks.detached(agent, revision);
  }

  private remove(agent: AttachedAgent): void {
    this.agents.delete(agent.host);
    agent.requests.end();
    this.distribution.detach(agent.host);
    this.aggregation.detached(agent.host);
    this.reportedLoads.detached(agent.host);
  }

  private hasMember(group: string, member: string): boolean {
    const config = this.groups.get(group);
    return config !== undefined && findMember(config, member) !== undefined;
  }

  private step(): void {
    const now = momentOf(this.runtime);
    try {
      this.sets.look(this.groups, now.wallMs);
      if (this.weights.tick(now)) this.distribution.publish(this.weights.groups);
      this.globalStats.step(now, this.groups, this.agents, this.distribution);
    } catch (error) {
      // A policy that throws has a bug; its weights stay in force, and the other groups are computed on the next
      // tick.
      this.log.error({ err: error }, `weights: ${messageOf(error)}`);
    }
    this.steps.count++;
    this.steps.totalMs += this.runtime.monotonicMs() - now.monotonicMs;
  }
}
