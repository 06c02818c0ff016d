/**
 * Where a host gets its groups from, and who answers requests about them: a controller in the same process,
 * or remote controllers. In both cases an agent connects the host to them.
 *
 * Embedded: the controller's state is in the configured store, or else in the run directory, where it
 * survives a killed process. A reload is applied to this host first, completely or not at all, then stored
 * and sent to the agents of other hosts.
 *
 * Remote: the host starts from the last rules that it received and keeps them in force while no controller
 * answers. Changes that people make here are passed to the controllers.
 */
import type { Logger } from 'pino';
import { Agent, groupsInForce } from '../agent/agent.ts';
import { agentHostOf } from '../agent/agent-host.ts';
import { HostServices } from '../agent/host-services.ts';
import { RuleJournal } from '../agent/rule-journal.ts';
import { controllersClock, RuleStore } from '../agent/rule-store.ts';
import { answeredBy } from '../api/answered-by.ts';
import type { AuditTrail } from '../api/audit.ts';
import type { Overview } from '../api/page/overview.ts';
import { type Answerer, type ApiRequest, answerRequest } from '../api/routes.ts';
import type {
  Changed,
  ControllersStatus,
  GroupOrigin,
  StreamCounts,
  UpcomingRow,
  Verdict,
} from '../api/shapes.ts';
import { VERSION } from '../api/version.ts';
import { Certificates, type Renewable } from '../config/certificates.ts';
import type { Configuration, GroupConfig, StoreConfig } from '../config/model/model.ts';
import { messageOf, Refusal } from '../config/problems/refusal.ts';
import type { TlsMaterial } from '../config/tls-files.ts';
import type { FleetServer } from '../controller/agents/fleet-server.ts';
import { Controller } from '../controller/controller.ts';
import { CONTROLLER_ROUTES, type ControllerContext } from '../controller/controller-routes.ts';
import { originOf } from '../controller/groups/group-states.ts';
import { upcomingRow } from '../controller/groups/pending-changes.ts';
import { controllerSamples } from '../controller/metrics.ts';
import { fleetOverview } from '../controller/overview.ts';
import type { Store } from '../controller/store/store.ts';
import { controllerProblems } from '../controller/verdict.ts';
import type { EventSink } from '../events/event.ts';
import type { Host } from '../host/host.ts';
import { createInProcessLink } from '../messages/in-process-link.ts';
import type { Samples } from '../metrics/samples.ts';
import { systemRuntime } from '../runtime/system-runtime.ts';
import {
  groupsAfterReload,
  type InForce,
  inForceAt,
  inForceFromElsewhere,
} from './changes/file-difference.ts';
import { openStoreInTime, type StartPatience } from './process-start.ts';
import { reachableAddress } from './reachable-address.ts';

export interface ControlOptions {
  readonly configuration: Configuration;
  /** Store of an embedded controller if the configuration has none. */
  readonly defaultStore: StoreConfig;
  /** File for the last rules of remote controllers. */
  readonly rulesFile: string;
  readonly events: EventSink;
  /** Audit trail of changes made here. */
  readonly audit: AuditTrail;
  readonly log: Logger;
  readonly patience: StartPatience;
}

export interface Control {
  /** Groups to start the host with. */
  readonly initialGroups: GroupConfig[];
  /** Current reading of the clock of their drain deadlines; undefined: this machine's. */
  readonly controllersClockMs?: number;
  /**
   * Called when the host runs: from then on its groups follow the controllers. `answerHost` answers for this
   * host only.
   */
  attach(host: Host, answerHost: Answerer): Promise<void>;
  /** Answers every request to this process. */
  readonly answer: Answerer;
  /** For `status`. */
  readonly status: ControllersStatus;
  readonly certificates: Certificates;
  /** Time since which the host is attached; undefined: no controllers are configured. */
  readonly tls: Renewable<TlsMaterial> | undefined;
  /** Of a fleet whose controller this is; undefined: the page shows the host. */
  readonly fleetOverview: (() => Overview) | undefined;
  /** For `diff` and `reload --dry-run`. */
  readonly inForce: InForce;
  groupsAfter(file: Configuration): readonly GroupConfig[];
  /** Origin of a group of this host. */
  originOf(group: string): GroupOrigin;
  /** Changes of the group with a time; null: only the controllers know. */
  upcomingOf(group: string): UpcomingRow[] | null;
  /** Health check result of a member, if this process knows it. */
  healthOf(group: string, member: string): string | undefined;
  /** Problems of an embedded controller. */
  readonly problems: Verdict['problems'];
  /** Adds the metrics of an embedded controller. */
  addSamples(samples: Samples): void;
  /**
   * Applies a changed file; resolves with the host's revision, and in a fleet with the hosts that have confirmed it.
   */
  reload(configuration: Configuration, by?: string): Promise<Changed>;
  /** `end`: a final stop, without a next process. */
  stop(how: 'end' | 'handOver'): Promise<void>;
}

export const startControl = (options: ControlOptions): Promise<Control> =>
  options.configuration.controllers === undefined
    ? EmbeddedControl.start(options)
    : Promise.resolve(new RemoteControl(options));

/** State of both kinds once the host runs. */
interface Attached {
  readonly host: Host;
  readonly agent: Agent;
  readonly answerHost: Answerer;
}

class EmbeddedControl implements Control {
  readonly initialGroups: GroupConfig[];
  readonly answer: Answerer;
  private readonly options: ControlOptions;
  readonly certificates: Certificates;
  readonly tls: Renewable<TlsMaterial> | undefined;
  private readonly store: Store;
  private readonly controller: Controller;
  private configuration: Configuration;
  private server: FleetServer | undefined;
  private attached: Attached | undefined;

  static async start(options: ControlOptions): Promise<EmbeddedControl> {
    const { configuration, defaultStore, log } = options;
    const { listen, store: storeConfig = defaultStore } = configuration;
    const certificates = new Certificates(log, systemRuntime);
    certificates.reportTo(options.events);
    try {
      const role = listen?.agents === undefined ? undefined : 'controller';
      const tls = certificates.addFleet(configuration.tls, role);
      const store = await openStoreInTime(storeConfig, log, { tls, certificates }, options.patience);
      return new EmbeddedControl(options, store, certificates, tls);
    } catch (error) {
      certificates.close();
      throw error;
    }
  }

  private constructor(
    options: ControlOptions,
    store: Store,
    certificates: Certificates,
    tls: Renewable<TlsMaterial> | undefined,
  ) {
    const { configuration, log, events } = options;
    this.options = options;
    this.store = store;
    this.certificates = certificates;
    this.tls = tls;
    this.configuration = configuration;
    const listen = configuration.listen?.agents;
    const address = listen === undefined ? '' : reachableAddress(listen, configuration.host);
    const self = { id: configuration.host, address };
    this.controller = new Controller({ configuration, store, log, events, runtime: systemRuntime, self });
    const { audit } = options;
    this.controller.answerAgentsWith(audit.around((request) => this.answerFleet(request)));
    this.answer = audit.around((request) => this.answerHere(request));
    this.initialGroups = this.controller.preview(configuration);
  }

  async attach(host: Host, answerHost: Answerer): Promise<void> {
    const { log, events } = this.options;
    const agent = new Agent({
      host: agentHostOf(host),
      services: (send) => new HostServices(host, log, systemRuntime, send),
      ownGroups: [],
      rules: new RuleStore(),
      startGroups: this.initialGroups,
      connect: (handler) => createInProcessLink(this.controller, handler, { runtime: systemRuntime }),
      answer: answerHost,
      log,
      events,
      runtime: systemRuntime,
    });
    this.attached = { host, agent, answerHost };
    const { tls } = this;
    const { listen } = this.configuration;
    if (listen?.agents !== undefined) {
      // Loading gRPC costs 100 ms and 20 MB, which a single host does not need.
      const { startFleetServer } = await import('../controller/agents/fleet-server.ts');
      const handler = this.controller;
      const server = await startFleetServer({
        listen: listen.agents,
        tls: tls?.current,
        handler,
        log,
        runtime: systemRuntime,
      });
      tls?.onChange((material) => server.useTls(material));
      this.server = server;
    }
  }

  get fleetOverview(): (() => Overview) | undefined {
    return this.server && (() => fleetOverview(this.controller));
  }

  get inForce(): InForce {
    return inForceAt(this.controller);
  }

  groupsAfter(file: Configuration): GroupConfig[] {
    return groupsAfterReload(this.controller, file);
  }

  upcomingOf(group: string): UpcomingRow[] {
    return (this.controller.groups.get(group)?.pending ?? []).map(upcomingRow);
  }

  healthOf(group: string, member: string): string | undefined {
    return this.controller.healthOf(group, member);
  }

  originOf(group: string): GroupOrigin {
    const state = this.controller.groups.get(group);
    return state === undefined ? 'file' : originOf(state);
  }

  get status(): ControllersStatus {
    const { leadership } = this.controller;
    return {
      kind: 'embedded',
      store: this.store.kind,
      agents: leadership?.agents.size ?? 0,
      streams: this.server === undefined ? null : streamsOf(this.server),
      setAside: [...this.controller.setAside].map(([key, problem]) => ({ key, problem })),
      certificates: this.certificates.list,
      link: linkStatus(this.attached!.agent),
    };
  }

  get problems(): Verdict['problems'] {
    return controllerProblems(this.controller);
  }

  addSamples(samples: Samples): void {
    controllerSamples(samples, this.controller, this.server && streamsOf(this.server));
  }

  /**
   * A controller of several hosts answers for all of them; for a single host, the host answers listings
   * itself.
   */
  private answerHere(request: ApiRequest): unknown {
    const by = answeredBy(request);
    const isOwn = by === 'host' || by === 'process' || by === undefined;
    const isHosts = isOwn || (by === 'listing' && this.server === undefined);
    return isHosts ? this.attached!.answerHost(request) : this.answerFleet(request);
  }

  async reload(configuration: Configuration, by?: string): Promise<Changed> {
    const { host, agent } = this.attached!;
    const known = new Map([...this.controller.groups].map(([name, { group }]) => [name, group]));
    const inForce = new Map(host.configuration.groups.map((group) => [group.name, group]));
    // A group that the file does not change keeps its current weights.
    const groups = this.controller
      .preview(configuration)
      .map((group) => (known.get(group.name) === group ? (inForce.get(group.name) ?? group) : group));
    const revision = await agent.changeHost({ fromControllers: groups }, () =>
      host.reload({ ...configuration, groups }),
    );
    this.configuration = configuration;
    const changed = await this.controller.reload(configuration, by);
    return this.server === undefined ? { revision } : { ...changed, revision };
  }

  async stop(): Promise<void> {
    await this.attached?.agent.close();
    await this.server?.close();
    await this.controller.stop();
    await this.store.close();
    this.certificates.close();
  }

  private async answerFleet(request: ApiRequest): Promise<unknown> {
    if (answeredBy(request) === undefined) return this.attached!.answerHost(request);
    const context: ControllerContext = {
      controller: this.controller,
      version: VERSION,
      certificates: this.certificates,
      streams: streamsOf(this.server),
      metrics: () => Promise.reject(new Refusal(400, 'metrics: expected on the host itself')),
      events: () => {
        throw new Refusal(400, 'events: expected on the host itself');
      },
      refusals: this.server?.refusals ?? [],
      reload: () => Promise.reject(new Refusal(400, 'reload: expected on the host itself')),
      diff: notHere,
      plan: notHere,
      down: () => {},
    };
    const answer = await answerRequest(CONTROLLER_ROUTES, context, request);
    return request.method === 'GET' ? answer : this.withLocalRevision(answer as Changed);
  }

  /** On a single host, flows and rules name the host's own revisions. */
  private withLocalRevision(changed: Changed): Changed {
    if (this.server !== undefined) return changed;
    const { scheduled } = changed;
    return { revision: this.attached!.host.publisher.revision, ...(scheduled && { scheduled }) };
  }
}

function streamsOf(server: FleetServer | undefined): StreamCounts {
  const {
    accepted = 0,
    refused = 0,
    turnedAway = 0,
    malformed = 0,
    failed = 0,
    overflows = 0,
  } = server?.counters ?? {};
  return { accepted, refused, turnedAway, malformed, failed, overflows };
}

class RemoteControl implements Control {
  readonly initialGroups: GroupConfig[];
  readonly certificates: Certificates;
  tls: Renewable<TlsMaterial> | undefined;
  private readonly options: ControlOptions;
  private readonly rules: RuleStore;
  private configuration: Configuration;
  private attached: Attached | undefined;

  constructor(options: ControlOptions) {
    const { configuration, rulesFile, log } = options;
    this.options = options;
    this.configuration = options.configuration;
    this.certificates = new Certificates(log, systemRuntime);
    this.certificates.reportTo(options.events);
    this.rules = new RuleStore(new RuleJournal(rulesFile));
    try {
      this.rules.load();
    } catch (error) {
      log.warn(`starting without the last rules of the controllers: ${messageOf(error)}`);
    }
    this.initialGroups = groupsInForce(this.rules.current, configuration.groups, configuration);
  }

  async attach(host: Host, answerHost: Answerer): Promise<void> {
    const { configuration, log, events } = this.options;
    const { controllers, tls, user } = configuration;
    this.tls = this.certificates.addFleet(tls, 'host'); // the link reads the files for each attempt
    const { createControllerLink } = await import('../agent/controller-link.ts');
    const agent = new Agent({
      host: agentHostOf(host),
      services: (send) => new HostServices(host, log, systemRuntime, send),
      ownGroups: configuration.groups,
      rules: this.rules,
      connect: (handler) =>
        createControllerLink({
          controllers: controllers!,
          tls,
          controllerUser: user,
          handler,
          log,
          runtime: systemRuntime,
        }),
      answer: answerHost,
      log,
      events,
      runtime: systemRuntime,
    });
    this.attached = { host, agent, answerHost };
  }

  get controllersClockMs(): number | undefined {
    return controllersClock(this.rules.current.clock, systemRuntime.wallMs());
  }

  get fleetOverview(): undefined {
    return undefined;
  }

  get inForce(): InForce {
    const { configuration } = this.attached!.host;
    return inForceFromElsewhere(this.configuration, configuration.groups);
  }

  groupsAfter(file: Configuration): GroupConfig[] {
    return groupsInForce(this.rules.current, file.groups, file);
  }

  upcomingOf(): null {
    return null;
  }

  healthOf(): undefined {
    return undefined;
  }

  originOf(group: string): GroupOrigin {
    return this.rules.current.definitions.has(group) ? 'controller' : 'file';
  }

  get status(): ControllersStatus {
    return {
      kind: 'remote',
      store: null,
      agents: null,
      streams: null,
      setAside: [],
      certificates: this.certificates.list,
      link: linkStatus(this.attached!.agent),
    };
  }

  get problems(): Verdict['problems'] {
    return [];
  }

  addSamples(): void {}

  /** The host answers about itself; requests about the fleet and every change go to the controllers. */
  answer(request: ApiRequest): unknown {
    const { agent, answerHost } = this.attached!;
    const by = answeredBy(request);
    if (by === 'stream') throw new Refusal(400, 'group watch: expected at a controller');
    if (by !== 'controller') return this.options.audit.around(answerHost)(request);
    const query = request.query.size === 0 ? '' : `?${request.query}`;
    const path = `/${request.path.map(encodeURIComponent).join('/')}${query}`;
    return agent.requests.ask(request.method, path, request.body as object | undefined, request.actor);
  }

  async reload(configuration: Configuration): Promise<Changed> {
    const { host, agent } = this.attached!;
    const groups = groupsInForce(this.rules.current, configuration.groups, configuration);
    const revision = await agent.changeHost({ own: configuration.groups }, () =>
      host.reload({ ...configuration, groups }),
    );
    this.configuration = configuration;
    return { revision };
  }

  async stop(how: 'end' | 'handOver'): Promise<void> {
    if (how === 'end') await this.attached?.agent.farewell();
    await this.attached?.agent.close();
    this.certificates.close();
  }
}

const notHere = (): never => {
  throw new Refusal(400, 'found a request of another host, expected one at the controller itself');
};

function linkStatus({ link }: Agent): ControllersStatus['link'] {
  const { state, controller, sinceMs, lastError, attachments, failures, malformed } = link.status;
  return {
    state,
    controller,
    since: new Date(sinceMs).toISOString(),
    lastError: lastError === '' ? null : lastError,
    attachments,
    failures,
    malformed,
  };
}
