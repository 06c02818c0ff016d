/**
 * The agent: connects this host to the controllers.
 *
 * Theory of operation. Received rules are brought into force one after the other, and each is answered with Applied.
 * Received figures of the fleet become weights where a group's policy is computed on the host. Load is reported at the
 * interval that the controller sets. The same steps run when the host starts (from the last rules, before any controller
 * has answered), when rules or figures arrive, and when a port appears. While no controller answers, the datapath keeps
 * its last rules.
 *
 * Rules and weights are brought into force by one serial queue, so that each step sees the result of the one before.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { answerCall } from '../api/call.ts';
import { PeerRequests } from '../api/peer-requests.ts';
import type { Answerer } from '../api/routes.ts';
import { OpenListings } from '../api/rows.ts';
import { VERSION } from '../api/version.ts';
import { type Configuration, type GroupConfig, routerOf } from '../config/model/model.ts';
import { messageOf } from '../config/problems/refusal.ts';
import type { EventSink } from '../events/event.ts';
import { MergedWeights } from '../host/publishing/weights.ts';
import type { ControllerLink, ControllerLinkHandler } from '../messages/link.ts';
import {
  type Applied,
  type FromController,
  type Hello,
  NEEDS_FULL_RULES,
  type Port,
  type Ports,
  PROTOCOL_VERSIONS,
  type Request,
  type Rules,
  type Welcome,
} from '../messages/messages.ts';
import { momentOf, type Runtime, sleep, steadyWallClock, type Timer } from '../runtime/runtime.ts';
import type { AgentHost } from './agent-host.ts';
import type { AgentServices, SendMessage } from './host-services.ts';
import { LoadReport, needsLoadByBalancer } from './load-report.ts';
import { LocalWeights } from './local-weights.ts';
import type { RuleStore, StoredRules } from './rule-store.ts';

/** Groups of an event. */
const MAX_NAMES = 32;

/** Timeout of a controller's answer when the host stops. */
const FAREWELL_MS = 1_000;

export interface AgentOptions {
  readonly host: AgentHost;
  /** What runs on the host besides rules. */
  services(send: SendMessage): AgentServices;
  /** Groups of this host's file, used until a controller sends a group of the same name. */
  readonly ownGroups: readonly GroupConfig[];
  readonly rules: RuleStore;
  /** Groups that the host was started with, until the controllers' first rules replace them. */
  readonly startGroups?: readonly GroupConfig[];
  /** Creates the link, with the agent as its handler. */
  connect(handler: ControllerLinkHandler): ControllerLink;
  /** Answers requests of controllers. */
  readonly answer: Answerer;
  readonly log: Logger;
  readonly events: EventSink;
  readonly runtime: Runtime;
}

export class Agent implements ControllerLinkHandler {
  readonly link: ControllerLink;
  /** This host's requests to the controllers. */
  readonly requests: PeerRequests;
  private readonly options: AgentOptions;
  private readonly runtime: Runtime;
  /** Greater than a previous agent's: from the wall clock, the only clock that both share. */
  private readonly epoch: number;
  /** Wall clock at the start, advanced monotonically: for reports, whose order and distances matter. */
  private readonly steadyMs: () => number;
  private readonly report = new LoadReport();
  private readonly localWeights = new LocalWeights();
  private readonly mergedWeights = new MergedWeights();
  private readonly services: AgentServices;
  private readonly listings: OpenListings;
  private readonly unwatch: () => void;
  /** The host's name in the fleet. */
  private told: Ports = { ports: [] };
  private ownGroups: readonly GroupConfig[];
  private welcome: Welcome | undefined;
  private sequence = 0;
  private lastReportMs = 0;
  private reportTimer: Timer | undefined;
  private lastStep: Promise<void> = Promise.resolve();
  private isClosed = false;
  /** Groups applied before the rules that contain them. */
  private ahead: readonly GroupConfig[] | undefined;

  constructor(options: AgentOptions) {
    const { runtime } = options;
    this.options = options;
    this.runtime = runtime;
    this.epoch = runtime.wallMs();
    this.steadyMs = steadyWallClock(runtime);
    this.ownGroups = options.ownGroups;
    this.ahead = options.startGroups;
    this.link = options.connect(this);
    this.listings = new OpenListings(options.answer, runtime);
    this.requests = new PeerRequests(runtime, 'the controllers', (request) => this.link.send(request));
    const { host } = options;
    this.services = options.services((message) => this.link.send(message));
    this.unwatch = host.onInForce(() => this.tellPorts());
    this.step(() => this.recompute());
  }

  /** Reports that this host stops on purpose, so that it is no longer expected. */
  async farewell(): Promise<void> {
    if (this.welcome === undefined) return;
    const { host } = this.options.host.configuration;
    const answered = this.requests.ask('DELETE', `/v1/agents/${encodeURIComponent(host)}`);
    // Controllers of older versions refuse this.
    await Promise.race([answered.catch(() => {}), sleep(this.runtime, FAREWELL_MS)]);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.runtime.clearTimer(this.reportTimer);
    this.listings.close();
    this.unwatch();
    await this.services.close();
    await this.link.close();
    await this.lastStep;
  }

  // --- the link ----------------------------------------------------------------------------------------------

  hello(): Hello {
    const { epoch, revision } = this.options.rules.current;
    const { configuration } = this.options.host;
    this.told = portsOf(configuration);
    return {
      protocolVersion: PROTOCOL_VERSIONS.oldest,
      newestProtocolVersion: PROTOCOL_VERSIONS.newest,
      host: configuration.host,
      agentEpoch: this.epoch,
      version: VERSION,
      rulesEpoch: epoch,
      rulesRevision: revision,
      ...this.told,
    };
  }

  attached(welcome: Welcome): void {
    this.welcome = welcome;
    this.runtime.clearTimer(this.reportTimer);
    this.reportTimer = this.runtime.setTicker(() => this.tell(), welcome.reportIntervalMs);
    this.reportTimer.unref();
    this.tellPorts();
    this.services.attached();
    // A controller in the same process says it itself.
    if (welcome.controller !== this.hostName)
      this.options.events.emit({
        type: 'agent.attached',
        subject: welcome.controller,
        details: { epoch: welcome.epoch, leader: welcome.leader },
      });
    this.tell();
  }

  detached(reason: string): void {
    const controller = this.welcome?.controller ?? '';
    this.welcome = undefined;
    this.runtime.clearTimer(this.reportTimer);
    if (!this.isClosed)
      this.options.events.emit({
        type: 'agent.detached',
        subject: controller,
        reason,
        line: `detached from the controllers: ${reason}`,
        level: 'warn',
      });
    this.requests.end();
  }

  received(message: FromController): void {
    switch (message.type) {
      case 'rules':
        return this.step(() => this.takeRules(message));
      case 'globalStats':
        this.localWeights.received(message, this.runtime.monotonicMs());
        return this.step(() => this.recompute());
      case 'request':
        this.answer(message).catch((error) => this.options.log.error(`agent: ${messageOf(error)}`));
        return;
      case 'reply':
        return this.requests.replied(message);
      default:
        this.services.received(message);
    }
  }

  /**
   * Runs a change of the host in the same queue as rules; settles as the change does. Controllers' groups that it
   * applies hold until the next rules; the host's own groups hold from then on.
   */
  changeHost<Result>(
    groups: { readonly fromControllers?: readonly GroupConfig[]; readonly own?: readonly GroupConfig[] },
    change: () => Promise<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.step(async () => {
        try {
          const result = await change();
          this.ahead = groups.fromControllers;
          this.ownGroups = groups.own ?? this.ownGroups;
          resolve(result);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }

  private tellPorts(): void {
    const ports = portsOf(this.options.host.configuration);
    if (isDeepStrictEqual(ports, this.told)) return;
    if (this.link.send({ type: 'ports', ...ports })) this.told = ports;
  }

  // --- load --------------------------------------------------------------------------------------------------

  private tell(): void {
    if (this.welcome === undefined) return;
    const atMs = this.steadyMs();
    const { host } = this.options;
    const isRaw = this.welcome.reportRaw || needsLoadByBalancer(host.configuration.groups);
    this.report.fill(host.load(), isRaw);
    const intervalMs = this.lastReportMs === 0 ? 0 : atMs - this.lastReportMs;
    this.lastReportMs = atMs;
    const header = { sequence: ++this.sequence, atMs, intervalMs, isAggregated: !isRaw };
    this.link.report(header, this.report.table);
    this.options.log.debug(`report ${header.sequence} sent`);
  }

  // --- rules and weights -------------------------------------------------------------------------------------

  private async takeRules(message: Rules): Promise<void> {
    const { rules, log } = this.options;
    const { epoch, revision } = message;
    try {
      const inForce = this.options.host.configuration.groups;
      const proposal = rules.propose(message, this.runtime.wallMs(), inForce);
      if (proposal.kind === 'older') {
        log.warn(`rules ${epoch}/${revision} are older than those in force: not taken`);
        return this.applied(message, `older than ${rules.current.epoch}/${rules.current.revision}`);
      }
      if (proposal.kind === 'other-base') return this.applied(message, NEEDS_FULL_RULES);
      await this.bringIntoForce(proposal.rules, proposal.rules.clock?.atMs);
      this.ahead = undefined;
      const problem = rules.accept(proposal.rules);
      if (problem !== undefined) log.warn(`the last rules could not be written down: ${problem}`);
      this.tellRules(message, inForce, proposal.rules.groups);
      this.applied(message, '');
      await this.recompute();
    } catch (error) {
      const why = messageOf(error);
      this.options.events.emit({
        type: 'rules.refused',
        subject: this.hostName,
        reason: why,
        details: { epoch, revision },
        line: `rules ${epoch}/${revision} are not in force: ${why}`,
        level: 'error',
      });
      this.applied(message, why);
    }
  }

  private tellRules(
    { epoch, revision }: Rules,
    before: readonly GroupConfig[],
    after: readonly GroupConfig[],
  ): void {
    const were = new Set(before);
    const changed = after.filter((group) => !were.has(group)).map(({ name }) => name);
    this.options.events.emit({
      type: 'rules.in-force',
      subject: this.hostName,
      actor: `controller ${this.welcome?.controller ?? ''}`,
      details: { epoch, revision, groups: after.length, changed: changed.slice(0, MAX_NAMES) },
    });
  }

  private get hostName(): string {
    return this.options.host.configuration.host;
  }

  private applied({ epoch, revision }: Rules, error: string): void {
    const localRevision = this.options.host.revision;
    const applied: Applied = { epoch, revision, localRevision, error };
    this.link.send({ type: 'applied', ...applied });
  }

  /** Weights computed on this host from the current figures. */
  private async recompute(): Promise<void> {
    const { current } = this.options.rules;
    await this.bringIntoForce({ ...current, groups: this.ahead ?? current.groups });
  }

  /** `clockMs`: current reading of the controllers' clock, if just received. */
  private async bringIntoForce(
    rules: Pick<StoredRules, 'groups' | 'balancers' | 'tombstones'>,
    clockMs?: number,
  ): Promise<void> {
    const { host } = this.options;
    const groups = groupsInForce(rules, this.ownGroups, host.configuration);
    const enforced = host.enforcedGroups(groups);
    const local = this.localWeights.compute(enforced, host.localFlows(), momentOf(this.runtime));
    await host.applyGroups(groups, this.mergedWeights.merge(rules.balancers, local), clockMs);
  }

  private step(act: () => Promise<void>): void {
    this.lastStep = this.lastStep
      .then(() => (this.isClosed ? undefined : act()))
      .catch((error) => this.options.log.error(`agent: ${messageOf(error)}`));
  }

  // --- requests of controllers -------------------------------------------------------------------------------

  private async answer({ id, method, path, body }: Request): Promise<void> {
    const { log } = this.options;
    const call = { method, target: path, body };
    const { status, body: value } = await answerCall(call, this.listings.answer, (error) =>
      log.error({ err: error }, `api: ${method} ${path} of the controllers failed`),
    );
    this.link.send({ type: 'reply', id, status, body: JSON.stringify(value) });
  }
}

/**
 * The host's own groups apply until a controller sends groups of the same names, or reports that these were removed;
 * they are added to the controller's other groups. Groups of networks that this host does not have are ignored.
 */
export function groupsInForce(
  { groups: fromControllers, tombstones }: Pick<StoredRules, 'groups' | 'tombstones'>,
  own: readonly GroupConfig[],
  { networks }: Configuration,
): GroupConfig[] {
  const known = new Set(networks.map(({ name }) => name));
  if (own.length === 0) return fromControllers.filter(({ network }) => known.has(network));
  const told = new Set([...fromControllers.map(({ name }) => name), ...tombstones]);
  return [...own.filter(({ name }) => !told.has(name)), ...fromControllers].filter(({ network }) =>
    known.has(network),
  );
}

const portsOf = (configuration: Configuration): Ports => ({
  ports: vmPorts(configuration),
  networks: {
    all: configuration.networks.map((network) => {
      const { name, vni } = network;
      const router = routerOf(network);
      return { name, vni, routed: router !== undefined, router: router ?? '' };
    }),
  },
  templates: { all: configuration.templates.map(({ name }) => name) },
});

const vmPorts = (configuration: Configuration): Port[] =>
  configuration.ports
    .filter(({ purpose }) => purpose !== 'probe')
    .map(({ name, network, netns, mac, addresses, labels }) => ({
      name,
      network,
      netns,
      mac,
      addresses,
      labels,
    }));
